"""whatsapp 0006: cancelling by number.

The index of a run's states was written at each state of each message, and only cancelling asked it.
"""

from tidings.adapters.mysql.migrations import again as op

revision, down_revision = "0006", "0005"
branch_labels = depends_on = None


def upgrade() -> None:
    op.create_index(
        op.f("ix_whatsapp_run_lanes_campaign_id"), "whatsapp_run_lanes", ["campaign_id"], unique=False
    )
    op.drop_index("whatsapp_messages_run", table_name="whatsapp_messages")
