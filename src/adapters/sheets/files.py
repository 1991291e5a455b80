"""Files as sheets: read through once before anything is done with them, then streamed in batches."""

import asyncio
import csv
import tempfile
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TextIO

from tidings.adapters.sheets.delimiters import delimiter_of
from tidings.adapters.sheets.encodings import candidates
from tidings.adapters.sheets.workbooks import NotAWorkbook, is_workbook, to_csv
from tidings.application.ports.contacts import Sheet, Source
from tidings.domain.contacts.rows import UnreadableFile
from tidings.domain.errors import Fault

MAX_LINE = 1_048_576
MAX_COLUMNS = 256


SAMPLE = 262_144
_END = "\x00end of the table\x00"


@dataclass(frozen=True, slots=True)
class FileSheets:
    """The Sheets port over files and uploads: delimited text in any encoding, and Excel workbooks."""

    @asynccontextmanager
    async def open(self, source: Source, *, encoding: str = "") -> AsyncGenerator[Sheet]:
        with tempfile.TemporaryDirectory(prefix="tidings-") as folder:
            if isinstance(source, Path):
                path, name = source, source.name
            else:
                path, name = Path(folder, "upload"), "the file"
                with path.open("wb") as file:  # noqa: ASYNC230 - an upload's chunks are small
                    async for chunk in source:
                        file.write(chunk)
            yield await asyncio.to_thread(_scanned, path, name, Path(folder), encoding)


@dataclass(frozen=True, slots=True)
class DelimitedSheet:
    """A table of delimited text that was read through."""

    path: Path
    header: Sequence[str]
    rows: int
    encoding: str
    delimiter: str

    async def batches(
        self, size: int, *, skip: int = 0
    ) -> AsyncGenerator[Sequence[tuple[int, Sequence[str]]]]:
        encoding, delimiter = ("utf-8", ",") if self.encoding == WORKBOOK else (self.encoding, self.delimiter)
        with await asyncio.to_thread(self.path.open, encoding=encoding, newline="") as text:
            rows = islice(_numbered(text, delimiter), skip + 1, None)
            while batch := await asyncio.to_thread(lambda: list(islice(rows, size))):
                yield batch


WORKBOOK = "xlsx"
"""What a sheet says of its encoding when it was an Excel workbook."""


def _scanned(path: Path, name: str, folder: Path, encoding: str) -> DelimitedSheet:
    """Read the whole file once: what is yielded later cannot fail. Raise UnreadableFile."""
    try:
        sample = _sample(path)
        if not sample.strip(b" \t\r\n\x00"):
            raise _unreadable("empty", f"{name} is empty")
        if is_workbook(sample):
            return _scanned_workbook(path, name, folder)
        for each in [encoding] if encoding else candidates(sample):
            with suppress(UnicodeError, LookupError):
                return _scanned_as(path, each)
    except OSError as error:
        raise _unreadable("file", f"{name} cannot be read: {error.strerror or error}") from error
    wanted = encoding or "any encoding that is known"
    raise _unreadable("encoding", f"{name} is not text in {wanted}; save it as UTF-8")


def _sample(path: Path) -> bytes:
    """The beginning of the file, and around the first byte beyond ASCII if that comes later."""
    with path.open("rb") as file:
        sample = file.read(SAMPLE)
        if sample.isascii():
            while chunk := file.read(SAMPLE):
                if not chunk.isascii():
                    return sample[: SAMPLE // 8] + chunk
    return sample


def _scanned_workbook(path: Path, name: str, folder: Path) -> DelimitedSheet:
    target = Path(folder, "sheet.csv")
    try:
        to_csv(path, target)
    except NotAWorkbook as error:
        raise _unreadable("workbook", f"{name} {error}") from error
    return replace(_scanned_as(target, "utf-8", ","), encoding=WORKBOOK, delimiter="")


def _scanned_as(path: Path, encoding: str, delimiter: str | None = None) -> DelimitedSheet:
    with path.open(encoding=encoding, newline="") as text:
        head = text.read(SAMPLE // 4)
        if "\x00" in head:
            raise _unreadable("format", "the file is not text")
        text.seek(0)
        delimiter = delimiter or delimiter_of(head)
        rows = _numbered(text, delimiter)
        header = next((cells for _, cells in rows), ())
        if len(header) > MAX_COLUMNS:
            raise _unreadable("columns", f"the header has more than {MAX_COLUMNS} columns")
        return DelimitedSheet(path, tuple(header), sum(1 for _ in rows), encoding, delimiter)


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
