"""For who changes tables: what differs between the versions and the code, and a draft of the next version."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

from alembic.autogenerate import compare_metadata, produce_migrations, render_python_code
from alembic.autogenerate.api import AutogenContext
from alembic.runtime.migration import MigrationContext
from sqlalchemy import BigInteger, Connection, MetaData, String, Text, create_engine
from sqlalchemy.types import TypeEngine

from tidings.adapters.mysql.migrations.running import VERSIONS, apply, versions
from tidings.adapters.mysql.types import Choice, Id, Json, LongBinary, Moment

HEAD = '''"""{context} {version}: {what}."""

import sqlalchemy as sa

from tidings.adapters.mysql import types as t
from tidings.adapters.mysql.migrations import again as op

revision, down_revision = "{version}", {before}
branch_labels = depends_on = None


def upgrade() -> None:
    {code}
'''


def drift(context: str, metadata: MetaData) -> Sequence[str]:
    """What the code's tables have that all versions together do not make, or the other way round."""
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        if versions(context):
            apply(connection, context)
        return [str(each) for each in compare_metadata(_looking(connection, context), metadata)]


def draft(context: str, metadata: MetaData, what: str) -> Path | None:
    """Write the next version of a context's tables, to be read before it is used; None: nothing differs."""
    known = versions(context)
    version = f"{len(known) + 1:04}"
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        if known:
            apply(connection, context)
        looking = _looking(connection, context)
        operations = produce_migrations(looking, metadata).upgrade_ops
    if operations is None or operations.is_empty():
        return None
    code = render_python_code(operations, migration_context=looking, render_item=_rendered)
    path = VERSIONS / context / f"{version}_{'_'.join(what.lower().split())[:40]}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    before = repr(known[-1]) if known else None
    path.write_text(HEAD.format(context=context, version=version, what=what, before=before, code=code))
    return path


def _looking(connection: Connection, context: str) -> MigrationContext:
    return MigrationContext.configure(
        connection, opts={"version_table": f"{context}_schema", "render_item": _rendered}
    )


def _rendered(kind: str, item: Any, _: AutogenContext) -> str | Literal[False]:
    """Our own types by their names; a choice is text, since its members may change without the table."""
    if kind != "type":
        return False
    match item:
        case Id():
            return "t.Id()"
        case Moment():
            return "t.Moment()"
        case Json():
            return "t.Json(object)"
        case Choice():
            return "t.ascii_key(24)"
        case String() if any(getattr(each, "collation", "") == "ascii_bin" for each in _variants(item)):
            return f"t.ascii_key({item.length})"
        case BigInteger() if _variants(item):
            return "t.Position"
        case LongBinary():
            return "t.LongBytes"
        case Text() if _variants(item):
            return "t.LongText"
        case _:
            return False


def _variants(item: TypeEngine[Any]) -> Iterable[TypeEngine[Any]]:
    return item._variant_mapping.values()  # pyright: ignore[reportPrivateUsage]
