"""The context's tables."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from sqlalchemy import (
    Boolean,
    Column,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    select,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from tidings.adapters.mysql.engine import TABLE_OPTIONS
from tidings.adapters.mysql.outbox import inbox_table, outbox_table
from tidings.adapters.mysql.types import Choice, Id, Json, LongBytes, Moment, Position, ascii_key
from tidings.domain.contacts import segments as segment_rules
from tidings.domain.contacts.attributes import MAX_LABEL, Kind
from tidings.domain.contacts.consent import MAX_PROOF, MAX_SOURCE, MAX_TOPIC
from tidings.domain.contacts.groups import MAX_DESCRIPTION, MAX_NAME
from tidings.domain.contacts.identities import MergeId, Side
from tidings.domain.contacts.importing import ImportOptions, ImportReport
from tidings.domain.contacts.jobs import JobState
from tidings.domain.contacts.people import LIMITS, MAX_ATTRIBUTE_KEY, SEARCH_TEXT_LENGTH, Contact, Known
from tidings.domain.contacts.rules import AnyRule, Deed
from tidings.domain.contacts.wishes import Wish
from tidings.domain.kernel import OrganizationId

T = TypeVar("T")

metadata = MetaData()

FEW = 50
"""People who are looked for without asking first whether anybody is there."""
PERSON = 140
"""A number's digits, or a business-scoped user id of up to 135 characters."""

people = Table(
    "contacts_people",
    metadata,
    Column("id", Id, primary_key=True),
    Column("organization_id", Id, nullable=False),
    Column("phone", ascii_key(20)),
    Column("person", ascii_key(PERSON), nullable=False),
    Column("country_code", ascii_key(5), nullable=False),
    Column("bsuid", ascii_key(PERSON), nullable=False),
    Column("username", String(100), nullable=False),
    *(Column(name, String(limit), nullable=False) for name, limit in LIMITS.items() if name != "notes"),
    Column("notes", Text, nullable=False),
    Column("attributes", Json(dict[str, str]), nullable=False),
    Column("is_favorite", Boolean, nullable=False),
    Column("opted_out", Boolean, nullable=False),
    Column("opted_out_at", Moment),
    Column("opted_in_at", Moment),
    Column("consent_source", String(MAX_SOURCE), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("search_text", String(SEARCH_TEXT_LENGTH), nullable=False),
    UniqueConstraint("organization_id", "person", name="contacts_people_person"),
    Index("contacts_people_newest", "organization_id", "id"),
    **TABLE_OPTIONS,
)

groups = Table(
    "contacts_groups",
    metadata,
    Column("id", Id, primary_key=True),
    Column("organization_id", Id, nullable=False),
    Column("name", String(MAX_NAME), nullable=False),
    Column("description", String(MAX_DESCRIPTION), nullable=False),
    Column("contact_count", Position, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    UniqueConstraint("organization_id", "name", name="contacts_groups_name"),
    Index("contacts_groups_newest", "organization_id", "id"),
    **TABLE_OPTIONS,
)

memberships = Table(
    "contacts_memberships",
    metadata,
    Column("group_id", Id, primary_key=True),
    Column("contact_id", Id, primary_key=True),
    Index("contacts_memberships_contact", "contact_id", "group_id"),
    **TABLE_OPTIONS,
)

consents = Table(
    "contacts_consents",
    metadata,
    Column("position", Position, primary_key=True, autoincrement=True),
    Column("id", Id, nullable=False),
    Column("organization_id", Id, nullable=False),
    Column("person", ascii_key(PERSON), nullable=False),
    Column("contact_id", Id),
    Column("topic", ascii_key(MAX_TOPIC), nullable=False),
    Column("wish", Choice(Wish), nullable=False),
    Column("source", String(MAX_SOURCE), nullable=False),
    Column("proof", String(MAX_PROOF), nullable=False),
    Column("at", Moment, nullable=False),
    Column("heard_at", Moment, nullable=False),
    Column("by", Id),
    Index("contacts_consents_person", "organization_id", "person", "position"),
    **TABLE_OPTIONS,
)

standings = Table(
    "contacts_standings",
    metadata,
    Column("organization_id", Id, primary_key=True),
    Column("person", ascii_key(PERSON), primary_key=True),
    Column("topic", ascii_key(MAX_TOPIC), primary_key=True),
    Column("opted_out", Boolean, nullable=False),
    Column("opted_out_at", Moment),
    Column("opted_in_at", Moment),
    Column("consent_source", String(MAX_SOURCE), nullable=False),
    **TABLE_OPTIONS,
)

attributes = Table(
    "contacts_attributes",
    metadata,
    Column("organization_id", Id, primary_key=True),
    Column("key", String(MAX_ATTRIBUTE_KEY), primary_key=True),
    Column("kind", Choice(Kind), nullable=False),
    Column("label", String(MAX_LABEL), nullable=False),
    Column("choices", Json(tuple[str, ...]), nullable=False),
    Column("created_at", Moment, nullable=False),
    **TABLE_OPTIONS,
)

segments = Table(
    "contacts_segments",
    metadata,
    Column("id", Id, primary_key=True),
    Column("organization_id", Id, nullable=False),
    Column("name", String(segment_rules.MAX_NAME), nullable=False),
    Column("description", String(segment_rules.MAX_DESCRIPTION), nullable=False),
    Column("rule", Json(AnyRule), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    UniqueConstraint("organization_id", "name", name="contacts_segments_name"),
    Index("contacts_segments_newest", "organization_id", "id"),
    **TABLE_OPTIONS,
)

deeds = Table(
    "contacts_deeds",
    metadata,
    Column("contact_id", Id, primary_key=True),
    Column("deed", Choice(Deed), primary_key=True),
    Column("campaign_id", Id, primary_key=True),
    Column("at", Moment, nullable=False),
    **TABLE_OPTIONS,
)
"""The latest moment of each; the campaign is nil for what happened in general."""

aliases = Table(
    "contacts_aliases",
    metadata,
    Column("organization_id", Id, primary_key=True),
    Column("person", ascii_key(PERSON), primary_key=True),
    Column("contact_id", Id, nullable=False),
    Column("phone", ascii_key(20)),
    Column("country_code", ascii_key(5), nullable=False),
    Column("seen_at", Moment, nullable=False),
    Index("contacts_aliases_contact", "contact_id"),
    **TABLE_OPTIONS,
)

merges = Table(
    "contacts_merges",
    metadata,
    Column("id", Id, primary_key=True),
    Column("organization_id", Id, nullable=False),
    Column("kept_id", Id, nullable=False),
    Column("absorbed_id", Id, nullable=False),
    Column("current_id", Id, nullable=False),
    Column("reason", String(100), nullable=False),
    Column("at", Moment, nullable=False),
    Column("by", Id),
    Column("undone_at", Moment),
    Column("kept", Json(Side), nullable=False),
    Column("absorbed", Json(Side), nullable=False),
    Column("merged", Json(Contact), nullable=False),
    Column("carried", Json(tuple[MergeId, ...]), nullable=False),
    Index("contacts_merges_kept", "kept_id"),
    Index("contacts_merges_absorbed", "absorbed_id"),
    Index("contacts_merges_current", "current_id"),
    **TABLE_OPTIONS,
)

imports = Table(
    "contacts_imports",
    metadata,
    Column("id", Id, primary_key=True),
    Column("organization_id", Id, nullable=False),
    Column("filename", String(255), nullable=False),
    Column("options", Json(ImportOptions), nullable=False),
    Column("state", Choice(JobState), nullable=False),
    Column("message", String(1000), nullable=False),
    Column("total", Position, nullable=False),
    Column("report", Json(ImportReport), nullable=False),
    Column("started_by", Id, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("finished_at", Moment),
    Column("owner", ascii_key(80)),
    Column("lease_until", Moment),
    Index("contacts_imports_newest", "organization_id", "id"),
    Index("contacts_imports_due", "state", "id"),
    **TABLE_OPTIONS,
)

import_chunks = Table(
    "contacts_import_chunks",
    metadata,
    Column("import_id", Id, primary_key=True),
    Column("place", Position, primary_key=True, autoincrement=False),
    Column("body", LongBytes, nullable=False),
    **TABLE_OPTIONS,
)

import_errors = Table(
    "contacts_import_errors",
    metadata,
    Column("position", Position, primary_key=True, autoincrement=True),
    Column("import_id", Id, nullable=False),
    Column("row", Position, nullable=False),
    Column("field", String(100), nullable=False),
    Column("rule", String(40), nullable=False),
    Column("message", String(1000), nullable=False),
    Column("value", String(100), nullable=False),
    Index("contacts_import_errors_of", "import_id", "position"),
    **TABLE_OPTIONS,
)

retention = Table(
    "contacts_retention",
    metadata,
    Column("organization_id", Id, primary_key=True),
    Column("days", Integer),
    Column("swept_at", Moment),
    **TABLE_OPTIONS,
)

totals = Table(
    "contacts_totals",
    metadata,
    Column("organization_id", Id, primary_key=True),
    Column("shard", Integer, primary_key=True, autoincrement=False),
    Column("contacts", Position, nullable=False),
    **TABLE_OPTIONS,
)
"""How many contacts there are, in several rows so that writers do not wait for one another."""

indexes = Table(
    "contacts_indexes",
    metadata,
    Column("organization_id", Id, primary_key=True),
    Column("upto", Id),
    Column("ready", Boolean, nullable=False),
    Column("next_place", Position, nullable=False),
    **TABLE_OPTIONS,
)
"""The organisations that have a search index, and how far its making has come."""

places = Table(
    "contacts_places",
    metadata,
    Column("contact_id", Id, primary_key=True),
    Column("organization_id", Id, nullable=False),
    Column("place", Position, nullable=False),
    UniqueConstraint("organization_id", "place", name="contacts_places_place"),
    **TABLE_OPTIONS,
)

grams = Table(
    "contacts_grams",
    metadata,
    Column("organization_id", Id, primary_key=True),
    Column("gram", String(3), primary_key=True),
    Column("block", Integer, primary_key=True, autoincrement=False),
    Column("bits", LongBytes, nullable=False),
    **TABLE_OPTIONS,
)

unindexed = Table(
    "contacts_unindexed",
    metadata,
    Column("organization_id", Id, primary_key=True),
    Column("contact_id", Id, primary_key=True),
    **TABLE_OPTIONS,
)
"""Contacts that were written since the index last looked; they are searched one by one until then."""

outbox = outbox_table(metadata, "contacts")
inbox = inbox_table(metadata, "contacts")

CONTACT = tuple(people.c[name] for name in Contact.__struct_fields__)
"""The columns of a Contact; what search looks at is not one of its fields."""
KNOWN = tuple(people.c[name] for name in Known.__struct_fields__ if name != "notes")
"""The columns of a Known, of which nobody needs the notes."""


def person_taken(error: IntegrityError) -> bool:
    """Whether it was the key of organisation and person. Servers name the key, SQLite its columns."""
    return _names(error, "contacts_people_person", "contacts_people.person")


def name_taken(error: IntegrityError) -> bool:
    """Whether it was the key of organisation and group name."""
    return _names(error, "contacts_groups_name", "contacts_groups.name")


def segment_name_taken(error: IntegrityError) -> bool:
    """Whether it was the key of organisation and segment name."""
    return _names(error, "contacts_segments_name", "contacts_segments.name")


def _names(error: IntegrityError, *words: str) -> bool:
    return any(word in str(error.orig) for word in words)


async def has_any(connection: AsyncConnection, table: Table, of: OrganizationId, asked: int) -> bool:
    """Whether an organisation has any rows there; not looked up where few are asked for, which costs no more.

    Most have no aliases, and no wishes before their first import: then a thousand need not be looked for.
    """
    if asked <= FEW:
        return True
    query = select(table.c.organization_id).where(table.c.organization_id == of).limit(1)
    return (await connection.execute(query)).first() is not None


def chunks(items: Iterable[T], size: int = 1000) -> Iterator[list[T]]:
    """Lists of at most `size`, for IN."""
    everything = list(items)
    return (everything[start : start + size] for start in range(0, len(everything), size))
