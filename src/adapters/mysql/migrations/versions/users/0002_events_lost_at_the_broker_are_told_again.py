"""users 0002: events lost at the broker are told again."""

from tidings.adapters.mysql.migrations.shared import keep_events

revision, down_revision = "0002", "0001"
branch_labels = depends_on = None


def upgrade() -> None:
    keep_events("users")
