"""campaigns 0001: first."""

import sqlalchemy as sa
from alembic import op

from tidings.adapters.mysql import types as t

revision, down_revision = "0001", None
branch_labels = depends_on = None


def upgrade() -> None:
    op.create_table(
        "campaigns",
        sa.Column("id", t.Id(), nullable=False),
        sa.Column("organization_id", t.Id(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("template_id", t.Id(), nullable=False),
        sa.Column("group_id", t.Id(), nullable=True),
        sa.Column("phone_number_id", t.ascii_key(32), nullable=True),
        sa.Column("parameters", t.Json(object), nullable=False),
        sa.Column("missing", t.ascii_key(24), nullable=False),
        sa.Column("rollout", t.Json(object), nullable=True),
        sa.Column("guard", t.Json(object), nullable=True),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("settled_since", t.Moment(), nullable=True),
        sa.Column("author_id", t.Id(), nullable=True),
        sa.Column("approved_by", t.Id(), nullable=True),
        sa.Column("approved_at", t.Moment(), nullable=True),
        sa.Column("origin", t.ascii_key(24), nullable=False),
        sa.Column("parent_id", t.Id(), nullable=True),
        sa.Column("schedule", t.Json(object), nullable=True),
        sa.Column("due_at", t.Moment(), nullable=True),
        sa.Column("starts", sa.Integer(), nullable=False),
        sa.Column("state", t.ascii_key(24), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("told", sa.Integer(), nullable=False),
        sa.Column("created_at", t.Moment(), nullable=False),
        sa.Column("updated_at", t.Moment(), nullable=False),
        sa.Column("launched_at", t.Moment(), nullable=True),
        sa.Column("planned_at", t.Moment(), nullable=True),
        sa.Column("finished_at", t.Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index("campaigns_list", "campaigns", ["organization_id", "id"], unique=False)
    op.create_index("campaigns_parent", "campaigns", ["parent_id", "origin"], unique=False)
    op.create_index("campaigns_state", "campaigns", ["state"], unique=False)
    op.create_table(
        "campaigns_inbox",
        sa.Column("group", t.ascii_key(80), nullable=False),
        sa.Column("event_id", t.Id(), nullable=False),
        sa.Column("heard_at", t.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("group", "event_id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index("campaigns_inbox_age", "campaigns_inbox", ["heard_at"], unique=False)
    op.create_table(
        "campaigns_outbox",
        sa.Column("position", t.Position, autoincrement=True, nullable=False),
        sa.Column("id", t.Id(), nullable=False),
        sa.Column("type", t.ascii_key(80), nullable=False),
        sa.Column("key", sa.String(length=191), nullable=False),
        sa.Column("organization_id", t.Id(), nullable=False),
        sa.Column("body", t.LongBytes, nullable=False),
        sa.Column("occurred_at", t.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("position"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "campaigns_planning",
        sa.Column("campaign_id", t.Id(), nullable=False),
        sa.Column("after", t.Id(), nullable=True),
        sa.Column("handed", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("campaign_id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "campaigns_recipients",
        sa.Column("id", t.Id(), nullable=False),
        sa.Column("campaign_id", t.Id(), nullable=False),
        sa.Column("contact_id", t.Id(), nullable=False),
        sa.Column("person", t.ascii_key(160), nullable=False),
        sa.Column("phone", t.ascii_key(24), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("country", t.ascii_key(2), nullable=False),
        sa.Column("zone", t.ascii_key(64), nullable=True),
        sa.Column("values", t.Json(object), nullable=False),
        sa.Column("state", t.ascii_key(24), nullable=False),
        sa.Column("handed", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("wamid", t.ascii_key(255), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("code", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("priced", t.ascii_key(32), nullable=False),
        sa.Column("price_category", t.ascii_key(32), nullable=False),
        sa.Column("changed_at", t.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index(
        "campaigns_recipients_once", "campaigns_recipients", ["campaign_id", "contact_id"], unique=True
    )
    op.create_index(
        "campaigns_recipients_person", "campaigns_recipients", ["campaign_id", "person"], unique=False
    )
    op.create_index(
        "campaigns_recipients_state",
        "campaigns_recipients",
        ["campaign_id", "state", "handed", "id"],
        unique=False,
    )
    op.create_table(
        "campaigns_responses",
        sa.Column("recipient_id", t.Id(), nullable=False),
        sa.Column("kind", t.ascii_key(24), nullable=False),
        sa.Column("campaign_id", t.Id(), nullable=False),
        sa.Column("contact_id", t.Id(), nullable=False),
        sa.Column("at", t.Moment(), nullable=False),
        sa.Column("detail", sa.String(length=500), nullable=False),
        sa.PrimaryKeyConstraint("recipient_id", "kind"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index("campaigns_responses_kind", "campaigns_responses", ["campaign_id", "kind"], unique=False)
    op.create_table(
        "campaigns_settings",
        sa.Column("organization_id", t.Id(), nullable=False),
        sa.Column("approval", sa.Boolean(), nullable=False),
        sa.Column("currency", t.ascii_key(3), nullable=True),
        sa.Column("rates", t.Json(object), nullable=True),
        sa.PrimaryKeyConstraint("organization_id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "campaigns_tallies",
        sa.Column("campaign_id", t.Id(), nullable=False),
        sa.Column("state", t.ascii_key(24), nullable=False),
        sa.Column("reason", sa.String(length=60), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("campaign_id", "state", "reason"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
