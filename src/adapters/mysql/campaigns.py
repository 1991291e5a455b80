"""Campaigns, their recipients and tallies in SQL."""

from collections import Counter
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from msgspec.structs import asdict, replace
from sqlalchemy import (
    Boolean,
    Column,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from tidings.adapters.mysql.cursors import decode_cursor, encode_cursor
from tidings.adapters.mysql.dialect import insert_many, insert_missing, update_many
from tidings.adapters.mysql.engine import TABLE_OPTIONS, Database
from tidings.adapters.mysql.outbox import SqlInbox, SqlOutbox, inbox_table, outbox_table
from tidings.adapters.mysql.types import Choice, Id, Json, Moment, ascii_key
from tidings.application.ports.campaigns import Begin, Progress, Work
from tidings.application.ports.common import NewId, Now
from tidings.domain.campaigns import (
    Campaign,
    CampaignNotFound,
    Fill,
    Missing,
    NoSuchRecipient,
    Outcome,
    Recipient,
    State,
    Tally,
    why,
)
from tidings.domain.events import Move
from tidings.domain.kernel import CampaignId, ContactId, MessageId, OrganizationId, Page, PersonKey

metadata = MetaData()
outbox = outbox_table(metadata, "campaigns")
inbox = inbox_table(metadata, "campaigns")

campaigns = Table(
    "campaigns",
    metadata,
    Column("id", Id, primary_key=True),
    Column("organization_id", Id, nullable=False),
    Column("name", String(200), nullable=False),
    Column("description", Text, nullable=False),
    Column("template_id", Id, nullable=False),
    Column("group_id", Id),
    Column("phone_number_id", ascii_key(32)),
    Column("parameters", Json(dict[str, Fill]), nullable=False),
    Column("missing", Choice(Missing), nullable=False),
    Column("state", Choice(State), nullable=False),
    Column("reason", String(500)),
    Column("epoch", Integer, nullable=False),
    Column("told", Integer, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("launched_at", Moment),
    Column("planned_at", Moment),
    Column("finished_at", Moment),
    # Lists of an organisation, newest first.
    Index("campaigns_list", "organization_id", "id"),
    # The runner's question: what is unfinished.
    Index("campaigns_state", "state"),
    **TABLE_OPTIONS,
)

planning = Table(
    "campaigns_planning",
    metadata,
    Column("campaign_id", Id, primary_key=True),
    Column("after", Id),
    **TABLE_OPTIONS,
)

recipients = Table(
    "campaigns_recipients",
    metadata,
    Column("id", Id, primary_key=True),
    Column("campaign_id", Id, nullable=False),
    Column("contact_id", Id, nullable=False),
    Column("person", ascii_key(160), nullable=False),
    Column("phone", ascii_key(24), nullable=False),
    Column("name", String(200), nullable=False),
    Column("values", Json(dict[str, str]), nullable=False),
    Column("state", Choice(Outcome), nullable=False),
    Column("handed", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
    Column("wamid", ascii_key(255)),
    Column("attempts", Integer, nullable=False),
    Column("code", Integer),
    Column("reason", String(500)),
    Column("changed_at", Moment, nullable=False),
    # A contact is in a campaign once.
    Index("campaigns_recipients_once", "campaign_id", "contact_id", unique=True),
    # Whether a person is already reached.
    Index("campaigns_recipients_person", "campaign_id", "person"),
    # Who is next to be handed over; how many stand in line; lists by state.
    Index("campaigns_recipients_state", "campaign_id", "state", "handed", "id"),
    **TABLE_OPTIONS,
)

tallies = Table(
    "campaigns_tallies",
    metadata,
    Column("campaign_id", Id, primary_key=True),
    Column("state", Choice(Outcome), primary_key=True),
    Column("reason", String(60), primary_key=True),
    Column("count", Integer, nullable=False),
    **TABLE_OPTIONS,
)

r = recipients.c
_NEWS = ("state", "version", "wamid", "attempts", "code", "reason", "changed_at")


@dataclass(frozen=True, slots=True)
class SqlCampaigns:
    connection: AsyncConnection
    organization: OrganizationId
    locking: bool

    async def add(self, campaign: Campaign) -> None:
        await self.connection.execute(insert(campaigns).values(asdict(campaign)))

    async def get(self, id: CampaignId) -> Campaign:
        query = select(campaigns).where(
            campaigns.c.id == id, campaigns.c.organization_id == self.organization
        )
        if self.locking:
            query = query.with_for_update()
        row = (await self.connection.execute(query)).mappings().one_or_none()
        if row is None:
            raise CampaignNotFound()
        return Campaign(**row)

    async def save(self, campaign: Campaign) -> None:
        values = {**asdict(campaign), "reason": campaign.reason and campaign.reason[:500]}
        values.pop("told")
        await self.connection.execute(update(campaigns).where(campaigns.c.id == campaign.id).values(values))

    async def told(self, id: CampaignId, epoch: int) -> None:
        await self.connection.execute(
            update(campaigns).where(campaigns.c.id == id, campaigns.c.told < epoch).values(told=epoch)
        )

    async def remove(self, id: CampaignId) -> None:
        for table in (recipients, tallies, planning):
            await self.connection.execute(delete(table).where(table.c.campaign_id == id))
        await self.connection.execute(
            delete(campaigns).where(campaigns.c.id == id, campaigns.c.organization_id == self.organization)
        )

    async def page(
        self, *, state: str | None, cursor: str | None, limit: int, number: int | None = None
    ) -> Page[Campaign]:
        chosen = campaigns.c.organization_id == self.organization
        if state is not None:
            chosen = and_(chosen, campaigns.c.state == State(state))
        query = select(campaigns).where(chosen).order_by(campaigns.c.id.desc()).limit(limit + 1)
        total: int | None = None
        if number is not None:
            query = query.offset((number - 1) * limit)
            counted = select(func.count()).select_from(campaigns).where(chosen)
            total = (await self.connection.execute(counted)).scalar_one()
        elif cursor is not None:
            query = query.where(campaigns.c.id < decode_cursor(cursor))
        found = [Campaign(**row) for row in (await self.connection.execute(query)).mappings()]
        more = len(found) > limit
        return Page(
            items=found[:limit],
            next_cursor=encode_cursor(found[limit - 1].id) if more else None,
            total=total,
        )


@dataclass(frozen=True, slots=True)
class SqlRecipients:
    connection: AsyncConnection

    async def plan(self, campaign: CampaignId, new: Sequence[Recipient], progress: Progress) -> None:
        await insert_many(
            self.connection,
            recipients,
            [
                {
                    **asdict(recipient),
                    "name": recipient.name[:200],
                    "reason": (recipient.reason or "")[:500] or None,
                }
                for recipient in new
            ],
        )
        await self._count(campaign, Counter(_kind(recipient) for recipient in new))
        await insert_missing(self.connection, planning, [{"campaign_id": campaign, "after": None}])
        await self.connection.execute(
            update(planning).where(planning.c.campaign_id == campaign).values(after=progress.after)
        )

    async def progress(self, campaign: CampaignId) -> Progress:
        query = select(planning.c.after).where(planning.c.campaign_id == campaign)
        return Progress(after=(await self.connection.execute(query)).scalar_one_or_none())

    async def taken(self, campaign: CampaignId, people: Collection[PersonKey]) -> Collection[PersonKey]:
        query = select(r.person).where(r.campaign_id == campaign, r.person.in_(list(people)))
        return set((await self.connection.execute(query.where(r.state != Outcome.SKIPPED))).scalars())

    async def to_hand_over(self, campaign: CampaignId, *, limit: int) -> Sequence[Recipient]:
        query = select(recipients).where(self._waiting(campaign)).order_by(r.id).limit(limit)
        return [Recipient(**row) for row in (await self.connection.execute(query)).mappings()]

    async def handed_over(self, ids: Sequence[MessageId]) -> None:
        await self.connection.execute(update(recipients).where(r.id.in_(ids)).values(handed=True))

    async def in_line(self, campaign: CampaignId) -> int:
        query = (
            select(func.count())
            .select_from(recipients)
            .where(
                r.campaign_id == campaign,
                r.handed.is_(True),
                r.state.in_([Outcome.PENDING, Outcome.SENDING]),
                # Who waits for a later try, a day perhaps, must not keep others from their first.
                or_(r.attempts == 0, r.state == Outcome.SENDING),
            )
        )
        return (await self.connection.execute(query)).scalar_one()

    async def skip_rest(self, campaign: CampaignId, reason: str, *, limit: int) -> int:
        query = select(recipients).where(self._waiting(campaign)).limit(limit).with_for_update()
        before = [Recipient(**row) for row in (await self.connection.execute(query)).mappings()]
        after = [replace(recipient, state=Outcome.SKIPPED, reason=reason) for recipient in before]
        await self._move(campaign, before, after)
        return len(before)

    async def fold(self, campaign: CampaignId, moves: Sequence[Move]) -> None:
        newest: dict[MessageId, Move] = {}
        for move in moves:
            if move.message_id not in newest or newest[move.message_id].version < move.version:
                newest[move.message_id] = move
        query = select(recipients).where(r.campaign_id == campaign, r.id.in_(list(newest))).with_for_update()
        known = [Recipient(**row) for row in (await self.connection.execute(query)).mappings()]
        before = [recipient for recipient in known if recipient.version < newest[recipient.id].version]
        await self._move(campaign, before, [_moved(each, newest[each.id]) for each in before])

    async def tallies(self, campaign: CampaignId) -> Sequence[Tally]:
        query = select(tallies.c.state, tallies.c.reason, tallies.c.count).where(
            tallies.c.campaign_id == campaign
        )
        return [Tally(**row) for row in (await self.connection.execute(query)).mappings()]

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
        found = [Recipient(**row) for row in (await self.connection.execute(query)).mappings()]
        more = len(found) > limit
        return Page(items=found[:limit], next_cursor=encode_cursor(found[limit - 1].id) if more else None)

    def _waiting(self, campaign: CampaignId) -> Any:
        return and_(r.campaign_id == campaign, r.state == Outcome.PENDING, r.handed.is_(False))

    async def _move(
        self, campaign: CampaignId, before: Sequence[Recipient], after: Sequence[Recipient]
    ) -> None:
        rows = [{name: getattr(recipient, name) for name in ("id", *_NEWS)} for recipient in after]
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


def _kind(recipient: Recipient) -> tuple[Outcome, str]:
    return recipient.state, why(recipient.state, recipient.code, recipient.reason)


def _moved(recipient: Recipient, move: Move) -> Recipient:
    return replace(
        recipient,
        state=Outcome(move.state),
        version=move.version,
        wamid=move.wamid,
        attempts=move.attempt_no,
        code=move.code,
        reason=move.reason and move.reason[:500],
        changed_at=move.at,
    )


@dataclass(frozen=True, slots=True)
class SqlActiveCampaigns:
    """The runner's question, across organisations."""

    database: Database

    async def unfinished(self) -> Sequence[Campaign]:
        query = (
            select(campaigns)
            .where(
                or_(
                    campaigns.c.state.in_([State.PLANNING, State.RUNNING]),
                    and_(campaigns.c.state != State.DRAFT, campaigns.c.told < campaigns.c.epoch),
                )
            )
            .order_by(campaigns.c.id)
        )
        async with self.database.reading() as connection:
            return [Campaign(**row) for row in (await connection.execute(query)).mappings()]


def campaigns_in(database: Database, *, now: Now, new_id: NewId) -> tuple[Begin, Begin]:
    """Open transactions over the campaigns context's tables: writing ones, and ones that only look."""

    def work(connection: AsyncConnection, organization: OrganizationId, locking: bool) -> Work:
        return Work(
            campaigns=SqlCampaigns(connection, organization, locking),
            recipients=SqlRecipients(connection),
            outbox=SqlOutbox(connection, outbox, now, new_id),
            inbox=SqlInbox(connection, inbox, now),
        )

    @asynccontextmanager
    async def begin(organization: OrganizationId) -> AsyncGenerator[Work]:
        async with database.begin() as connection:
            yield work(connection, organization, True)

    @asynccontextmanager
    async def read(organization: OrganizationId) -> AsyncGenerator[Work]:
        async with database.reading() as connection:
            yield work(connection, organization, False)

    return begin, read
