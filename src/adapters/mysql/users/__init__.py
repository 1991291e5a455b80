"""Users, organisations, sessions, keys, the audit log and WABA links in SQL."""

from tidings.adapters.mysql.users.tables import inbox, metadata, outbox
from tidings.adapters.mysql.users.work import users_in

__all__ = ["inbox", "metadata", "outbox", "users_in"]
