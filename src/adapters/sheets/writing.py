"""Tables as files that spreadsheets open without running anything."""

import asyncio
import csv
import tempfile
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from tidings.domain.contacts.rows import neutral

CHUNK = 1 << 18


@dataclass(frozen=True, slots=True)
class FileTables:
    """The Tables port."""

    def write(
        self, kind: str, header: Sequence[str], rows: AsyncIterable[Sequence[Sequence[str]]]
    ) -> AsyncIterator[bytes]:
        return _workbook(header, rows) if kind == "xlsx" else _csv(header, rows)


async def _csv(header: Sequence[str], rows: AsyncIterable[Sequence[Sequence[str]]]) -> AsyncIterator[bytes]:
    """UTF-8 with the mark that Excel wants; RFC 4180."""
    yield b"\xef\xbb\xbf" + _lines([header])
    async for batch in rows:
        yield _lines(batch)


def _lines(rows: Sequence[Sequence[str]]) -> bytes:
    out = StringIO()
    csv.writer(out, lineterminator="\r\n").writerows([neutral(cell) for cell in row] for row in rows)
    return out.getvalue().encode()


async def _workbook(
    header: Sequence[str], rows: AsyncIterable[Sequence[Sequence[str]]]
) -> AsyncIterator[bytes]:
    """Every cell is text, so nothing is a formula and no number loses its zeros."""
    # Only who writes a workbook has what writing one takes.
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    sheet: Any = book.create_sheet("Contacts")
    await asyncio.to_thread(_append, sheet, [header])
    async for batch in rows:
        await asyncio.to_thread(_append, sheet, batch)
    with tempfile.TemporaryDirectory(prefix="tidings-") as folder:
        path = Path(folder, "contacts.xlsx")
        await asyncio.to_thread(book.save, path)
        with await asyncio.to_thread(path.open, "rb") as file:
            while chunk := await asyncio.to_thread(file.read, CHUNK):
                yield chunk


def _append(sheet: Any, rows: Sequence[Sequence[str]]) -> None:
    from openpyxl.cell import WriteOnlyCell

    for row in rows:
        cells: list[Any] = []
        for value in row:
            cell: Any = WriteOnlyCell(sheet, value="".join(c for c in value if c >= " " or c in "\t\n"))
            cell.data_type = "s"
            cells.append(cell)
        sheet.append(cells)
