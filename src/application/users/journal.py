"""Notes for the audit log, written in the transaction of the change itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Struct

from tidings.application.auditing import difference
from tidings.application.ports.common import NewId, Now
from tidings.application.ports.users import Work
from tidings.domain.kernel import Actor
from tidings.domain.users import AuditEntry


@dataclass(frozen=True, slots=True)
class Journal:
    now: Now
    new_id: NewId

    async def note(
        self,
        work: Work,
        by: Actor,
        what: str,
        subject: object,
        *,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> None:
        """Keep who did what to whom, and from where; never a secret."""
        await work.audit.append(
            AuditEntry(
                id=self.new_id(),
                organization_id=by.organization_id,
                at=self.now(),
                user_id=by.user_id,
                origin=by.origin,
                what=what,
                subject=str(subject),
                before=msgspec.to_builtins(before),
                after=msgspec.to_builtins(after),
            )
        )

    async def changed(
        self, work: Work, by: Actor, what: str, subject: object, before: Struct, after: Struct
    ) -> None:
        """Keep the fields in which the two differ."""
        told = difference(before, after)
        await self.note(work, by, what, subject, before=told.before, after=told.after)
