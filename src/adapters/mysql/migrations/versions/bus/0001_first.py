"""bus 0001: first."""

import sqlalchemy as sa
from alembic import op

from tidings.adapters.mysql import types as t

revision, down_revision = "0001", None
branch_labels = depends_on = None


def upgrade() -> None:
    op.create_table(
        "bus_deliveries",
        sa.Column("position", t.Position, autoincrement=True, nullable=False),
        sa.Column("group", t.ascii_key(80), nullable=False),
        sa.Column("shard", sa.SmallInteger(), nullable=False),
        sa.Column("due_at", t.Moment(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("id", t.Id(), nullable=False),
        sa.Column("type", t.ascii_key(80), nullable=False),
        sa.Column("key", sa.String(length=191), nullable=False),
        sa.Column("organization_id", t.Id(), nullable=False),
        sa.Column("occurred_at", t.Moment(), nullable=False),
        sa.Column("headers", t.Json(object), nullable=False),
        sa.Column("body", t.LongBytes, nullable=False),
        sa.PrimaryKeyConstraint("position"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index(
        "bus_deliveries_line", "bus_deliveries", ["group", "position", "shard", "due_at"], unique=False
    )
    op.create_table(
        "bus_groups",
        sa.Column("name", t.ascii_key(80), nullable=False),
        sa.Column("types", t.Json(object), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "bus_holds",
        sa.Column("name", t.ascii_key(255), nullable=False),
        sa.Column("owner", sa.String(length=160), nullable=False),
        sa.Column("until", t.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "bus_letters",
        sa.Column("position", t.Position, autoincrement=True, nullable=False),
        sa.Column("group", t.ascii_key(80), nullable=False),
        sa.Column("shard", sa.SmallInteger(), nullable=False),
        sa.Column("due_at", t.Moment(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("id", t.Id(), nullable=False),
        sa.Column("type", t.ascii_key(80), nullable=False),
        sa.Column("key", sa.String(length=191), nullable=False),
        sa.Column("organization_id", t.Id(), nullable=False),
        sa.Column("occurred_at", t.Moment(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("headers", t.Json(object), nullable=False),
        sa.Column("body", t.LongBytes, nullable=False),
        sa.PrimaryKeyConstraint("position"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index("bus_letters_id", "bus_letters", ["group", "id"], unique=False)
    op.create_index("bus_letters_line", "bus_letters", ["group", "position"], unique=False)
