"""whatsapp 0007: events lost at the broker are told again."""

from tidings.adapters.mysql.migrations.shared import keep_events

revision, down_revision = "0007", "0006"
branch_labels = depends_on = None


def upgrade() -> None:
    keep_events("whatsapp")
