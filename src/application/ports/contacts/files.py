"""Files of contacts, the jobs that bring them in, and the numbers in them."""

from collections.abc import AsyncIterable, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path
from typing import Protocol, TypeAlias

from tidings.domain.contacts.jobs import ImportId, ImportJob
from tidings.domain.contacts.rows import Number, RowError
from tidings.domain.kernel import Page


class Numbering(Protocol):
    """The world's numbering plans."""

    def parse(self, text: str, country: str) -> Number:
        """The number in E.164, whatever way it was written.

        `country` is a calling code (`+44`) or a country (`GB`) and counts where the text has none.
        Raise NotAPhoneNumber or UnknownCountry, each with one fault.
        """
        ...

    def calling_code(self, country: str) -> str:
        """`GB`, `44` and `+44` as `+44`. Raise UnknownCountry."""
        ...


Source: TypeAlias = Path | AsyncIterable[bytes]
"""A file by its path, or the bytes of an upload as they come."""


class Sheet(Protocol):
    """A table of text that was read through once, so that reading it again finds no surprise."""

    @property
    def header(self) -> Sequence[str]: ...

    @property
    def rows(self) -> int:
        """How many rows follow the header, blank ones not counted."""
        ...

    @property
    def encoding(self) -> str: ...

    @property
    def delimiter(self) -> str: ...

    def batches(self, size: int, *, skip: int = 0) -> AsyncIterator[Sequence[tuple[int, Sequence[str]]]]:
        """The rows with their numbers as a spreadsheet shows them (the first line of the file is 1).

        `skip` leaves out as many of the first rows.
        """
        ...


class Sheets(Protocol):
    """Files of rows."""

    def open(self, source: Source, *, encoding: str = "") -> AbstractAsyncContextManager[Sheet]:
        """Raise UnreadableFile, which says what is wrong with it and where.

        The encoding is found out unless it is told.
        """
        ...


class ImportStore(Protocol):
    """The imports of one organisation, within one transaction."""

    async def add(self, job: ImportJob) -> None: ...

    async def get(self, id: ImportId) -> ImportJob:
        """Locked until the transaction ends. Raise ImportNotFound."""
        ...

    async def save(self, job: ImportJob) -> None: ...

    async def is_run_by(self, id: ImportId, owner: str) -> bool: ...

    async def renew(self, id: ImportId, owner: str, until: datetime) -> None: ...

    async def keep(self, id: ImportId, place: int, chunk: bytes) -> None:
        """A piece of the file, until the import has ended."""

    async def drop(self, id: ImportId) -> None:
        """The file is not needed any more."""

    async def note(self, id: ImportId, errors: Sequence[RowError]) -> None: ...


class ImportReader(Protocol):
    """Looks at one organisation's imports that change nothing."""

    async def get(self, id: ImportId) -> ImportJob:
        """Raise ImportNotFound."""
        ...

    async def page(self, *, cursor: str | None, limit: int) -> Page[ImportJob]:
        """Newest first. Raise BadCursor."""
        ...

    async def chunk(self, id: ImportId, place: int) -> bytes | None:
        """A piece of the file; None after the last."""
        ...

    async def errors(self, id: ImportId, *, after: int, limit: int) -> Sequence[tuple[int, RowError]]:
        """The next errors with their places, which begin at 1."""
        ...


class ImportQueue(Protocol):
    """Imports of all organisations that wait for somebody to run them."""

    async def claim(self, owner: str, now: datetime, until: datetime) -> ImportJob | None:
        """The oldest that waits, or whose runner has not renewed its lease; now it is this owner's."""
        ...
