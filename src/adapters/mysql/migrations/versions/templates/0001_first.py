"""templates 0001: first."""

import sqlalchemy as sa
from alembic import op

from tidings.adapters.mysql import types as t

revision, down_revision = "0001", None
branch_labels = depends_on = None


def upgrade() -> None:
    op.create_table(
        "templates",
        sa.Column("id", t.Id(), nullable=False),
        sa.Column("organization_id", t.Id(), nullable=False),
        sa.Column("waba_id", t.ascii_key(32), nullable=False),
        sa.Column("name", t.ascii_key(512), nullable=False),
        sa.Column("language", t.ascii_key(16), nullable=False),
        sa.Column("category", t.ascii_key(24), nullable=False),
        sa.Column("components", t.Json(object), nullable=False),
        sa.Column("parameter_format", t.ascii_key(24), nullable=False),
        sa.Column("message_send_ttl_seconds", sa.Integer(), nullable=True),
        sa.Column("meta_template_id", t.ascii_key(32), nullable=True),
        sa.Column("status", t.ascii_key(24), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("status_at", t.Moment(), nullable=False),
        sa.Column("quality", t.ascii_key(24), nullable=False),
        sa.Column("quality_at", t.Moment(), nullable=True),
        sa.Column("next_category", t.ascii_key(24), nullable=True),
        sa.Column("unreadable", sa.Text(), nullable=True),
        sa.Column("edited_at", t.Json(object), nullable=False),
        sa.Column("created_at", t.Moment(), nullable=False),
        sa.Column("updated_at", t.Moment(), nullable=False),
        sa.Column("words", t.ascii_key(64), nullable=True),
        sa.Column("slot", t.ascii_key(560), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index("templates_list", "templates", ["organization_id", "id"], unique=False)
    op.create_index(
        "templates_meta", "templates", ["organization_id", "waba_id", "meta_template_id"], unique=False
    )
    op.create_index("templates_slot", "templates", ["organization_id", "waba_id", "slot"], unique=True)
    op.create_index("templates_words", "templates", ["organization_id", "waba_id", "words"], unique=False)
    op.create_table(
        "templates_accounts",
        sa.Column("organization_id", t.Id(), nullable=False),
        sa.Column("waba_id", t.ascii_key(32), nullable=False),
        sa.Column("due_at", t.Moment(), nullable=False),
        sa.Column("synced_at", t.Moment(), nullable=True),
        sa.Column("wanted_at", t.Moment(), nullable=True),
        sa.Column("held_until", t.Moment(), nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "waba_id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index("templates_accounts_due", "templates_accounts", ["due_at"], unique=False)
    op.create_table(
        "templates_file_pieces",
        sa.Column("file_id", t.Id(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("content", t.LongBytes, nullable=False),
        sa.PrimaryKeyConstraint("file_id", "number"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "templates_files",
        sa.Column("id", t.Id(), nullable=False),
        sa.Column("organization_id", t.Id(), nullable=False),
        sa.Column("name", sa.String(length=240), nullable=False),
        sa.Column("mime_type", t.ascii_key(100), nullable=False),
        sa.Column("format", t.ascii_key(24), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", t.ascii_key(64), nullable=False),
        sa.Column("created_at", t.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index("templates_files_list", "templates_files", ["organization_id", "id"], unique=False)
    op.create_index(
        "templates_files_once", "templates_files", ["organization_id", "sha256", "mime_type"], unique=True
    )
    op.create_table(
        "templates_inbox",
        sa.Column("group", t.ascii_key(80), nullable=False),
        sa.Column("event_id", t.Id(), nullable=False),
        sa.Column("heard_at", t.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("group", "event_id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index("templates_inbox_age", "templates_inbox", ["heard_at"], unique=False)
    op.create_table(
        "templates_media",
        sa.Column("file_id", t.Id(), nullable=False),
        sa.Column("phone_number_id", t.ascii_key(32), nullable=False),
        sa.Column("media_id", t.ascii_key(64), nullable=False),
        sa.Column("ends_at", t.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("file_id", "phone_number_id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "templates_outbox",
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
