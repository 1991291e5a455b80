"""Versions from SQLite itself: a file's `data_version` changes with every commit of any process."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tidings.domain.kernel import OrganizationId


@dataclass(slots=True)
class FileVersions:
    """The Versions port. Coarse (a commit for one organisation ages everybody's replies), and exact.

    Nobody has to tell of a change, so none can be missed; asking takes some microseconds.
    """

    files: Mapping[str, Path]
    """The database file of each context."""
    connections: dict[str, sqlite3.Connection] = field(default_factory=dict[str, sqlite3.Connection])

    async def of(self, context: str, organization: OrganizationId) -> str | None:
        connection = self.connections.get(context)
        try:
            if connection is None:
                file = self.files[context].resolve().as_uri()
                connection = sqlite3.connect(f"{file}?mode=ro", uri=True, check_same_thread=False)
                self.connections[context] = connection
            return str(connection.execute("PRAGMA data_version").fetchone()[0])
        except (sqlite3.Error, KeyError):
            return None

    async def changing(self, context: str, organization: OrganizationId) -> None:
        """The file says it by itself."""

    async def changed(self, context: str, organization: OrganizationId) -> None:
        """The file says it by itself."""

    def close(self) -> None:
        for connection in self.connections.values():
            connection.close()
        self.connections.clear()
