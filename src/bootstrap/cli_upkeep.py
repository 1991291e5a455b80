"""Commands about the platform itself: tables, keys, backups, what was set aside, and whether all is well."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.markup import escape

from tidings.bootstrap.settings import CONTEXTS, BadSettings, read_settings
from tidings.bootstrap.terminal import answer, data_option, err, json_option, out, show_lines
from tidings.bootstrap.terminal import run as at_work
from tidings.domain.kernel import Page

if TYPE_CHECKING:
    from tidings.application.ports.quotas import Metered


@click.command()
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
        found = at_work(schema.look(settings, contexts))
        show_lines(found, as_json, lambda each: f"{each.context}: {each.current or 'none'} of {each.newest}")
        sys.exit(0 if all(each.is_current for each in found) else 1)
    done = at_work(schema.bring_up(settings, contexts))
    show_lines(done, as_json, lambda each: f"{each.context}: {', '.join(each.applied) or 'nothing to do'}")


@click.command("grants")
@click.argument("contexts", nargs=-1, type=click.Choice([*CONTEXTS, "bus"]))
@click.option("--prefix", default="tidings_", show_default=True, help="How the users' names begin.")
@click.option("--host", default="%", show_default=True, help="From where they may come.")
@json_option
def show_grants(contexts: tuple[str, ...], prefix: str, host: str, as_json: bool) -> None:
    """Print the SQL that makes a database user of least rights for each context; its tables must be there."""
    from tidings.bootstrap.schema import grants

    found = grants(contexts, prefix=prefix, host=host)
    show_lines(found, as_json, str)


@click.group("letters")
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

    found = at_work(run(read_settings(data=data), group, limit))
    if as_json:
        answer(found, True)
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

    answer(at_work(run(read_settings(data=data), group, ids)), as_json)


@click.group("webhooks")
def webhooks() -> None:
    """What Meta told us and that was set aside: unreadable, or of a number that is nobody's here."""


@webhooks.command("list")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@data_option
@json_option
def list_set_aside(limit: int, data: Path | None, as_json: bool) -> None:
    """Show it with the reason, the newest first."""
    from tidings.bootstrap.commands import list_set_aside as run

    found = at_work(run(read_settings(data=data), limit))
    if as_json:
        answer(found, True)
    for each in () if as_json else found:
        click.echo(f"{each['id']}  {each['at']:%Y-%m-%d %H:%M:%S}  {each['where']}: {each['reason']}")


@webhooks.command("again")
@click.argument("ids", nargs=-1, type=int, required=True)
@data_option
@json_option
def apply_again(ids: tuple[int, ...], data: Path | None, as_json: bool) -> None:
    """Apply bodies that were set aside whole once more, after what stood in the way was mended."""
    from tidings.bootstrap.commands import apply_again as run

    answer(at_work(run(read_settings(data=data), ids)), as_json)


@click.command("backup")
@click.argument("archive", type=click.Path(path_type=Path, dir_okay=False))
@data_option
@json_option
def make_backup(archive: Path, data: Path | None, as_json: bool) -> None:
    """Write the data folder into the file ARCHIVE, as of one moment, while the platform runs."""
    from tidings.bootstrap.keeping import make as run

    answer(run(read_settings(data=data), archive), as_json)


@click.command("restore")
@click.argument("archive", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@data_option
@json_option
def restore_backup(archive: Path, data: Path | None, as_json: bool) -> None:
    """Make a data folder of ARCHIVE; campaigns under way are paused: who has got them since is not known."""
    from tidings.bootstrap.keeping import bring_back as run

    answer(at_work(run(read_settings(data=data), archive)), as_json)


@click.command("migrate-from")
@click.argument("url")
@click.option("--user", type=int, default=None, help="The user there, when there are several.")
@click.option("--database", default=None, help="The one database that all services there share.")
@click.option("--organization", default=None, help="Id of the organisation here, when there are several.")
@data_option
@json_option
def migrate_from(
    url: str,
    user: int | None,
    database: str | None,
    organization: str | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Bring over what a user had on the platform before ours, at mysql://USER:PASSWORD@HOST:PORT.

    People, groups, templates, campaigns, and the history of messages. It may be run again.
    """
    from tidings.bootstrap.migrating import migrate_from as bring

    answer(at_work(bring(read_settings(data=data), url, database, user, organization)), as_json)


@click.group("keys")
def keys() -> None:
    """Keys that sign and seal: new ones, everything sealed anew, the older ones let go."""


@keys.command("new")
@json_option
def new_key(as_json: bool) -> None:
    """Print a key for TIDINGS_SIGNING_KEYS or TIDINGS_SEALING_KEYS: put it in front of those of now."""
    from tidings.bootstrap.keys import new_key as run

    if as_json:
        answer({"key": run()}, True)
    else:
        click.echo(run())


@keys.command("rotate")
@data_option
@json_option
def rotate_keys(data: Path | None, as_json: bool) -> None:
    """Put new keys in front of the folder's own; then start every process again."""
    from tidings.bootstrap.keys import rotate as run

    answer(run(read_settings(data=data)), as_json)


@keys.command("reseal")
@data_option
@json_option
def reseal_secrets(data: Path | None, as_json: bool) -> None:
    """Seal with the newest key what older ones sealed; may be run at any time, and again."""
    from tidings.bootstrap.keys import reseal as run

    answer(at_work(run(read_settings(data=data, contexts=("users",)))), as_json)


@keys.command("retire")
@data_option
@json_option
def retire_keys(data: Path | None, as_json: bool) -> None:
    """Seal everything anew and let the folder's older keys go; every process must have started since."""
    from tidings.bootstrap.keys import retire as run

    answer(at_work(run(read_settings(data=data, contexts=("users",)))), as_json)


@click.group("quotas")
def quotas() -> None:
    """How many messages organisations may send in a day and a month of UTC, and have sent."""


@quotas.command("list")
@data_option
@json_option
def list_quotas(data: Path | None, as_json: bool) -> None:
    """Show who has a quota of their own or has sent something this month."""
    from tidings.bootstrap.commands import list_quotas as run

    _show_quotas(at_work(run(read_settings(data=data, contexts=("whatsapp",)))), as_json)


@quotas.command("set")
@click.argument("organization")
@click.option(
    "--per-day", type=click.IntRange(min=0), default=None, help="Messages a day; not given: no limit."
)
@click.option("--per-month", type=click.IntRange(min=0), default=None, help="Messages a month.")
@click.option("--as-everybody", is_flag=True, help="No quota of its own: that of the settings holds.")
@data_option
@json_option
def set_quota(
    organization: str,
    per_day: int | None,
    per_month: int | None,
    as_everybody: bool,
    data: Path | None,
    as_json: bool,
) -> None:
    """Give the organisation with this id a quota of its own; it holds within seconds."""
    from tidings.bootstrap.commands import set_quota as run
    from tidings.domain.whatsapp.quotas import Quota

    quota = None if as_everybody else Quota(per_day=per_day, per_month=per_month)
    settings = read_settings(data=data, contexts=("users", "whatsapp"))
    _show_quotas([at_work(run(settings, organization, quota))], as_json)


def _show_quotas(found: Sequence["Metered"], as_json: bool) -> None:
    if as_json:
        answer(found, True)
        return
    from tidings.bootstrap.showing import show

    show(Page(items=found), out)


@click.command()
@data_option
@json_option
def doctor(data: Path | None, as_json: bool) -> None:
    """Look at settings, servers, tables, tokens and the callback, and say what to do; 1 if one is bad."""
    from tidings.bootstrap.doctor import Health, examined, of_bad_settings

    try:
        found = at_work(examined(read_settings(data=data)))
    except BadSettings as error:
        found = of_bad_settings(error)
    marks = {Health.GOOD: "[green]good[/]", Health.WEAK: "[yellow]weak[/]", Health.BAD: "[red]bad[/]"}
    if as_json:
        answer(found, True)
    for each in () if as_json else found:
        out.print(f"{marks[each.health]}  {escape(each.what)}: {escape(each.said)}")
        if each.remedy:
            out.print(f"      {escape(each.remedy)}")
    sys.exit(1 if any(each.health is Health.BAD for each in found) else 0)


@click.command("endpoints")
@json_option
def list_endpoints(as_json: bool) -> None:
    """List every endpoint, and what one needs to call it."""
    from tidings.bootstrap.commands import list_endpoints as run

    found = at_work(run())
    if as_json:
        answer(found, True)
        return
    for each in found:
        click.echo(f"{each['method']:7}{each['path']:55}{each['who']}")


@click.command("events")
def list_events() -> None:
    """Print the events between contexts as an AsyncAPI document."""
    from tidings.bootstrap.commands import list_events as run

    click.echo(json.dumps(at_work(run()), indent=2))


COMMANDS: tuple[click.Command, ...] = (
    migrate,
    show_grants,
    dead_letters,
    webhooks,
    make_backup,
    restore_backup,
    migrate_from,
    keys,
    quotas,
    doctor,
    list_endpoints,
    list_events,
)
