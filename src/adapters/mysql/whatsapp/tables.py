"""Tables of the whatsapp context, and which query each index serves."""

from typing import Any

from sqlalchemy import Column, Index, Integer, MetaData, String, Table, Text

from tidings.adapters.mysql.engine import TABLE_OPTIONS
from tidings.adapters.mysql.outbox import inbox_table, outbox_table
from tidings.adapters.mysql.types import Choice, Id, Json, LongBytes, Moment, Position, ascii_key
from tidings.domain.whatsapp.content import Content
from tidings.domain.whatsapp.messages import State
from tidings.domain.whatsapp.numbers import RunState

metadata = MetaData()
outbox = outbox_table(metadata, "whatsapp")
inbox = inbox_table(metadata, "whatsapp")


def _of_a_message() -> tuple[Column[Any], ...]:
    return (
        Column("id", Id, primary_key=True),
        Column("organization_id", Id, nullable=False),
        Column("phone_number_id", ascii_key(32), nullable=False),
        Column("run_id", Id),
        Column("contact_id", Id),
        Column("person", ascii_key(160), nullable=False),
        Column("to", ascii_key(24)),
        Column("recipient", ascii_key(160)),
        Column("zone", ascii_key(64)),
        Column("content", Json(Content), nullable=False),
        Column("reply_to", ascii_key(255)),
        Column("state", Choice(State), nullable=False),
        Column("version", Integer, nullable=False),
        Column("created_at", Moment, nullable=False),
        Column("next_attempt_at", Moment, nullable=False),
        Column("expires_at", Moment),
        Column("attempt_no", Integer, nullable=False),
        Column("attempt_id", Id),
        Column("epoch", Integer),
        Column("attempted_at", Moment),
        Column("wamid", ascii_key(255)),
        Column("accepted_at", Moment),
        Column("sent_at", Moment),
        Column("delivered_at", Moment),
        Column("read_at", Moment),
        Column("failed_at", Moment),
        Column("unknown_at", Moment),
        Column("priced", ascii_key(32), nullable=False),
        Column("price_category", ascii_key(32), nullable=False),
        Column("code", Integer),
        Column("reason", String(500)),
    )


messages = Table(
    "whatsapp_messages",
    metadata,
    *_of_a_message(),
    # One message a person and run: the last guard against a second one.
    Index("whatsapp_messages_once", "run_id", "person", unique=True),
    # The sender's question: what is due behind this number, of this run; and, of all its numbers, cancelling.
    # Each index with a state in it is written at each of a message's six states: there is no other.
    Index("whatsapp_messages_due", "phone_number_id", "state", "run_id", "next_attempt_at", "id"),
    # Settling, and statuses that carry our callback data.
    Index("whatsapp_messages_attempt", "attempt_id", unique=True),
    # Statuses.
    Index("whatsapp_messages_wamid", "wamid", unique=True),
    # History of an organisation, newest first, and of one person.
    Index("whatsapp_messages_history", "organization_id", "id"),
    Index("whatsapp_messages_person", "organization_id", "person", "id"),
    **TABLE_OPTIONS,
)

archive = Table(
    "whatsapp_archive",
    metadata,
    *_of_a_message(),
    # Who got a message in a campaign that is under way for months.
    Index("whatsapp_archive_once", "run_id", "person"),
    # A report of Meta's about a message of long ago.
    Index("whatsapp_archive_wamid", "wamid"),
    # History of an organisation, newest first, and of one person.
    Index("whatsapp_archive_history", "organization_id", "id"),
    Index("whatsapp_archive_person", "organization_id", "person", "id"),
    # Months are split off before anything is moved into them (`archive.py`); ids are in order of time.
    mysql_partition_by="RANGE COLUMNS (id) (PARTITION later VALUES LESS THAN (MAXVALUE))",
    **TABLE_OPTIONS,
)
"""Messages whose story ended long ago. None of its keys is unique over it but the id: that nobody has two
messages in one campaign holds while a campaign can still send, among those that are not here."""

MUTABLE = (
    "state",
    "version",
    "next_attempt_at",
    "attempt_no",
    "attempt_id",
    "epoch",
    "attempted_at",
    "wamid",
    "accepted_at",
    "sent_at",
    "delivered_at",
    "read_at",
    "failed_at",
    "unknown_at",
    "priced",
    "price_category",
    "code",
    "reason",
)
"""The columns of a message that change after it was added."""

attempts = Table(
    "whatsapp_attempts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("message_id", Id, nullable=False, index=True),
    Column("no", Integer, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("ended_at", Moment, nullable=False),
    Column("code", Integer),
    Column("reason", String(500), nullable=False),
    **TABLE_OPTIONS,
)

leases = Table(
    "whatsapp_leases",
    metadata,
    Column("name", ascii_key(64), primary_key=True),
    Column("owner", String(120), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("until", Moment, nullable=False),
    **TABLE_OPTIONS,
)

runs = Table(
    "whatsapp_runs",
    metadata,
    Column("campaign_id", Id, primary_key=True),
    Column("organization_id", Id, nullable=False),
    Column("phone_number_id", ascii_key(32), nullable=False),
    Column("state", Choice(RunState), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("reason", String(500)),
    Column("waiting", String(200), nullable=False),
    **TABLE_OPTIONS,
)

run_lanes = Table(
    "whatsapp_run_lanes",
    metadata,
    Column("phone_number_id", ascii_key(32), primary_key=True),
    Column("campaign_id", Id, primary_key=True, index=True),
    **TABLE_OPTIONS,
)
"""The numbers that a campaign's messages leave from: whose messages may stand here, and where its own do."""

webhooks = Table(
    "whatsapp_webhooks",
    metadata,
    Column("id", Position, primary_key=True, autoincrement=True),
    Column("received_at", Moment, nullable=False),
    Column("body", LongBytes, nullable=False),
    **TABLE_OPTIONS,
)

parked = Table(
    "whatsapp_parked",
    metadata,
    Column("id", Position, primary_key=True, autoincrement=True),
    Column("wamid", ascii_key(255), nullable=False, index=True),
    Column("status", ascii_key(16), nullable=False),
    Column("at", Moment, nullable=False),
    Column("code", Integer),
    Column("reason", String(500)),
    Column("raw", Text, nullable=False),
    # What is old enough to be forgotten.
    Index("whatsapp_parked_age", "at"),
    **TABLE_OPTIONS,
)

set_aside = Table(
    "whatsapp_set_aside",
    metadata,
    Column("id", Position, primary_key=True, autoincrement=True),
    Column("where", String(200), nullable=False),
    Column("reason", String(500), nullable=False),
    Column("raw", LongBytes, nullable=False),
    Column("at", Moment, nullable=False),
    # What is old enough to be forgotten.
    Index("whatsapp_set_aside_age", "at"),
    **TABLE_OPTIONS,
)

strays = Table(
    "whatsapp_strays",
    metadata,
    Column("what", ascii_key(64), primary_key=True),
    Column("count", Integer, nullable=False),
    **TABLE_OPTIONS,
)

numbers = Table(
    "whatsapp_numbers",
    metadata,
    Column("phone_number_id", ascii_key(32), primary_key=True),
    Column("organization_id", Id, nullable=False, index=True),
    Column("waba_id", ascii_key(32), nullable=False, index=True),
    Column("display_phone_number", String(40), nullable=False),
    Column("verified_name", String(200), nullable=False),
    Column("quality_rating", ascii_key(16), nullable=False),
    Column("messages_per_second", Integer, nullable=False),
    Column("messaging_limit", Integer),
    Column("connected_at", Moment, nullable=False),
    Column("heard_at", Moment),
    **TABLE_OPTIONS,
)

inbound = Table(
    "whatsapp_inbound",
    metadata,
    Column("id", Id, primary_key=True),
    Column("organization_id", Id, nullable=False),
    Column("phone_number_id", ascii_key(32), nullable=False),
    Column("wamid", ascii_key(255), nullable=False, unique=True),
    Column("person", ascii_key(160), nullable=False),
    Column("sender", ascii_key(24)),
    Column("sender_user_id", ascii_key(160)),
    Column("profile_name", String(200), nullable=False),
    Column("kind", ascii_key(32), nullable=False),
    Column("text", Text, nullable=False),
    Column("payload", String(512), nullable=False),
    Column("reply_to", ascii_key(255)),
    Column("raw", Text, nullable=False),
    Column("at", Moment, nullable=False),
    # The thread of a conversation, and its newest message.
    Index("whatsapp_inbound_person", "organization_id", "person", "id"),
    **TABLE_OPTIONS,
)
