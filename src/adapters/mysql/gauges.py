"""What waits in the tables, for operators: each a look along an index."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Table, func, null, or_, select

from tidings.adapters.mysql.engine import Database
from tidings.adapters.mysql.kept_outbox import published_of
from tidings.adapters.mysql.whatsapp.tables import messages, numbers, parked, set_aside, webhooks
from tidings.domain.whatsapp.messages import State


class Waiting(NamedTuple):
    """How many rows wait, and since when the oldest does."""

    rows: int
    since: datetime | None


async def waiting_events(database: Database, outbox: Table) -> Waiting:
    """Events that are not on the bus yet. Raise DatabaseUnavailable."""
    # Those that were numbered for a broker that did not take them wait as well.
    sequence = outbox.c.sequence
    here = or_(sequence.is_(null()), sequence > published_of(outbox))
    asked = select(func.count(), func.min(outbox.c.occurred_at)).where(here)
    async with database.reading() as connection:
        count, since = (await connection.execute(asked)).one()
    return Waiting(count, since)


async def waiting_webhooks(database: Database) -> Waiting:
    """Webhooks that are stored and not applied. Raise DatabaseUnavailable."""
    oldest = select(webhooks.c.received_at).order_by(webhooks.c.id).limit(1)
    async with database.reading() as connection:
        count = (await connection.execute(select(func.count()).select_from(webhooks))).scalar_one()
        since = (await connection.execute(oldest)).scalar_one_or_none()
    return Waiting(count, since)


async def odd_webhooks(database: Database) -> tuple[int, int]:
    """How many could not be read, and how many statuses wait for their message's answer."""
    async with database.reading() as connection:
        unread = (await connection.execute(select(func.count()).select_from(set_aside))).scalar_one()
        early = (await connection.execute(select(func.count()).select_from(parked))).scalar_one()
    return unread, early


async def unknown_messages(database: Database) -> Mapping[str, int]:
    """Messages of which nobody can say whether Meta took them, by sending number."""
    ours = select(numbers.c.phone_number_id)
    number = messages.c.phone_number_id
    count = (
        select(number, func.count())
        .where(number.in_(ours), messages.c.state == State.UNKNOWN)
        .group_by(number)
    )
    async with database.reading() as connection:
        known = {id: 0 for (id,) in await connection.execute(ours)}
        return known | {id: n for id, n in await connection.execute(count)}
