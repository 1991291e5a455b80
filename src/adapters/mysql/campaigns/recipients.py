"""Recipients and their tallies in SQL."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from msgspec import Struct
from msgspec.structs import asdict, replace
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    and_,
    case,
    func,
    or_,
    select,
    type_coerce,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from tidings.adapters.mysql.campaigns.tables import (
    campaigns,
    planning,
    recipients,
    tallies,
)
from tidings.adapters.mysql.cursors import decode_cursor, encode_cursor
from tidings.adapters.mysql.dialect import along, insert_many, insert_missing, is_false, is_true, update_many
from tidings.adapters.mysql.rows import structs
from tidings.application.ports.campaigns import ArmCount, Counted, HourCount, Progress
from tidings.domain.campaigns import (
    NoSuchRecipient,
    Outcome,
    Recipient,
    Tally,
    why,
)
from tidings.domain.events import Move
from tidings.domain.kernel import CampaignId, ContactId, MessageId, OrganizationId, Page, PersonKey, Wamid

r = recipients.c
_BY_STATE, _BY_PERSON = "campaigns_recipients_state", "campaigns_recipients_person"
_HOUR = 3_600_000_000
"""Microseconds."""


class _Standing(Struct, frozen=True):
    """What news changes of a recipient; the rest, which is most of the row, need not be read for it."""

    id: MessageId
    state: Outcome
    version: int
    wamid: Wamid | None
    attempts: int
    code: int | None
    reason: str | None
    priced: str
    price_category: str
    changed_at: datetime


_STANDING = _Standing.__struct_fields__
_NEWS = _STANDING[1:]


@dataclass(frozen=True, slots=True)
class SqlRecipients:
    connection: AsyncConnection
    organization: OrganizationId

    async def plan(self, campaign: CampaignId, new: Sequence[Recipient], progress: Progress) -> None:
        await insert_many(
            self.connection,
            recipients,
            [
                {
                    **asdict(recipient),
                    "name": recipient.name[:200],
                    "reason": recipient.reason and recipient.reason[:500],
                }
                for recipient in new
            ],
        )
        await self._count(campaign, Counter(_kind(recipient) for recipient in new))
        await insert_missing(
            self.connection, planning, [{"campaign_id": campaign, "after": None, "handed": 0}]
        )
        await self.connection.execute(
            update(planning).where(planning.c.campaign_id == campaign).values(after=progress.after)
        )

    async def progress(self, campaign: CampaignId) -> Progress:
        query = select(planning.c.after).where(planning.c.campaign_id == campaign)
        return Progress(after=(await self.connection.execute(query)).scalar_one_or_none())

    async def taken(self, campaign: CampaignId, people: Collection[PersonKey]) -> Collection[PersonKey]:
        query = select(r.person).where(
            r.campaign_id == campaign, r.person.in_(list(people)), r.state != Outcome.SKIPPED
        )
        query = along(query, recipients, _BY_PERSON)
        return set((await self.connection.execute(query)).scalars())

    async def known(
        self, campaign: CampaignId, contacts: Collection[ContactId]
    ) -> Mapping[ContactId, MessageId]:
        query = select(r.contact_id, r.id).where(r.campaign_id == campaign, r.contact_id.in_(list(contacts)))
        rows = await self.connection.execute(query)
        return {ContactId(row.contact_id): MessageId(row.id) for row in rows}

    async def failed(
        self,
        campaign: CampaignId,
        *,
        after: ContactId | None = None,
        limit: int,
        code: int | None = None,
        but: int | None = None,
    ) -> Sequence[Recipient]:
        query = select(recipients).where(r.campaign_id == campaign, r.state == Outcome.FAILED)
        if code is not None:
            query = query.where(r.code == code)
        if but is not None:
            query = query.where(func.coalesce(r.code, 0) != but)
        if after is not None:
            query = query.where(r.contact_id > after)
        rows = await self.connection.execute(query.order_by(r.contact_id).limit(limit))
        return structs(Recipient, rows)

    async def to_hand_over(
        self, campaign: CampaignId, *, arms: Collection[str], limit: int
    ) -> Sequence[Recipient]:
        found: list[Recipient] = []
        # One walk along the index for each arm: together they would be sorted whole.
        for arm in arms:
            query = select(recipients).where(self._waiting(campaign), r.arm == arm).order_by(r.id)
            query = along(query, recipients, _BY_STATE)
            rows = await self.connection.execute(query.limit(limit - len(found)))
            found += structs(Recipient, rows)
            if len(found) >= limit:
                break
        return found

    async def by_arm(self, campaign: CampaignId) -> Sequence[ArmCount]:
        # People are left out of an experiment for many reasons; only the hold-out is part of it.
        reason = case((r.state == Outcome.SKIPPED, r.reason), else_=None)
        query = (
            select(r.arm, r.state, reason, func.count())
            .where(r.campaign_id == campaign, r.arm != "")
            .group_by(r.arm, r.state, reason)
        )
        return [
            ArmCount(arm=arm, state=state, reason=reason or "", count=count)
            for arm, state, reason, count in await self.connection.execute(query)
        ]

    async def handed_over(self, campaign: CampaignId, ids: Sequence[MessageId]) -> None:
        done = await self.connection.execute(
            update(recipients).where(r.id.in_(ids), is_false(r.handed)).values(handed=True)
        )
        await self.connection.execute(
            update(planning)
            .where(planning.c.campaign_id == campaign)
            .values(handed=planning.c.handed + done.rowcount)
        )

    async def handed(self, campaign: CampaignId) -> int:
        query = select(planning.c.handed).where(planning.c.campaign_id == campaign)
        return (await self.connection.execute(query)).scalar_one_or_none() or 0

    async def by_country(self, campaign: CampaignId) -> Sequence[Counted]:
        kinds = (r.country, r.state, r.priced, r.price_category)
        query = select(*kinds, func.count()).where(r.campaign_id == campaign).group_by(*kinds)
        return [
            Counted(country=country, state=state, priced=priced, category=category, count=count)
            for country, state, priced, category, count in await self.connection.execute(query)
        ]

    async def by_hour(self, campaign: CampaignId) -> Sequence[HourCount]:
        moment = type_coerce(r.changed_at, BigInteger)
        hour = (moment - moment % _HOUR).label("hour")
        query = select(hour, r.state, func.count()).where(r.campaign_id == campaign).group_by(hour, r.state)
        return [
            HourCount(hour=datetime.fromtimestamp(began / 1_000_000, UTC), state=state, count=count)
            for began, state, count in await self.connection.execute(query.order_by(hour))
        ]

    async def in_line(self, campaign: CampaignId, *, asleep: bool) -> int:
        # Who waits for a later try, a day perhaps, must not keep others from their first.
        first = [r.state == Outcome.PENDING, r.attempts == 0]
        if not asleep:
            first.append(r.reason.is_(None))
        query = (
            select(func.count())
            .select_from(recipients)
            .where(
                r.campaign_id == campaign,
                is_true(r.handed),
                r.state.in_([Outcome.PENDING, Outcome.SENDING]),
                or_(and_(*first), r.state == Outcome.SENDING),
            )
        )
        return (await self.connection.execute(along(query, recipients, _BY_STATE))).scalar_one()

    async def skip_rest(self, campaign: CampaignId, reason: str, *, limit: int) -> int:
        query = select(recipients).where(self._waiting(campaign)).limit(limit).with_for_update()
        query = along(query, recipients, _BY_STATE)
        before = structs(Recipient, await self.connection.execute(query))
        after = [replace(recipient, state=Outcome.SKIPPED, reason=reason) for recipient in before]
        await self._move(campaign, before, after)
        return len(before)

    async def of_person(
        self, contact: ContactId, people: Collection[PersonKey]
    ) -> Sequence[tuple[str, Recipient]]:
        mine = select(campaigns.c.id, campaigns.c.name).where(
            campaigns.c.organization_id == self.organization
        )
        names = {row.id: row.name for row in await self.connection.execute(mine.order_by(campaigns.c.id))}
        found: list[tuple[str, Recipient]] = []
        for theirs in _whose(list(names), contact, people):
            for row in (await self.connection.execute(select(recipients).where(theirs))).mappings():
                found.append((names[row["campaign_id"]], Recipient(**row)))
        return found

    async def forget(self, contact: ContactId, people: Collection[PersonKey]) -> None:
        blank: dict[str, object] = {"name": "", "phone": "", "values": {}}
        mine = select(campaigns.c.id).where(campaigns.c.organization_id == self.organization)
        ids = (await self.connection.execute(mine)).scalars().all()
        for theirs in _whose(ids, contact, people):
            await self._skip_waiting(theirs)
            await self.connection.execute(update(recipients).where(theirs).values(person="erased", **blank))

    async def _skip_waiting(self, theirs: ColumnElement[bool]) -> None:
        """Who does not stand in line yet never will; the line skips those that do."""
        waiting = select(recipients).where(theirs, r.state == Outcome.PENDING, is_false(r.handed))
        for before in structs(Recipient, await self.connection.execute(waiting.with_for_update())):
            after = replace(before, state=Outcome.SKIPPED, reason="erased")
            await self._move(before.campaign_id, [before], [after])

    async def fold(self, campaign: CampaignId, moves: Sequence[Move]) -> None:
        newest: dict[MessageId, Move] = {}
        for move in moves:
            if move.message_id not in newest or newest[move.message_id].version < move.version:
                newest[move.message_id] = move
        query = select(*[r[name] for name in _STANDING])
        query = query.where(r.campaign_id == campaign, r.id.in_(list(newest))).with_for_update()
        known = structs(_Standing, await self.connection.execute(query))
        before = [recipient for recipient in known if recipient.version < newest[recipient.id].version]
        await self._move(campaign, before, [_moved(each, newest[each.id]) for each in before])

    async def tallies(self, campaign: CampaignId) -> Sequence[Tally]:
        query = select(tallies.c.state, tallies.c.reason, tallies.c.count).where(
            tallies.c.campaign_id == campaign
        )
        return structs(Tally, await self.connection.execute(query))

    async def recount(self, campaign: CampaignId) -> Sequence[Tally]:
        query = (
            select(r.state, r.code, r.reason, func.count().label("many"))
            .where(r.campaign_id == campaign)
            .group_by(r.state, r.code, r.reason)
        )
        counted: Counter[tuple[Outcome, str]] = Counter()
        for row in await self.connection.execute(query):
            counted[(row.state, why(row.state, row.code, row.reason))] += row.many
        return [Tally(state=state, reason=reason, count=count) for (state, reason), count in counted.items()]

    async def get(self, campaign: CampaignId, id: MessageId) -> Recipient:
        query = select(recipients).where(r.campaign_id == campaign, r.id == id)
        row = (await self.connection.execute(query)).mappings().one_or_none()
        if row is None:
            raise NoSuchRecipient()
        return Recipient(**row)

    async def of_contact(self, campaign: CampaignId, contact: ContactId) -> Recipient | None:
        query = select(recipients).where(r.campaign_id == campaign, r.contact_id == contact)
        row = (await self.connection.execute(query)).mappings().one_or_none()
        return None if row is None else Recipient(**row)

    async def page(
        self, campaign: CampaignId, *, state: Outcome | None, cursor: str | None, limit: int
    ) -> Page[Recipient]:
        query = select(recipients).where(r.campaign_id == campaign).order_by(r.id).limit(limit + 1)
        if state is not None:
            query = query.where(r.state == state)
        if cursor is not None:
            query = query.where(r.id > decode_cursor(cursor))
        found = structs(Recipient, await self.connection.execute(query))
        more = len(found) > limit
        return Page(items=found[:limit], next_cursor=encode_cursor(found[limit - 1].id) if more else None)

    def _waiting(self, campaign: CampaignId) -> Any:
        return and_(r.campaign_id == campaign, r.state == Outcome.PENDING, is_false(r.handed))

    async def _move(
        self,
        campaign: CampaignId,
        before: Sequence[Recipient | _Standing],
        after: Sequence[Recipient | _Standing],
    ) -> None:
        rows = [{name: getattr(recipient, name) for name in _STANDING} for recipient in after]
        await update_many(self.connection, recipients, rows, key="id", change=_NEWS)
        change = Counter(_kind(recipient) for recipient in after)
        change.subtract(Counter(_kind(recipient) for recipient in before))
        await self._count(campaign, change)

    async def _count(self, campaign: CampaignId, change: Counter[tuple[Outcome, str]]) -> None:
        moved = {kind: by for kind, by in change.items() if by}
        keys = [{"campaign_id": campaign, "state": state, "reason": reason} for state, reason in moved]
        await insert_missing(self.connection, tallies, [{**key, "count": 0} for key in keys])
        for (state, reason), by in sorted(moved.items()):
            await self.connection.execute(
                update(tallies)
                .where(
                    tallies.c.campaign_id == campaign, tallies.c.state == state, tallies.c.reason == reason
                )
                .values(count=tallies.c.count + by)
            )


def _kind(recipient: Recipient | _Standing) -> tuple[Outcome, str]:
    return recipient.state, why(recipient.state, recipient.code, recipient.reason)


def _moved(recipient: _Standing, move: Move) -> _Standing:
    return _Standing(
        id=recipient.id,
        state=Outcome(move.state),
        version=move.version,
        wamid=move.wamid,
        attempts=move.attempt_no,
        code=move.code,
        reason=move.reason and move.reason[:500],
        priced=move.priced or recipient.priced,
        price_category=move.price_category or recipient.price_category,
        changed_at=move.at,
    )


def _whose(
    campaigns_of_one: Sequence[UUID], contact: ContactId, people: Collection[PersonKey]
) -> Iterator[ColumnElement[bool]]:
    """The rows of one person, for some hundred campaigns at a time."""
    for start in range(0, len(campaigns_of_one), 500):
        yield and_(
            r.campaign_id.in_(campaigns_of_one[start : start + 500]),
            or_(r.contact_id == contact, r.person.in_(list(people))),
        )
