"""Reading the audit log, and hearing of changes in the other contexts."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from msgspec import Struct

from tidings.application.ports.users import AuditFilter, Begin
from tidings.domain.events import ChangeMade
from tidings.domain.kernel import Actor, Page, Permission
from tidings.domain.users import FIRST_HEAD, AuditEntry, first_broken

GROUP = "audit"
STRIDE = 500


class AuditVerdict(Struct, frozen=True, kw_only=True, rename="camel"):
    """Whether every entry is as it was written, and none is missing."""

    intact: bool
    entries: int
    first_broken: int | None = None
    """The number of the first entry that was changed, removed or put in."""


@dataclass(frozen=True, slots=True)
class Audit:
    begin: Begin
    read: Begin

    async def page(
        self, actor: Actor, wanted: AuditFilter, *, cursor: str | None = None, limit: int = 50
    ) -> Page[AuditEntry]:
        """Newest first. Raise BadCursor."""
        async with self.read() as look:
            organization = actor.require(Permission.AUDIT_READ)
            return await look.audit.page(organization, wanted, cursor=cursor, limit=limit)

    async def verify(self, actor: Actor) -> AuditVerdict:
        """Walk the organisation's chain from its beginning."""
        organization = actor.require(Permission.AUDIT_READ)
        head = FIRST_HEAD
        async with self.read() as look:
            length = await look.audit.length(organization)
            while entries := await look.audit.following(organization, head.seq, STRIDE):
                broken, head = first_broken(head, entries)
                if broken is not None:
                    return AuditVerdict(intact=False, entries=length, first_broken=broken)
        if head.seq < length:
            return AuditVerdict(intact=False, entries=length, first_broken=head.seq + 1)
        return AuditVerdict(intact=True, entries=head.seq)

    async def changes_made(self, events: Sequence[tuple[UUID, ChangeMade]]) -> None:
        """Keep what the other contexts tell, once."""
        async with self.begin() as work:
            told = dict(events)
            new = await work.inbox.new_among(GROUP, list(told))
            await work.audit.append(*(_entry(id, event) for id, event in told.items() if id in new))


def _entry(id: UUID, event: ChangeMade) -> AuditEntry:
    return AuditEntry(
        id=id,
        organization_id=event.organization_id,
        at=event.at,
        user_id=event.user_id,
        origin=event.origin,
        what=event.what,
        subject=event.subject,
        before=event.before,
        after=event.after,
    )
