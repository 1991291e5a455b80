"""Segments: saved rules, counted before they are used, and usable wherever a group is."""

from dataclasses import dataclass
from typing import cast

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from tidings.application.auditing import difference, note
from tidings.application.contacts.people import check_page
from tidings.application.ports.common import NewId, Now
from tidings.application.ports.contacts import Begin, ContactFilter, Reading
from tidings.domain.contacts.people import ContactView
from tidings.domain.contacts.privacy import shown
from tidings.domain.contacts.rules import AnyRule
from tidings.domain.contacts.segments import Known, Segment, SegmentId, checked_rule, groups_in, named
from tidings.domain.kernel import Actor, GroupId, OrganizationId, Page, Permission


class NewSegment(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A segment to save."""

    name: str
    description: str | None = None
    rule: AnyRule


class SegmentChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What becomes different about a segment; what is not mentioned stays."""

    name: str | UnsetType = UNSET
    description: str | UnsetType | None = UNSET
    rule: AnyRule | UnsetType = UNSET


class Question(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A rule to try before it is saved."""

    rule: AnyRule


class Sample(Struct, frozen=True, kw_only=True, rename="camel"):
    """How many people a rule chooses, how many of them may be written to, and some of them."""

    count: int
    reachable: int
    contacts: tuple[ContactView, ...] = ()


@dataclass(frozen=True, slots=True)
class Segments:
    """An organisation's saved rules."""

    begin: Begin
    reading: Reading
    now: Now
    new_id: NewId

    async def add(self, actor: Actor, new: NewSegment) -> Segment:
        """Raise InvalidRule or SegmentNameTaken."""
        organization = actor.require(Permission.CONTACTS_WRITE)
        rule = await self._checked(organization, new.rule)
        name, description = named(new.name, new.description or "")
        at = self.now()
        segment = Segment(
            id=SegmentId(self.new_id()),
            organization_id=organization,
            name=name,
            description=description,
            rule=rule,
            created_at=at,
            updated_at=at,
        )
        async with self.begin(organization) as work:
            await work.segments.add(segment)
            await note(work, actor, at, "segment:created", segment.id, difference(None, segment))
        return segment

    async def get(self, actor: Actor, id: SegmentId) -> Segment:
        """Raise SegmentNotFound."""
        async with self.reading(actor.require(Permission.CONTACTS_READ)) as look:
            return await look.segments.get(id)

    async def page(
        self, actor: Actor, *, cursor: str | None = None, limit: int = 50, number: int | None = None
    ) -> Page[Segment]:
        """Newest first. Raise Invalid."""
        organization = actor.require(Permission.CONTACTS_READ)
        check_page(limit, number)
        async with self.reading(organization) as look:
            return await look.segments.page(cursor=cursor, limit=limit, number=number)

    async def change(self, actor: Actor, id: SegmentId, change: SegmentChange) -> Segment:
        """Raise SegmentNotFound, InvalidRule or SegmentNameTaken."""
        organization = actor.require(Permission.CONTACTS_WRITE)
        rule = UNSET if change.rule is UNSET else await self._checked(organization, change.rule)
        async with self.begin(organization) as work:
            before = await work.segments.get(id)
            name, description = named(
                before.name if change.name is UNSET else change.name,
                before.description if change.description is UNSET else change.description or "",
            )
            segment = replace(
                before,
                name=name,
                description=description,
                rule=before.rule if rule is UNSET else rule,
                updated_at=self.now(),
            )
            await work.segments.save(segment)
            await note(work, actor, self.now(), "segment:changed", id, difference(before, segment))
        return segment

    async def remove(self, actor: Actor, id: SegmentId) -> None:
        """Raise SegmentNotFound."""
        async with self.begin(actor.require(Permission.CONTACTS_WRITE)) as work:
            before = await work.segments.get(id)
            await work.segments.remove(id)
            await note(work, actor, self.now(), "segment:removed", id, difference(before, None))

    async def members(
        self,
        actor: Actor,
        id: SegmentId,
        *,
        cursor: str | None = None,
        limit: int = 50,
        number: int | None = None,
    ) -> Page[ContactView]:
        """Whom the segment chooses now, newest first. Raise SegmentNotFound or Invalid."""
        organization = actor.require(Permission.CONTACTS_READ)
        check_page(limit, number)
        async with self.reading(organization) as look:
            segment = await look.segments.get(id)
            wanted = ContactFilter(group_id=cast(GroupId, segment.id), at=self.now())
            found = await look.contacts.page(wanted, cursor=cursor, limit=limit, number=number)
        return replace(found, items=[shown(actor, each) for each in found.items])

    async def try_out(self, actor: Actor, rule: AnyRule, *, limit: int = 5) -> Sample:
        """Count before use. Raise InvalidRule."""
        organization = actor.require(Permission.CONTACTS_WRITE)
        check_page(limit, None)
        wanted = ContactFilter(rule=await self._checked(organization, rule), at=self.now())
        async with self.reading(organization) as look:
            page = await look.contacts.page(wanted, cursor=None, limit=limit, number=1)
            reachable = await look.contacts.size(replace(wanted, opted_out=False))
        return Sample(
            count=page.total or 0,
            reachable=reachable,
            contacts=tuple(shown(actor, each) for each in page.items),
        )

    async def _checked(self, organization: OrganizationId, rule: AnyRule) -> AnyRule:
        async with self.reading(organization) as look:
            groups = await look.groups.existing(groups_in(rule))
            known = Known(attributes=await look.attributes.all(), groups=frozenset(groups))
        return checked_rule(rule, known)
