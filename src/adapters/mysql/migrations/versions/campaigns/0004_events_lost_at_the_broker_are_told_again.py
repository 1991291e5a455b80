"""campaigns 0004: events lost at the broker are told again."""

from tidings.adapters.mysql.migrations.shared import keep_events

revision, down_revision = "0004", "0003"
branch_labels = depends_on = None


def upgrade() -> None:
    keep_events("campaigns")
