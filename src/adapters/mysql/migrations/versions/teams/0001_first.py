"""teams 0001: first."""

import sqlalchemy as sa
from alembic import op

from tidings.adapters.mysql import types as t

revision, down_revision = "0001", None
branch_labels = depends_on = None


def upgrade() -> None:
    op.create_table(
        "teams",
        sa.Column("id", t.Id(), nullable=False),
        sa.Column("organization_id", t.Id(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("description", sa.String(length=1000), nullable=False),
        sa.Column("strategy", t.ascii_key(24), nullable=False),
        sa.Column("last_assigned", t.Id(), nullable=True),
        sa.Column("created_at", t.Moment(), nullable=False),
        sa.Column("updated_at", t.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index("teams_list", "teams", ["organization_id", "id"], unique=False)
    op.create_index("teams_name", "teams", ["organization_id", "name"], unique=True)
    op.create_table(
        "teams_inbox",
        sa.Column("group", t.ascii_key(80), nullable=False),
        sa.Column("event_id", t.Id(), nullable=False),
        sa.Column("heard_at", t.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("group", "event_id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index("teams_inbox_age", "teams_inbox", ["heard_at"], unique=False)
    op.create_table(
        "teams_members",
        sa.Column("team_id", t.Id(), nullable=False),
        sa.Column("user_id", t.Id(), nullable=False),
        sa.Column("role", t.ascii_key(24), nullable=False),
        sa.Column("available", sa.Boolean(), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("joined_at", t.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("team_id", "user_id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index("teams_members_user", "teams_members", ["user_id"], unique=False)
    op.create_table(
        "teams_outbox",
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
