"""What several contexts' versions do alike: as little to be changed, once published, as they are."""

import sqlalchemy as sa

from tidings.adapters.mysql import types as t
from tidings.adapters.mysql.migrations import again as op


def keep_events(context: str) -> None:
    """Room for the place of each event, and for how far it was told and followed."""
    op.create_table(
        f"{context}_followed",
        sa.Column("group", t.ascii_key(80), nullable=False),
        sa.Column("source", t.ascii_key(80), nullable=False),
        sa.Column("shard", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("group", "source", "shard"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_table(
        f"{context}_told",
        sa.Column("group", t.ascii_key(80), nullable=False),
        sa.Column("shard", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("group", "shard"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.add_column(f"{context}_outbox", sa.Column("sequence", sa.BigInteger(), nullable=True))
    op.add_column(f"{context}_outbox", sa.Column("after", t.Json(object), nullable=True))
    op.create_index(f"{context}_outbox_sequence", f"{context}_outbox", ["sequence"], unique=False)
