"""whatsapp 0008: old messages by months."""

import sqlalchemy as sa

from tidings.adapters.mysql import types as t
from tidings.adapters.mysql.migrations import again as op

revision, down_revision = "0008", "0007"
branch_labels = depends_on = None


def upgrade() -> None:
    op.create_table(
        "whatsapp_archive",
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
        mysql_partition_by="RANGE COLUMNS (id) (PARTITION later VALUES LESS THAN (MAXVALUE))",
    )
    op.create_index("whatsapp_archive_history", "whatsapp_archive", ["organization_id", "id"], unique=False)
    op.create_index("whatsapp_archive_once", "whatsapp_archive", ["run_id", "person"], unique=False)
    op.create_index(
        "whatsapp_archive_person", "whatsapp_archive", ["organization_id", "person", "id"], unique=False
    )
    op.create_index("whatsapp_archive_wamid", "whatsapp_archive", ["wamid"], unique=False)
