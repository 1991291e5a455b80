"""The command line: one line that says what to do when something is in the way, never a traceback."""

import errno
import gc
import sys
from pathlib import Path
from typing import Any

import click
from click.shell_completion import get_completion_class

from tidings.bootstrap import cli_records, cli_upkeep
from tidings.bootstrap.settings import CONTEXTS, PORTS, read_settings
from tidings.bootstrap.terminal import answer, data_option, err, json_option
from tidings.bootstrap.terminal import run as at_work
from tidings.domain.errors import Refused


def main() -> None:
    """Run the command line; refusals become one line and exit code 1, wrong settings 78."""
    # Until what is asked for is brought in: see `collect_rarely`.
    gc.disable()
    try:
        cli(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except Refused as refused:
        err.print(str(refused), style="red")
        for fault in refused.faults:
            err.print(f"  {fault.field}: {fault.message} ({fault.rule})")
        sys.exit(78 if refused.code == "BAD_SETTINGS" else 1)
    except OSError as error:
        err.print(_explained(error), style="red")
        sys.exit(1)


def _explained(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "The port is in use: stop what listens there, or choose another with --port."
    if error.errno == errno.ENOSPC:
        return "The disk is full: make room, then start again. Nothing that was confirmed is lost."
    return f"{error.strerror or error}: {error.filename or ''}".rstrip(": ")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tidings")
def cli() -> None:
    """tidings: the platform on which a business runs its WhatsApp."""


@cli.command()
@click.argument("contexts", nargs=-1, type=click.Choice(CONTEXTS))
@click.option(
    "--port",
    type=int,
    default=None,
    envvar="PORT",
    show_envvar=True,
    help="Port to listen on (3000, or the context's own).",
)
@click.option("--host", default=None, help="Address to listen on (127.0.0.1).")
@click.option("--send/--no-send", default=True, help="Whether this process also sends.")
@data_option
def serve(
    contexts: tuple[str, ...], port: int | None, host: str | None, send: bool, data: Path | None
) -> None:
    """Serve the HTTP API: all six contexts, or those that are named."""
    from tidings.bootstrap.service import serve as run

    chosen = contexts or CONTEXTS
    settings = read_settings(data=data, host=host, contexts=chosen)
    at_work(run(settings, chosen, port or (PORTS[chosen[0]] if len(chosen) == 1 else 3000), send=send))


@cli.command()
@data_option
def worker(data: Path | None) -> None:
    """Send what is due, and nothing else; as many of these as you like."""
    from tidings.bootstrap.service import work

    at_work(work(read_settings(data=data, contexts=("whatsapp",))))


@cli.command()
@click.option("--port", type=int, default=3900, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--token", default=None, help="The access token that is accepted.")
@click.option("--waba", default=None, help="Id of the WhatsApp Business Account.")
@click.option("--phone-number-id", default=None, help="Id of its sending number.")
@click.option("--app-secret", default=None, help="Signs webhooks.")
@click.option("--webhook", default=None, help="Callback URL.")
@click.option("--verify-token", default=None)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--throughput", type=int, default=80, show_default=True, help="Messages a second.")
@click.option("--numbers", type=int, default=1, show_default=True, help="Sending numbers of the account.")
def sandbox(**options: Any) -> None:
    """A Graph API of our own, faithful and offline, for any client of Meta's."""
    from tidings.bootstrap.service import play_meta

    at_work(play_meta(**options))


@cli.command()
@click.option(
    "--contacts", type=click.Path(path_type=Path), default=Path("examples/contacts.csv"), show_default=True
)
@click.option("--data", type=click.Path(path_type=Path), default=Path("demo-data"), show_default=True)
@click.option("--speed", type=int, default=250, show_default=True, help="The number's messages a second.")
@json_option
def demo(contacts: Path, data: Path, speed: int, as_json: bool) -> None:
    """A contact file to delivered, read and explained messages, in under a minute."""
    from tidings.bootstrap.demo import demo as run

    told = run(contacts, data, speed=speed, console=err if as_json else None)
    if as_json:
        answer(told, True)
    sys.exit(1 if told.breaches else 0)


@cli.command()
@click.argument("shell", type=click.Choice(["bash", "fish", "zsh"]))
def completion(shell: str) -> None:
    """Print what makes a shell complete our commands: eval "$(tidings completion bash)"."""
    kind = get_completion_class(shell)
    if kind is None:
        raise click.BadParameter(f"no completion for {shell}")
    click.echo(kind(cli, {}, "tidings", "_TIDINGS_COMPLETE").source())


for _command in (*cli_records.COMMANDS, *cli_upkeep.COMMANDS):
    cli.add_command(_command)
