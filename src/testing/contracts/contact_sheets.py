"""What every reader of tables promises: each cell as it was written, whatever the dialect, or a refusal."""

import csv
import io
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidings.application.ports.contacts import Sheet, Sheets
from tidings.domain.contacts.rows import UnreadableFile

cells = st.text(st.sampled_from("abz 0189+-.,;'äßéłא中😀\n"), max_size=12).map(str.strip)
tables = st.lists(st.tuples(st.just("+447700900001"), cells, cells), min_size=1, max_size=20)
NO_TABLES = (b"", b"\n\n", b"\xff\xfe\x00\xd8\x00\x00", b"PK\x03\x04 no workbook")
HEADER = ("phone", "name", "note")


def written(rows: Sequence[Sequence[str]], delimiter: str = ",", encoding: str = "utf-8") -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows([HEADER, *rows])
    return text.getvalue().encode(encoding)


async def in_pieces(content: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


async def rows_of(sheet: Sheet, size: int = 7, skip: int = 0) -> list[tuple[int, Sequence[str]]]:
    return [row async for batch in sheet.batches(size, skip=skip) for row in batch]


@pytest.mark.anyio
class SheetsContract:
    """Subclass it beside a fixture `sheets` that gives a `Sheets` of your own."""

    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        rows=tables,
        delimiter=st.sampled_from(",;\t"),
        encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
        size=st.integers(1, 500),
    )
    async def test_every_cell_comes_back_from_an_upload_in_pieces_and_twice(
        self, sheets: Sheets, rows: Sequence[Sequence[str]], delimiter: str, encoding: str, size: int
    ) -> None:
        async with sheets.open(in_pieces(written(rows, delimiter, encoding), size)) as sheet:
            assert tuple(sheet.header) == HEADER
            assert sheet.rows == len(rows)
            found = await rows_of(sheet, size)
            assert [tuple(cells) for _, cells in found] == [tuple(row) for row in rows]
            assert await rows_of(sheet) == found

    async def test_rows_have_the_numbers_that_a_spreadsheet_shows_and_may_be_left_out(
        self, sheets: Sheets, tmp_path: Path
    ) -> None:
        path = tmp_path / "people.csv"
        path.write_bytes(written([("+447700900001", "Ada", ""), ("+447700900002", "Bo", "x")]))
        async with sheets.open(path) as sheet:
            assert [number for number, _ in await rows_of(sheet)] == [2, 3]
            assert [number for number, _ in await rows_of(sheet, skip=1)] == [3]
            assert await rows_of(sheet, skip=2) == []

    @pytest.mark.parametrize("content", NO_TABLES)
    async def test_what_is_no_table_is_refused_before_anything_is_read(
        self, sheets: Sheets, content: bytes
    ) -> None:
        with pytest.raises(UnreadableFile):
            await _opened(sheets, content)


async def _opened(sheets: Sheets, content: bytes) -> None:
    async with sheets.open(in_pieces(content, 100)):
        pass
