"""Tables of subscriptions and what is on its way to them."""

from sqlalchemy import Column, Index, Integer, LargeBinary, String, Table

from tidings.adapters.mysql.engine import TABLE_OPTIONS
from tidings.adapters.mysql.types import Choice, Id, Json, LongText, Moment, ascii_key
from tidings.adapters.mysql.users.tables import metadata
from tidings.domain.users.subscriptions import Standing, State

subscriptions = Table(
    "users_subscriptions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("organization_id", Id, nullable=False, index=True),
    Column("url", String(2000), nullable=False),
    Column("events", Json(tuple[str, ...]), nullable=False),
    Column("description", String(500), nullable=False),
    Column("state", Choice(Standing), nullable=False),
    Column("failures", Integer, nullable=False),
    Column("failing_since", Moment),
    Column("resting_until", Moment),
    Column("last_error", String(300), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("current", LargeBinary(500), nullable=False),
    Column("previous", LargeBinary(500)),
    Column("previous_until", Moment),
    **TABLE_OPTIONS,
)
deliveries = Table(
    "users_deliveries",
    metadata,
    Column("id", Id, primary_key=True),
    Column("subscription_id", Id, nullable=False),
    Column("organization_id", Id, nullable=False),
    Column("event_id", Id, nullable=False),
    Column("type", ascii_key(64), nullable=False),
    Column("key", ascii_key(160), nullable=False),
    Column("body", LongText, nullable=False),
    Column("at", Moment, nullable=False),
    Column("state", Choice(State), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", Moment, nullable=False),
    Column("status", Integer),
    Column("error", String(300), nullable=False),
    Column("took_ms", Integer, nullable=False),
    Column("delivered_at", Moment),
    Column("claim", Id),
    # An event is brought to an endpoint once, however often it is heard.
    Index("users_deliveries_once", "subscription_id", "event_id", unique=True),
    # What is due.
    Index("users_deliveries_due", "state", "next_attempt_at"),
    # Whether an earlier one of the same key waits.
    Index("users_deliveries_order", "subscription_id", "key", "state", "id"),
    # The log of an endpoint, newest first.
    Index("users_deliveries_log", "subscription_id", "id"),
    # What one process has claimed.
    Index("users_deliveries_claim", "claim"),
    # Forgetting what is old.
    Index("users_deliveries_at", "at"),
    **TABLE_OPTIONS,
)
