"""What the audit log is told of a change, in the transaction of the change itself, from every context."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Protocol

import msgspec
from msgspec import Struct
from msgspec.structs import asdict

from tidings.application.ports.common import Outbox
from tidings.domain.events import ChangeMade
from tidings.domain.kernel import Actor

UNTOLD = frozenset({"id", "organization_id", "created_at", "updated_at"})
"""Fields that say nothing, or that every entry says already."""
PRIVATE = "(private)"
"""Stands for what must not be kept in a log that forgets nobody."""


class Told(Struct, frozen=True, kw_only=True):
    """A change as the log keeps it: the fields that differ, as they were and as they are."""

    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None


class Telling(Protocol):
    """A transaction that can tell the other contexts."""

    @property
    def outbox(self) -> Outbox: ...


def difference(
    before: Struct | None,
    after: Struct | None,
    *,
    private: Collection[str] = (),
    untold: Collection[str] = (),
    always: Collection[str] = (),
) -> Told:
    """In what two states differ; None: it was not there, or is no more.

    Of `private` fields only that they have changed is told, of `untold` ones nothing, and `always` ones are
    told also when they have not changed.
    """
    old, new = _fields(before), _fields(after)
    names = [name for name in {**old, **new} if name in always or old.get(name) != new.get(name)]
    names = [name for name in names if name not in UNTOLD and name not in untold]

    def told(fields: dict[str, Any]) -> dict[str, Any]:
        shown = {name: fields[name] for name in names if name in fields}
        hidden = {name: PRIVATE for name in shown if name in private and shown[name]}
        return msgspec.to_builtins(shown | hidden)

    return Told(before=told(old) if before else None, after=told(new) if after else None)


async def note(
    work: Telling, by: Actor, at: datetime, what: str, subject: object, told: Told | None = None
) -> None:
    """Have the audit log keep who did `what` (`resource:action`) to `subject`, from where."""
    await work.outbox.put(entry(by, at, what, subject, told))


def entry(by: Actor, at: datetime, what: str, subject: object, told: Told | None = None) -> ChangeMade:
    """What `note` puts, for those who put several together."""
    told = told or Told()
    return ChangeMade(
        organization_id=by.organization_id,
        user_id=by.user_id,
        origin=by.origin,
        what=what,
        subject=str(subject),
        before=told.before,
        after=told.after,
        at=at,
    )


def _fields(thing: Struct | None) -> dict[str, Any]:
    return {} if thing is None else asdict(thing)
