"""Files as sheets: read through once before anything is done with them, then streamed in batches."""

import asyncio
import csv
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TextIO

from tidings.adapters.sheets.sniffing import SAMPLE, delimiter_of, encodings
from tidings.application.ports.contacts import Sheet, Source
from tidings.domain.contacts.rows import UnreadableFile
from tidings.domain.errors import Fault

MAX_LINE = 1_048_576
MAX_COLUMNS = 256
_END = "\x00end of the table\x00"


@dataclass(frozen=True, slots=True)
class FileSheets:
    """The Sheets port over files and uploads."""

    @asynccontextmanager
    async def open(self, source: Source) -> AsyncGenerator[Sheet]:
        if isinstance(source, Path):
            yield await asyncio.to_thread(_scanned, source, source.name)
            return
        with tempfile.TemporaryDirectory(prefix="tidings-") as folder:
            path = Path(folder, "upload")
            with path.open("wb") as file:  # noqa: ASYNC230 - an upload's chunks are small
                async for chunk in source:
                    file.write(chunk)
            yield await asyncio.to_thread(_scanned, path, "upload")


@dataclass(frozen=True, slots=True)
class DelimitedSheet:
    """A table of delimited text that was read through."""

    path: Path
    header: Sequence[str]
    rows: int
    encoding: str
    delimiter: str

    async def batches(self, size: int) -> AsyncIterator[Sequence[tuple[int, Sequence[str]]]]:
        with await asyncio.to_thread(self.path.open, encoding=self.encoding, newline="") as text:
            rows = _numbered(text, self.delimiter)
            next(rows)
            while batch := await asyncio.to_thread(lambda: list(islice(rows, size))):
                yield batch


def _scanned(path: Path, name: str) -> DelimitedSheet:
    """Read the whole file once: what is yielded later cannot fail. Raise UnreadableFile."""
    try:
        with path.open("rb") as file:
            sample = file.read(SAMPLE)
        if not sample.strip():
            raise _unreadable("empty", f"{name} is empty")
        if sample.startswith(b"PK\x03\x04"):
            raise _unreadable("format", f"{name} is a workbook or an archive; save it as CSV")
        for encoding in encodings(sample):
            try:
                return _scanned_as(path, encoding)
            except UnicodeError:
                continue
    except OSError as error:
        raise _unreadable("file", f"{name} cannot be read: {error.strerror or error}") from error
    raise _unreadable("encoding", f"{name} is not text in any encoding that is known; save it as UTF-8")


def _scanned_as(path: Path, encoding: str) -> DelimitedSheet:
    with path.open(encoding=encoding, newline="") as text:
        head = text.read(SAMPLE // 4)
        if "\x00" in head:
            raise _unreadable("format", "the file is not text")
        text.seek(0)
        delimiter = _told_delimiter(head) or delimiter_of(head)
        rows = _numbered(text, delimiter)
        header = next((cells for _, cells in rows), ())
        if len(header) > MAX_COLUMNS:
            raise _unreadable("columns", f"the header has more than {MAX_COLUMNS} columns")
        return DelimitedSheet(path, tuple(header), sum(1 for _ in rows), encoding, delimiter)


def _told_delimiter(head: str) -> str | None:
    """Excel's own first line `sep=;`."""
    return head[4] if head[:4].lower() == "sep=" and len(head) > 5 and head[5] in "\r\n" else None


def _numbered(text: TextIO, delimiter: str) -> Iterator[tuple[int, Sequence[str]]]:
    """The rows that are not blank, from the header on, with their places. Raise UnreadableFile."""
    reader = csv.reader(_lines(text, delimiter), delimiter=delimiter)
    number = 0
    try:
        for number, row in enumerate(reader, start=1):
            if row and row[-1].endswith(_END):
                if row != [_END]:
                    raise _unreadable("quote", f"row {number}: a quote is opened and never closed")
                return
            if any(row):
                yield number, row
    except csv.Error as error:
        message = f"row {number + 1}: a cell is longer than 131,072 characters; is a quote left open?"
        raise _unreadable("cell", message) from error


def _lines(text: TextIO, delimiter: str) -> Iterator[str]:
    number = 0
    while line := text.readline(MAX_LINE):
        number += 1
        if len(line) == MAX_LINE:
            raise _unreadable("line", f"line {number} is longer than {MAX_LINE} characters; is this a table?")
        if number == 1 and line.strip().lower() == f"sep={delimiter}":
            continue
        yield line
    yield _END


def _unreadable(rule: str, message: str) -> UnreadableFile:
    return UnreadableFile(
        f"{message[:1].upper()}{message[1:]}.", Fault(field="file", rule=rule, message=message)
    )
