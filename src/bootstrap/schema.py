"""The tables of each context, and what the command line does with their versions."""

from collections.abc import Callable, Collection, Mapping, Sequence

from msgspec import Struct
from sqlalchemy import MetaData, Table

from tidings.adapters.mysql.bus_tables import metadata as bus_tables
from tidings.adapters.mysql.campaigns import outbox as campaigns
from tidings.adapters.mysql.contacts.work import outbox as contacts
from tidings.adapters.mysql.migrations.running import Standing, migrate, standing
from tidings.adapters.mysql.teams import outbox as teams
from tidings.adapters.mysql.templates.work import outbox as templates
from tidings.adapters.mysql.users.tables import audit
from tidings.adapters.mysql.users.work import outbox as users
from tidings.adapters.mysql.whatsapp.tables import archive
from tidings.adapters.mysql.whatsapp.work import outbox as whatsapp
from tidings.bootstrap.people import database_of
from tidings.bootstrap.settings import CONTEXTS, DATABASES, Settings

OUTBOXES: Mapping[str, Table] = {
    "users": users,
    "teams": teams,
    "contacts": contacts,
    "templates": templates,
    "campaigns": campaigns,
    "whatsapp": whatsapp,
}
METADATA: Mapping[str, MetaData] = {
    **{name: outbox.metadata for name, outbox in OUTBOXES.items()},
    "bus": bus_tables,
}
_RIGHTS = {
    audit.name: "SELECT, INSERT",
    archive.name: "SELECT, INSERT, UPDATE, DELETE, ALTER, CREATE, DROP",
}
"""What a service may do with a table, where it is not reading and changing its rows."""


class Brought(Struct, frozen=True, kw_only=True):
    """The versions that a context's tables were brought through."""

    context: str
    applied: Sequence[str]


def lines(settings: Settings, chosen: Collection[str]) -> Sequence[str]:
    """The contexts with tables of their own that were asked for: all, and the bus on files, if none were."""
    names = [*(chosen or CONTEXTS)]
    return names if chosen or settings.rabbitmq_url else [*names, "bus"]


async def bring_up(settings: Settings, chosen: Collection[str]) -> list[Brought]:
    """Migrate each context; raise as `migrate` does, with the others before it done."""
    done: list[Brought] = []
    settings.data.mkdir(parents=True, exist_ok=True)
    for name in lines(settings, chosen):
        database = database_of(settings, name)
        try:
            done.append(Brought(context=name, applied=await migrate(database, name, METADATA[name])))
        finally:
            await database.close()
    return done


async def look(settings: Settings, chosen: Collection[str]) -> list[Standing]:
    """Where each context's tables stand; nothing is changed."""
    found: list[Standing] = []
    settings.data.mkdir(parents=True, exist_ok=True)
    for name in lines(settings, chosen):
        database = database_of(settings, name)
        try:
            found.append(await standing(database, name))
        finally:
            await database.close()
    return found


def grants(chosen: Collection[str], *, prefix: str, host: str) -> list[str]:
    """SQL that makes a user for each context who may do there what its service does, and nothing more.

    Such a user reads and changes rows of its own tables, adds to the audit log alone, and makes no table;
    months of the archive come and go.
    """
    said: list[str] = []
    for context in chosen or METADATA:
        user = f"'{prefix}{context}'@'{host}'"
        said.append(f"CREATE USER IF NOT EXISTS {user};")
        may = {
            name: _RIGHTS.get(name, "SELECT, INSERT, UPDATE, DELETE")
            for name in sorted(METADATA[context].tables)
        }
        may[f"{context}_schema"] = "SELECT"
        said += [
            f"GRANT {rights} ON `{DATABASES[context]}`.`{name}` TO {user};" for name, rights in may.items()
        ]
    return said


def drifted(chosen: Collection[str], draft: str | None, say: Callable[[str], object]) -> int:
    """Say in what the code's tables differ from what their versions make, or draft what makes up for it."""
    # For who changes tables: no service loads it.
    from tidings.adapters.mysql.migrations import drafting

    differs = False
    for name in chosen or METADATA:
        if draft is not None:
            if path := drafting.draft(name, METADATA[name], draft):
                say(f"{name}: written to {path.name}; read it before it is used")
            continue
        for each in drafting.drift(name, METADATA[name]):
            differs = True
            say(f"{name}: {each}")
    return 1 if differs else 0
