"""The tables of the campaigns context."""

from sqlalchemy import (
    Boolean,
    Column,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    false,
)

from tidings.adapters.mysql.engine import TABLE_OPTIONS
from tidings.adapters.mysql.outbox import inbox_table, outbox_table
from tidings.adapters.mysql.types import Choice, Id, Json, Moment, ascii_key
from tidings.domain.campaigns import (
    Experiment,
    Fill,
    Guard,
    Kind,
    Missing,
    Origin,
    Outcome,
    Rate,
    Rollout,
    Schedule,
    State,
)
from tidings.domain.kernel import PhoneNumberId

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
    Column("in_their_language", Boolean, nullable=False, server_default=false()),
    Column("rollout", Json(Rollout)),
    Column("guard", Json(Guard)),
    Column("phone_number_ids", Json(list[PhoneNumberId])),
    Column("experiment", Json(Experiment)),
    Column("winner", String(30)),
    Column("decided_at", Moment),
    Column("capped_retries", Integer, nullable=False, server_default="0"),
    Column("step", Integer, nullable=False),
    Column("settled_since", Moment),
    Column("author_id", Id),
    Column("approved_by", Id),
    Column("approved_at", Moment),
    Column("origin", Choice(Origin), nullable=False),
    Column("parent_id", Id),
    Column("schedule", Json(Schedule)),
    Column("due_at", Moment),
    Column("starts", Integer, nullable=False),
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
    # What starts by itself, and what is tried again by itself.
    Index("campaigns_due", "due_at"),
    # What came of a campaign: its occurrences and retry.
    Index("campaigns_parent", "parent_id", "origin"),
    **TABLE_OPTIONS,
)

planning = Table(
    "campaigns_planning",
    metadata,
    Column("campaign_id", Id, primary_key=True),
    Column("after", Id),
    Column("handed", Integer, nullable=False),
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
    Column("country", ascii_key(2), nullable=False),
    Column("zone", ascii_key(64)),
    Column("language", ascii_key(16), nullable=False, server_default=""),
    Column("phone_number_id", ascii_key(32)),
    Column("arm", String(30), nullable=False, server_default=""),
    Column("values", Json(dict[str, str]), nullable=False),
    Column("state", Choice(Outcome), nullable=False),
    Column("handed", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
    Column("wamid", ascii_key(255)),
    Column("attempts", Integer, nullable=False),
    Column("code", Integer),
    Column("reason", String(500)),
    Column("priced", ascii_key(32), nullable=False),
    Column("price_category", ascii_key(32), nullable=False),
    Column("changed_at", Moment, nullable=False),
    # A contact is in a campaign once.
    Index("campaigns_recipients_once", "campaign_id", "contact_id", unique=True),
    # Whether a person is already reached.
    Index("campaigns_recipients_person", "campaign_id", "person"),
    # Who is next to be handed over; how many stand in line; lists by state.
    Index("campaigns_recipients_state", "campaign_id", "state", "handed", "arm", "id"),
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

responses = Table(
    "campaigns_responses",
    metadata,
    Column("recipient_id", Id, primary_key=True),
    Column("kind", Choice(Kind), primary_key=True),
    Column("campaign_id", Id, nullable=False),
    Column("contact_id", Id, nullable=False),
    Column("at", Moment, nullable=False),
    Column("detail", String(500), nullable=False),
    # How many did what.
    Index("campaigns_responses_kind", "campaign_id", "kind"),
    **TABLE_OPTIONS,
)

settings = Table(
    "campaigns_settings",
    metadata,
    Column("organization_id", Id, primary_key=True),
    Column("approval", Boolean, nullable=False),
    Column("currency", ascii_key(3)),
    Column("rates", Json(list[Rate])),
    **TABLE_OPTIONS,
)
