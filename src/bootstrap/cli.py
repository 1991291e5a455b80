"""The command line: one line that says what to do when something is in the way, never a traceback."""

import asyncio
import errno
import json
import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec
from rich.console import Console
from rich.markup import escape

from tidings.bootstrap.settings import CONTEXTS, PORTS, BadSettings, read_settings
from tidings.domain.errors import Refused

T = TypeVar("T")
out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)

data_option = click.option(
    "--data", type=click.Path(path_type=Path), default=None, help="Folder of the platform's files."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


def main() -> None:
    """Run the command line; refusals become one line and exit code 1, wrong settings 78."""
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
    _run(run(settings, chosen, port or (PORTS[chosen[0]] if len(chosen) == 1 else 3000), send=send))


@cli.command()
@data_option
def worker(data: Path | None) -> None:
    """Send what is due, and nothing else; as many of these as you like."""
    from tidings.bootstrap.service import work

    _run(work(read_settings(data=data, contexts=("whatsapp",))))


@cli.command()
@click.argument("contexts", nargs=-1, type=click.Choice([*CONTEXTS, "bus"]))
@click.option("--check", is_flag=True, help="Change nothing; 1 when something is behind.")
@click.option("--drift", is_flag=True, help="1 when the tables in the code are not what the versions make.")
@click.option("--draft", default=None, metavar="WHAT", help="Write the next version of changed tables.")
@data_option
@json_option
def migrate(
    contexts: tuple[str, ...],
    check: bool,
    drift: bool,
    draft: str | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Bring the tables of all contexts, or of those that are named, to this version."""
    from tidings.bootstrap import schema

    if drift or draft:
        sys.exit(schema.drifted(contexts, draft, err.print))
    settings = read_settings(data=data)
    if check:
        found = _run(schema.look(settings, contexts))
        _show(found, as_json, lambda each: f"{each.context}: {each.current or 'none'} of {each.newest}")
        sys.exit(0 if all(each.is_current for each in found) else 1)
    done = _run(schema.bring_up(settings, contexts))
    _show(done, as_json, lambda each: f"{each.context}: {', '.join(each.applied) or 'nothing to do'}")


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

    _run(play_meta(**options))


@cli.command()
@click.option(
    "--contacts", type=click.Path(path_type=Path), default=Path("examples/contacts.csv"), show_default=True
)
@click.option("--data", type=click.Path(path_type=Path), default=Path("demo-data"), show_default=True)
@click.option("--speed", type=int, default=250, show_default=True, help="The number's messages a second.")
def demo(contacts: Path, data: Path, speed: int) -> None:
    """A contact file to delivered, read and explained messages, in under a minute."""
    from tidings.bootstrap.demo import demo as run

    sys.exit(run(contacts, data, speed=speed))


@cli.group()
def contacts() -> None:
    """People, and files of people."""


@contacts.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--country", default="+1", show_default=True, help="Where numbers without a code belong.")
@click.option("--group", default=None, help="Put everyone into this group, which is made when missing.")
@click.option("--policy", type=click.Choice(["skip", "update", "merge"]), default="update", show_default=True)
@click.option("--dry-run", is_flag=True, help="Say what would happen, and write nothing.")
@click.option("--organization", default=None, help="Id of the organisation, when there are several.")
@data_option
@json_option
def import_contacts(
    file: Path,
    country: str,
    group: str | None,
    policy: str,
    dry_run: bool,
    organization: str | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Bring a CSV file of people in; the same file again changes nothing."""
    from tidings.bootstrap.commands import import_contacts as run
    from tidings.domain.contacts.importing import ImportOptions, Policy

    options = ImportOptions(policy=Policy(policy), country=country, dry_run=dry_run)
    _print(_run(run(read_settings(data=data), organization, file, group, options)), as_json)


@cli.group()
def templates() -> None:
    """Message templates."""


@templates.command("create")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--organization", default=None)
@data_option
@json_option
def create_template(file: Path, organization: str | None, data: Path | None, as_json: bool) -> None:
    """Submit the template in a JSON FILE (name, language, category, components) for review."""
    from tidings.bootstrap.commands import create_template as run

    _print(_run(run(read_settings(data=data), organization, file)), as_json)


@cli.group()
def campaigns() -> None:
    """Campaigns."""


def _campaign_command(name: str, text: str) -> Callable[..., None]:
    @campaigns.command(name, help=text)
    @click.argument("campaign")
    @click.option("--organization", default=None)
    @data_option
    @json_option
    def command(campaign: str, organization: str | None, data: Path | None, as_json: bool) -> None:
        from tidings.bootstrap.commands import turn_campaign

        _print(_run(turn_campaign(read_settings(data=data), organization, campaign, name)), as_json)

    return command


for _name, _text in {
    "launch": "Check everyone, freeze the audience and start sending.",
    "pause": "Stop new sends at once.",
    "resume": "Go on with exactly the rest.",
    "cancel": "Stop for good.",
    "report": "Everyone accounted for.",
}.items():
    _campaign_command(_name, _text)


@campaigns.command("create")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--organization", default=None)
@data_option
@json_option
def create_campaign(file: Path, organization: str | None, data: Path | None, as_json: bool) -> None:
    """Draft the campaign in a JSON FILE (name, templateId, groupId, parameters)."""
    from tidings.bootstrap.commands import create_campaign as run

    _print(_run(run(read_settings(data=data), organization, file)), as_json)


@campaigns.command("watch")
@click.argument("campaign")
@click.option("--organization", default=None)
@data_option
def watch_campaign(campaign: str, organization: str | None, data: Path | None) -> None:
    """Follow a campaign until it ends; sends too, when no other process does."""
    from tidings.bootstrap.commands import watch_campaign as run

    sys.exit(_run(run(read_settings(data=data), organization, campaign)))


@cli.group("letters")
def dead_letters() -> None:
    """Events that could not be dealt with, kept for people to look at."""


@dead_letters.command("list")
@click.argument("group", type=click.Choice(CONTEXTS))
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@data_option
@json_option
def list_letters(group: str, limit: int, data: Path | None, as_json: bool) -> None:
    """Show what a context could not deal with, and why, oldest first."""
    from tidings.bootstrap.commands import list_letters as run

    found = _run(run(read_settings(data=data), group, limit))
    if as_json:
        _print(found, True)
    for each in () if as_json else found:
        click.echo(f"{each['id']}  {each['type']}  after {each['attempts']} attempts: {each['reason']}")


@dead_letters.command("redrive")
@click.argument("group", type=click.Choice(CONTEXTS))
@click.argument("ids", nargs=-1)
@data_option
@json_option
def redrive_letters(group: str, ids: tuple[str, ...], data: Path | None, as_json: bool) -> None:
    """Deliver these once more, or all of the context's when none is named."""
    from tidings.bootstrap.commands import redrive_letters as run

    _print(_run(run(read_settings(data=data), group, ids)), as_json)


@cli.group("webhooks")
def webhooks() -> None:
    """What Meta told us and that was set aside: unreadable, or of a number that is nobody's here."""


@webhooks.command("list")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@data_option
@json_option
def list_set_aside(limit: int, data: Path | None, as_json: bool) -> None:
    """Show it with the reason, the newest first."""
    from tidings.bootstrap.commands import list_set_aside as run

    found = _run(run(read_settings(data=data), limit))
    if as_json:
        _print(found, True)
    for each in () if as_json else found:
        click.echo(f"{each['id']}  {each['at']:%Y-%m-%d %H:%M:%S}  {each['where']}: {each['reason']}")


@webhooks.command("again")
@click.argument("ids", nargs=-1, type=int, required=True)
@data_option
@json_option
def apply_again(ids: tuple[int, ...], data: Path | None, as_json: bool) -> None:
    """Apply bodies that were set aside whole once more, after what stood in the way was mended."""
    from tidings.bootstrap.commands import apply_again as run

    _print(_run(run(read_settings(data=data), ids)), as_json)


@cli.group("keys")
def keys() -> None:
    """Keys that sign and seal: new ones, everything sealed anew, the older ones let go."""


@keys.command("new")
def new_key() -> None:
    """Print a key for TIDINGS_SIGNING_KEYS or TIDINGS_SEALING_KEYS: put it in front of those of now."""
    from tidings.bootstrap.keys import new_key as run

    click.echo(run())


@keys.command("rotate")
@data_option
@json_option
def rotate_keys(data: Path | None, as_json: bool) -> None:
    """Put new keys in front of the folder's own; then start every process again."""
    from tidings.bootstrap.keys import rotate as run

    _print(run(read_settings(data=data)), as_json)


@keys.command("reseal")
@data_option
@json_option
def reseal_secrets(data: Path | None, as_json: bool) -> None:
    """Seal with the newest key what older ones sealed; may be run at any time, and again."""
    from tidings.bootstrap.keys import reseal as run

    _print(_run(run(read_settings(data=data, contexts=("users",)))), as_json)


@keys.command("retire")
@data_option
@json_option
def retire_keys(data: Path | None, as_json: bool) -> None:
    """Seal everything anew and let the folder's older keys go; every process must have started since."""
    from tidings.bootstrap.keys import retire as run

    _print(_run(run(read_settings(data=data, contexts=("users",)))), as_json)


@cli.command()
@data_option
@json_option
def doctor(data: Path | None, as_json: bool) -> None:
    """Look at settings, servers, tables, tokens and the callback, and say what to do; 1 if one is bad."""
    from tidings.bootstrap.doctor import Health, examined, of_bad_settings

    try:
        found = _run(examined(read_settings(data=data)))
    except BadSettings as error:
        found = of_bad_settings(error)
    marks = {Health.GOOD: "[green]good[/]", Health.WEAK: "[yellow]weak[/]", Health.BAD: "[red]bad[/]"}
    if as_json:
        _print(found, True)
    for each in () if as_json else found:
        out.print(f"{marks[each.health]}  {escape(each.what)}: {escape(each.said)}")
        if each.remedy:
            out.print(f"      {escape(each.remedy)}")
    sys.exit(1 if any(each.health is Health.BAD for each in found) else 0)


@cli.command("endpoints")
@json_option
def list_endpoints(as_json: bool) -> None:
    """List every endpoint, and what one needs to call it."""
    from tidings.bootstrap.commands import list_endpoints as run

    found = _run(run())
    if as_json:
        _print(found, True)
        return
    for each in found:
        click.echo(f"{each['method']:7}{each['path']:55}{each['who']}")


@cli.command("events")
def list_events() -> None:
    """Print the events between contexts as an AsyncAPI document."""
    from tidings.bootstrap.commands import list_events as run

    click.echo(json.dumps(_run(run()), indent=2))


def _run(work: Coroutine[Any, Any, T]) -> T:
    if sys.platform == "win32":
        return asyncio.run(work)
    import uvloop

    return uvloop.run(work)


def _show(found: Sequence[T], as_json: bool, line: Callable[[T], str]) -> None:
    if as_json:
        click.echo(msgspec.json.encode(found))
    else:
        for each in found:
            click.echo(line(each))


def _print(answer: object, as_json: bool) -> None:
    encoded = msgspec.json.encode(answer)
    if as_json:
        click.echo(encoded)
    else:
        Console().print_json(json.dumps(msgspec.json.decode(encoded)))
