"""Tables of conversations and of those who answer them, and which query each index serves."""

from sqlalchemy import Boolean, Column, Index, Integer, String, Table, Text

from tidings.adapters.mysql.engine import TABLE_OPTIONS
from tidings.adapters.mysql.types import Choice, Id, Moment, ascii_key
from tidings.adapters.mysql.whatsapp.tables import metadata
from tidings.domain.whatsapp.conversations import Handler, Stage

conversations = Table(
    "whatsapp_conversations",
    metadata,
    Column("id", Id, primary_key=True),
    Column("organization_id", Id, nullable=False),
    Column("phone_number_id", ascii_key(32), nullable=False),
    Column("person", ascii_key(160), nullable=False),
    Column("to", ascii_key(24)),
    Column("recipient", ascii_key(160)),
    Column("name", String(200), nullable=False),
    Column("stage", Choice(Stage), nullable=False),
    Column("handler", Choice(Handler), nullable=False),
    Column("handed_off", Boolean, nullable=False),
    Column("team_id", Id),
    Column("assignee_id", Id),
    Column("heard_at", Moment, nullable=False),
    Column("last_at", Moment, nullable=False),
    Column("last_text", String(200), nullable=False),
    Column("last_ours", Boolean, nullable=False),
    Column("unread", Integer, nullable=False),
    Column("waiting_since", Moment),
    Column("reply_due_at", Moment),
    Column("breached_at", Moment),
    Column("opened_at", Moment, nullable=False),
    Column("first_reply_at", Moment),
    Column("first_reply_by", Id),
    Column("closed_at", Moment),
    Column("closed_by", Id),
    Column("updated_at", Moment, nullable=False),
    # Whether this conversation wants an assignee; kept beside the rest so that it can be looked up.
    Column("wanting", Boolean, nullable=False),
    # One conversation a person and number.
    Index("whatsapp_conversations_once", "organization_id", "phone_number_id", "person", unique=True),
    # Lists, newest word first.
    Index("whatsapp_conversations_list", "organization_id", "stage", "last_at", "id"),
    # Taking the next one, and counting what each has in hand.
    Index("whatsapp_conversations_hands", "organization_id", "stage", "assignee_id", "waiting_since"),
    # Live updates.
    Index("whatsapp_conversations_touched", "organization_id", "updated_at"),
    # The desk's two questions: who wants an assignee, who has waited too long.
    Index("whatsapp_conversations_wanting", "wanting", "team_id", "waiting_since"),
    Index("whatsapp_conversations_due", "reply_due_at"),
    **TABLE_OPTIONS,
)

notes = Table(
    "whatsapp_notes",
    metadata,
    Column("id", Id, primary_key=True),
    Column("organization_id", Id, nullable=False),
    Column("conversation_id", Id, nullable=False),
    Column("author_id", Id, nullable=False),
    Column("text", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Index("whatsapp_notes_thread", "conversation_id", "id"),
    **TABLE_OPTIONS,
)

canned = Table(
    "whatsapp_canned",
    metadata,
    Column("id", Id, primary_key=True),
    Column("organization_id", Id, nullable=False),
    Column("shortcut", ascii_key(40), nullable=False),
    Column("text", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Index("whatsapp_canned_shortcut", "organization_id", "shortcut", unique=True),
    **TABLE_OPTIONS,
)

receptions = Table(
    "whatsapp_receptions",
    metadata,
    Column("phone_number_id", ascii_key(32), primary_key=True),
    Column("organization_id", Id, nullable=False),
    Column("team_id", Id),
    Column("bot", Boolean, nullable=False),
    Column("reply_within", Integer),
    **TABLE_OPTIONS,
)

stretches = Table(
    "whatsapp_stretches",
    metadata,
    Column("id", Id, primary_key=True),
    Column("organization_id", Id, nullable=False),
    Column("conversation_id", Id, nullable=False),
    Column("team_id", Id),
    Column("opened_at", Moment, nullable=False),
    Column("first_reply_at", Moment),
    Column("first_reply_by", Id),
    Column("closed_at", Moment, nullable=False),
    Column("closed_by", Id),
    Column("breached", Boolean, nullable=False),
    # Figures of a span of time.
    Index("whatsapp_stretches_span", "organization_id", "closed_at"),
    **TABLE_OPTIONS,
)
