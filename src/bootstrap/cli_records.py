"""Commands about people, templates and campaigns."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO, TypeVar

import click

from tidings.bootstrap.settings import read_settings
from tidings.bootstrap.terminal import answer, data_option, json_option, out
from tidings.bootstrap.terminal import run as at_work
from tidings.domain.kernel import Page

F = TypeVar("F", bound=Callable[..., Any])


def page_options(command: F) -> F:
    """The options of every list."""
    for option in (
        json_option,
        data_option,
        click.option("--organization", default=None, help="Id of the organisation, when there are several."),
        click.option("--cursor", default=None, help="Where the list before this one ended."),
        click.option("--limit", type=click.IntRange(1, 100), default=20, show_default=True),
    ):
        command = option(command)
    return command


def _show(page: Page[Any], as_json: bool) -> None:
    if as_json:
        answer(page, True)
        return
    from tidings.bootstrap.showing import show

    show(page, out)


@click.group()
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
    answer(at_work(run(read_settings(data=data), organization, file, group, options)), as_json)


@contacts.command("list")
@click.option("--search", default="", help="Part of a name, an e-mail address or a number.")
@page_options
def list_contacts(
    search: str, organization: str | None, data: Path | None, as_json: bool, **page: Any
) -> None:
    """Show people, newest first."""
    from tidings.bootstrap.commands import list_contacts as run

    _show(at_work(run(read_settings(data=data), organization, search, **page)), as_json)


@click.group()
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

    answer(at_work(run(read_settings(data=data), organization, file)), as_json)


@templates.command("list")
@page_options
def list_templates(organization: str | None, data: Path | None, as_json: bool, **page: Any) -> None:
    """Show templates, newest first, with what Meta said of each."""
    from tidings.bootstrap.commands import list_templates as run

    _show(at_work(run(read_settings(data=data), organization, **page)), as_json)


@click.group()
def campaigns() -> None:
    """Campaigns."""


@campaigns.command("list")
@page_options
def list_campaigns(organization: str | None, data: Path | None, as_json: bool, **page: Any) -> None:
    """Show campaigns, newest first."""
    from tidings.bootstrap.commands import list_campaigns as run

    _show(at_work(run(read_settings(data=data), organization, **page)), as_json)


@campaigns.command("report")
@click.argument("campaign")
@click.option("--organization", default=None)
@data_option
@json_option
def report_campaign(campaign: str, organization: str | None, data: Path | None, as_json: bool) -> None:
    """Everyone accounted for, and why those who got nothing did not."""
    from tidings.bootstrap.commands import report_campaign as run

    report = at_work(run(read_settings(data=data), organization, campaign))
    if as_json:
        answer(report, True)
        return
    from tidings.bootstrap.showing import show_report

    show_report(report, out)


def _campaign_command(name: str, text: str) -> Callable[..., None]:
    @campaigns.command(name, help=text)
    @click.argument("campaign")
    @click.option("--organization", default=None)
    @data_option
    @json_option
    def command(campaign: str, organization: str | None, data: Path | None, as_json: bool) -> None:
        from tidings.bootstrap.commands import turn_campaign

        answer(at_work(turn_campaign(read_settings(data=data), organization, campaign, name)), as_json)

    return command


for _name, _text in {
    "launch": "Check everyone, freeze the audience and start sending.",
    "pause": "Stop new sends at once.",
    "resume": "Go on with exactly the rest.",
    "cancel": "Stop for good.",
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

    answer(at_work(run(read_settings(data=data), organization, file)), as_json)


@campaigns.command("watch")
@click.argument("campaign")
@click.option("--organization", default=None)
@data_option
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a line, each a moment.")
def watch_campaign(campaign: str, organization: str | None, data: Path | None, as_json: bool) -> None:
    """Follow a campaign until it ends; sends too, when no other process does."""
    from tidings.bootstrap.commands import watch_campaign as run

    settings = read_settings(data=data)
    sys.exit(at_work(run(settings, organization, campaign, sys.stdout if as_json else None)))


@click.group("wabas")
def wabas() -> None:
    """WhatsApp Business Accounts, and the tokens that may use them."""


@wabas.command("list")
@click.option("--organization", default=None, help="Id of the organisation, when there are several.")
@data_option
@json_option
def list_wabas(organization: str | None, data: Path | None, as_json: bool) -> None:
    """Show the accounts that are connected."""
    from tidings.bootstrap.commands import list_wabas as run

    _show(Page(items=at_work(run(read_settings(data=data), organization))), as_json)


@wabas.command("connect")
@click.argument("waba_id")
@click.option(
    "--token", type=click.File(), default=None, help="File with the token; - for standard input. Else asked."
)
@click.option("--organization", default=None, help="Id of the organisation, when there are several.")
@data_option
@json_option
def connect_waba(
    waba_id: str, token: TextIO | None, organization: str | None, data: Path | None, as_json: bool
) -> None:
    """Connect an account, or give one that is connected another token, which holds at once."""
    from tidings.bootstrap.commands import connect_waba as run

    said = token.read() if token else click.prompt("Token", hide_input=True)
    answer(at_work(run(read_settings(data=data), organization, waba_id, said.strip())), as_json)


COMMANDS: tuple[click.Command, ...] = (contacts, templates, campaigns, wabas)
