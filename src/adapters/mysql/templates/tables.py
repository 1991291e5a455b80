"""The context's tables."""

from datetime import datetime

from sqlalchemy import Boolean, Column, Index, Integer, MetaData, String, Table, Text, false

from tidings.adapters.mysql.engine import TABLE_OPTIONS
from tidings.adapters.mysql.outbox import inbox_table, outbox_table
from tidings.adapters.mysql.types import Choice, Id, Json, LongBytes, Moment, ascii_key
from tidings.domain.templates.components import Category, Component, HeaderFormat, ParameterFormat
from tidings.domain.templates.template import Quality, Status, Template

metadata = MetaData()
outbox = outbox_table(metadata, "templates")
inbox = inbox_table(metadata, "templates")

templates = Table(
    "templates",
    metadata,
    Column("id", Id, primary_key=True),
    Column("organization_id", Id, nullable=False),
    Column("waba_id", ascii_key(32), nullable=False),
    Column("name", ascii_key(512), nullable=False),
    Column("language", ascii_key(16), nullable=False),
    Column("category", Choice(Category), nullable=False),
    Column("components", Json(tuple[Component, ...]), nullable=False),
    Column("parameter_format", Choice(ParameterFormat), nullable=False),
    Column("message_send_ttl_seconds", Integer),
    Column("marketing_api", Boolean, nullable=False, server_default=false()),
    Column("meta_template_id", ascii_key(32)),
    Column("status", Choice(Status), nullable=False),
    Column("reason", Text),
    Column("status_at", Moment, nullable=False),
    Column("quality", Choice(Quality), nullable=False),
    Column("quality_at", Moment),
    Column("next_category", Choice(Category)),
    Column("unreadable", Text),
    Column("edited_at", Json(tuple[datetime, ...]), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    # A digest of the words that Meta takes once in a language.
    Column("words", ascii_key(64)),
    # What may be there once: the name and language of one that is not deleted; else nothing but itself.
    Column("slot", ascii_key(560), nullable=False),
    Index("templates_slot", "organization_id", "waba_id", "slot", unique=True),
    Index("templates_words", "organization_id", "waba_id", "words"),
    # Lists of an organisation, newest first.
    Index("templates_list", "organization_id", "id"),
    # What a webhook speaks of.
    Index("templates_meta", "organization_id", "waba_id", "meta_template_id"),
    **TABLE_OPTIONS,
)

accounts = Table(
    "templates_accounts",
    metadata,
    Column("organization_id", Id, primary_key=True),
    Column("waba_id", ascii_key(32), primary_key=True),
    Column("due_at", Moment, nullable=False),
    Column("synced_at", Moment),
    # The latest moment for which a sync was asked: one that began before does not count for it.
    Column("wanted_at", Moment),
    Column("held_until", Moment),
    # Which are due.
    Index("templates_accounts_due", "due_at"),
    **TABLE_OPTIONS,
)

files = Table(
    "templates_files",
    metadata,
    Column("id", Id, primary_key=True),
    Column("organization_id", Id, nullable=False),
    Column("name", String(240), nullable=False),
    Column("mime_type", ascii_key(100), nullable=False),
    Column("format", Choice(HeaderFormat), nullable=False),
    Column("size", Integer, nullable=False),
    Column("sha256", ascii_key(64), nullable=False),
    Column("created_at", Moment, nullable=False),
    # The same content is kept once.
    Index("templates_files_once", "organization_id", "sha256", "mime_type", unique=True),
    Index("templates_files_list", "organization_id", "id"),
    **TABLE_OPTIONS,
)

# A server takes only so much in one statement: contents lie in pieces.
pieces = Table(
    "templates_file_pieces",
    metadata,
    Column("file_id", Id, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("content", LongBytes, nullable=False),
    **TABLE_OPTIONS,
)

media = Table(
    "templates_media",
    metadata,
    Column("file_id", Id, primary_key=True),
    Column("phone_number_id", ascii_key(32), primary_key=True),
    Column("media_id", ascii_key(64), nullable=False),
    Column("ends_at", Moment, nullable=False),
    **TABLE_OPTIONS,
)

t = templates.c
a = accounts.c
f = files.c
FIELDS = tuple(t[name] for name in Template.__struct_fields__)
MUTABLE = tuple(c.name for c in t if c.name not in ("id", "organization_id", "waba_id", "created_at"))
