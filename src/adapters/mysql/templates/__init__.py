"""Templates, their files and the accounts they belong to, in SQL."""

from tidings.adapters.mysql.templates.accounts import SqlDueAccounts
from tidings.adapters.mysql.templates.tables import inbox, metadata, outbox
from tidings.adapters.mysql.templates.work import templates_in, templates_read_from

__all__ = ["SqlDueAccounts", "inbox", "metadata", "outbox", "templates_in", "templates_read_from"]
