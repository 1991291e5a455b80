"""whatsapp 0005: quotas and what was sent by day."""

import sqlalchemy as sa

from tidings.adapters.mysql import types as t
from tidings.adapters.mysql.migrations import again as op

revision, down_revision = "0005", "0004"
branch_labels = depends_on = None

OPTIONS = {"mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin", "mysql_engine": "InnoDB"}


def upgrade() -> None:
    op.create_table(
        "whatsapp_quotas",
        sa.Column("organization_id", t.Id(), nullable=False),
        sa.Column("per_day", sa.Integer(), nullable=True),
        sa.Column("per_month", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("organization_id"),
        **OPTIONS,
    )
    op.create_table(
        "whatsapp_sent",
        sa.Column("organization_id", t.Id(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("messages", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "day"),
        **OPTIONS,
    )
    op.create_index("whatsapp_sent_day", "whatsapp_sent", ["day"], unique=False)
