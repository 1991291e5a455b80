"""whatsapp 0001: first."""

import sqlalchemy as sa
from alembic import op

from tidings.adapters.mysql import types as t

revision, down_revision = "0001", None
branch_labels = depends_on = None


def upgrade() -> None:
    op.create_table(
        "whatsapp_attempts",
        sa.Column("id", t.Id(), nullable=False),
        sa.Column("message_id", t.Id(), nullable=False),
        sa.Column("no", sa.Integer(), nullable=False),
        sa.Column("started_at", t.Moment(), nullable=False),
        sa.Column("ended_at", t.Moment(), nullable=False),
        sa.Column("code", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index(
        op.f("ix_whatsapp_attempts_message_id"), "whatsapp_attempts", ["message_id"], unique=False
    )
    op.create_table(
        "whatsapp_budgets",
        sa.Column("organization_id", t.Id(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.Column("counted_at", t.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "whatsapp_canned",
        sa.Column("id", t.Id(), nullable=False),
        sa.Column("organization_id", t.Id(), nullable=False),
        sa.Column("shortcut", t.ascii_key(40), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", t.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index(
        "whatsapp_canned_shortcut", "whatsapp_canned", ["organization_id", "shortcut"], unique=True
    )
    op.create_table(
        "whatsapp_conversations",
        sa.Column("id", t.Id(), nullable=False),
        sa.Column("organization_id", t.Id(), nullable=False),
        sa.Column("phone_number_id", t.ascii_key(32), nullable=False),
        sa.Column("person", t.ascii_key(160), nullable=False),
        sa.Column("to", t.ascii_key(24), nullable=True),
        sa.Column("recipient", t.ascii_key(160), nullable=True),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("stage", t.ascii_key(24), nullable=False),
        sa.Column("handler", t.ascii_key(24), nullable=False),
        sa.Column("handed_off", sa.Boolean(), nullable=False),
        sa.Column("team_id", t.Id(), nullable=True),
        sa.Column("assignee_id", t.Id(), nullable=True),
        sa.Column("heard_at", t.Moment(), nullable=False),
        sa.Column("last_at", t.Moment(), nullable=False),
        sa.Column("last_text", sa.String(length=200), nullable=False),
        sa.Column("last_ours", sa.Boolean(), nullable=False),
        sa.Column("unread", sa.Integer(), nullable=False),
        sa.Column("waiting_since", t.Moment(), nullable=True),
        sa.Column("reply_due_at", t.Moment(), nullable=True),
        sa.Column("breached_at", t.Moment(), nullable=True),
        sa.Column("opened_at", t.Moment(), nullable=False),
        sa.Column("first_reply_at", t.Moment(), nullable=True),
        sa.Column("first_reply_by", t.Id(), nullable=True),
        sa.Column("closed_at", t.Moment(), nullable=True),
        sa.Column("closed_by", t.Id(), nullable=True),
        sa.Column("updated_at", t.Moment(), nullable=False),
        sa.Column("wanting", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index("whatsapp_conversations_due", "whatsapp_conversations", ["reply_due_at"], unique=False)
    op.create_index(
        "whatsapp_conversations_hands",
        "whatsapp_conversations",
        ["organization_id", "stage", "assignee_id", "waiting_since"],
        unique=False,
    )
    op.create_index(
        "whatsapp_conversations_list",
        "whatsapp_conversations",
        ["organization_id", "stage", "last_at", "id"],
        unique=False,
    )
    op.create_index(
        "whatsapp_conversations_once",
        "whatsapp_conversations",
        ["organization_id", "phone_number_id", "person"],
        unique=True,
    )
    op.create_index(
        "whatsapp_conversations_touched",
        "whatsapp_conversations",
        ["organization_id", "updated_at"],
        unique=False,
    )
    op.create_index(
        "whatsapp_conversations_wanting",
        "whatsapp_conversations",
        ["wanting", "team_id", "waiting_since"],
        unique=False,
    )
    op.create_table(
        "whatsapp_inbound",
        sa.Column("id", t.Id(), nullable=False),
        sa.Column("organization_id", t.Id(), nullable=False),
        sa.Column("phone_number_id", t.ascii_key(32), nullable=False),
        sa.Column("wamid", t.ascii_key(255), nullable=False),
        sa.Column("person", t.ascii_key(160), nullable=False),
        sa.Column("sender", t.ascii_key(24), nullable=True),
        sa.Column("sender_user_id", t.ascii_key(160), nullable=True),
        sa.Column("profile_name", sa.String(length=200), nullable=False),
        sa.Column("kind", t.ascii_key(32), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("payload", sa.String(length=512), nullable=False),
        sa.Column("reply_to", t.ascii_key(255), nullable=True),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.Column("at", t.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("wamid"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index(
        "whatsapp_inbound_person", "whatsapp_inbound", ["organization_id", "person", "id"], unique=False
    )
    op.create_table(
        "whatsapp_inbox",
        sa.Column("group", t.ascii_key(80), nullable=False),
        sa.Column("event_id", t.Id(), nullable=False),
        sa.Column("heard_at", t.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("group", "event_id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index("whatsapp_inbox_age", "whatsapp_inbox", ["heard_at"], unique=False)
    op.create_table(
        "whatsapp_leases",
        sa.Column("name", t.ascii_key(64), nullable=False),
        sa.Column("owner", sa.String(length=120), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("until", t.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "whatsapp_messages",
        sa.Column("id", t.Id(), nullable=False),
        sa.Column("organization_id", t.Id(), nullable=False),
        sa.Column("phone_number_id", t.ascii_key(32), nullable=False),
        sa.Column("run_id", t.Id(), nullable=True),
        sa.Column("contact_id", t.Id(), nullable=True),
        sa.Column("person", t.ascii_key(160), nullable=False),
        sa.Column("to", t.ascii_key(24), nullable=True),
        sa.Column("recipient", t.ascii_key(160), nullable=True),
        sa.Column("zone", t.ascii_key(64), nullable=True),
        sa.Column("content", t.Json(object), nullable=False),
        sa.Column("reply_to", t.ascii_key(255), nullable=True),
        sa.Column("state", t.ascii_key(24), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", t.Moment(), nullable=False),
        sa.Column("next_attempt_at", t.Moment(), nullable=False),
        sa.Column("expires_at", t.Moment(), nullable=True),
        sa.Column("attempt_no", sa.Integer(), nullable=False),
        sa.Column("attempt_id", t.Id(), nullable=True),
        sa.Column("epoch", sa.Integer(), nullable=True),
        sa.Column("attempted_at", t.Moment(), nullable=True),
        sa.Column("wamid", t.ascii_key(255), nullable=True),
        sa.Column("accepted_at", t.Moment(), nullable=True),
        sa.Column("sent_at", t.Moment(), nullable=True),
        sa.Column("delivered_at", t.Moment(), nullable=True),
        sa.Column("read_at", t.Moment(), nullable=True),
        sa.Column("failed_at", t.Moment(), nullable=True),
        sa.Column("unknown_at", t.Moment(), nullable=True),
        sa.Column("priced", t.ascii_key(32), nullable=False),
        sa.Column("price_category", t.ascii_key(32), nullable=False),
        sa.Column("code", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index("whatsapp_messages_attempt", "whatsapp_messages", ["attempt_id"], unique=True)
    op.create_index(
        "whatsapp_messages_due",
        "whatsapp_messages",
        ["phone_number_id", "state", "run_id", "next_attempt_at", "id"],
        unique=False,
    )
    op.create_index("whatsapp_messages_history", "whatsapp_messages", ["organization_id", "id"], unique=False)
    op.create_index("whatsapp_messages_once", "whatsapp_messages", ["run_id", "person"], unique=True)
    op.create_index(
        "whatsapp_messages_person", "whatsapp_messages", ["organization_id", "person", "id"], unique=False
    )
    op.create_index("whatsapp_messages_run", "whatsapp_messages", ["run_id", "state"], unique=False)
    op.create_index("whatsapp_messages_wamid", "whatsapp_messages", ["wamid"], unique=True)
    op.create_table(
        "whatsapp_notes",
        sa.Column("id", t.Id(), nullable=False),
        sa.Column("organization_id", t.Id(), nullable=False),
        sa.Column("conversation_id", t.Id(), nullable=False),
        sa.Column("author_id", t.Id(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", t.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index("whatsapp_notes_thread", "whatsapp_notes", ["conversation_id", "id"], unique=False)
    op.create_table(
        "whatsapp_numbers",
        sa.Column("phone_number_id", t.ascii_key(32), nullable=False),
        sa.Column("organization_id", t.Id(), nullable=False),
        sa.Column("waba_id", t.ascii_key(32), nullable=False),
        sa.Column("display_phone_number", sa.String(length=40), nullable=False),
        sa.Column("verified_name", sa.String(length=200), nullable=False),
        sa.Column("quality_rating", t.ascii_key(16), nullable=False),
        sa.Column("messages_per_second", sa.Integer(), nullable=False),
        sa.Column("messaging_limit", sa.Integer(), nullable=True),
        sa.Column("connected_at", t.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("phone_number_id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index(
        op.f("ix_whatsapp_numbers_organization_id"), "whatsapp_numbers", ["organization_id"], unique=False
    )
    op.create_index(op.f("ix_whatsapp_numbers_waba_id"), "whatsapp_numbers", ["waba_id"], unique=False)
    op.create_table(
        "whatsapp_outbox",
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
        "whatsapp_parked",
        sa.Column("id", t.Position, autoincrement=True, nullable=False),
        sa.Column("wamid", t.ascii_key(255), nullable=False),
        sa.Column("status", t.ascii_key(16), nullable=False),
        sa.Column("at", t.Moment(), nullable=False),
        sa.Column("code", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index(op.f("ix_whatsapp_parked_wamid"), "whatsapp_parked", ["wamid"], unique=False)
    op.create_index("whatsapp_parked_age", "whatsapp_parked", ["at"], unique=False)
    op.create_table(
        "whatsapp_policies",
        sa.Column("organization_id", t.Id(), nullable=False),
        sa.Column("quiet", t.Json(object), nullable=True),
        sa.Column("cap", t.Json(object), nullable=True),
        sa.Column("beyond", t.ascii_key(24), nullable=False),
        sa.Column("patience", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "whatsapp_reached",
        sa.Column("organization_id", t.Id(), nullable=False),
        sa.Column("person", t.ascii_key(160), nullable=False),
        sa.Column("at", t.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "person"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index("whatsapp_reached_span", "whatsapp_reached", ["organization_id", "at"], unique=False)
    op.create_table(
        "whatsapp_receptions",
        sa.Column("phone_number_id", t.ascii_key(32), nullable=False),
        sa.Column("organization_id", t.Id(), nullable=False),
        sa.Column("team_id", t.Id(), nullable=True),
        sa.Column("bot", sa.Boolean(), nullable=False),
        sa.Column("reply_within", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("phone_number_id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "whatsapp_requests",
        sa.Column("organization_id", t.Id(), nullable=False),
        sa.Column("key", t.ascii_key(64), nullable=False),
        sa.Column("request", t.ascii_key(64), nullable=False),
        sa.Column("message_id", t.Id(), nullable=False),
        sa.Column("at", t.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "key"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index("whatsapp_requests_at", "whatsapp_requests", ["at"], unique=False)
    op.create_table(
        "whatsapp_runs",
        sa.Column("campaign_id", t.Id(), nullable=False),
        sa.Column("organization_id", t.Id(), nullable=False),
        sa.Column("phone_number_id", t.ascii_key(32), nullable=False),
        sa.Column("state", t.ascii_key(24), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("waiting", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("campaign_id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index("whatsapp_runs_lane", "whatsapp_runs", ["phone_number_id", "state"], unique=False)
    op.create_table(
        "whatsapp_set_aside",
        sa.Column("id", t.Position, autoincrement=True, nullable=False),
        sa.Column("where", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("raw", t.LongBytes, nullable=False),
        sa.Column("at", t.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "whatsapp_strays",
        sa.Column("what", t.ascii_key(64), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("what"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "whatsapp_stretches",
        sa.Column("id", t.Id(), nullable=False),
        sa.Column("organization_id", t.Id(), nullable=False),
        sa.Column("conversation_id", t.Id(), nullable=False),
        sa.Column("team_id", t.Id(), nullable=True),
        sa.Column("opened_at", t.Moment(), nullable=False),
        sa.Column("first_reply_at", t.Moment(), nullable=True),
        sa.Column("first_reply_by", t.Id(), nullable=True),
        sa.Column("closed_at", t.Moment(), nullable=False),
        sa.Column("closed_by", t.Id(), nullable=True),
        sa.Column("breached", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index(
        "whatsapp_stretches_span", "whatsapp_stretches", ["organization_id", "closed_at"], unique=False
    )
    op.create_table(
        "whatsapp_touches",
        sa.Column("message_id", t.Id(), nullable=False),
        sa.Column("organization_id", t.Id(), nullable=False),
        sa.Column("person", t.ascii_key(160), nullable=False),
        sa.Column("at", t.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("message_id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index("whatsapp_touches_age", "whatsapp_touches", ["at"], unique=False)
    op.create_index(
        "whatsapp_touches_person", "whatsapp_touches", ["organization_id", "person", "at"], unique=False
    )
    op.create_table(
        "whatsapp_webhooks",
        sa.Column("id", t.Position, autoincrement=True, nullable=False),
        sa.Column("received_at", t.Moment(), nullable=False),
        sa.Column("body", t.LongBytes, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
