"""Excel workbooks, read a row at a time."""

import csv
import zipfile
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from tidings.domain.contacts.rows import neutral

MAX_UNPACKED = 500 * 1024 * 1024
MAX_ENTRIES = 2000


class NotAWorkbook(Exception):
    """Why the file cannot be read as a workbook."""


def is_workbook(sample: bytes) -> bool:
    return sample.startswith(b"PK\x03\x04")


def to_csv(path: Path, target: Path) -> None:
    """The first sheet that has rows, as UTF-8 CSV with every row in its place. Raise NotAWorkbook."""
    # With what it brings along it takes more memory than all of ours: only who reads a workbook has it.
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    _check(path)
    try:
        book: Any = load_workbook(path, read_only=True, data_only=True)
    except (InvalidFileException, KeyError, ValueError, OSError, zipfile.BadZipFile, SyntaxError) as error:
        raise NotAWorkbook("is a damaged workbook; save it again, or as CSV") from error
    try:
        with target.open("w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out)
            for sheet in book.worksheets:
                if _copied(sheet, writer):
                    return
    except (KeyError, ValueError, TypeError, zipfile.BadZipFile, SyntaxError) as error:
        raise NotAWorkbook("is a damaged workbook; save it again, or as CSV") from error
    finally:
        book.close()
    raise NotAWorkbook("has no rows")


def _check(path: Path) -> None:
    """A workbook is an archive: it must not unpack into more than we are willing to read."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except zipfile.BadZipFile as error:
        raise NotAWorkbook("is a damaged workbook; save it again, or as CSV") from error
    if len(entries) > MAX_ENTRIES or sum(entry.file_size for entry in entries) > MAX_UNPACKED:
        raise NotAWorkbook("unpacks into too much; save it as CSV")
    if "[Content_Types].xml" not in {entry.filename for entry in entries}:
        raise NotAWorkbook("is an archive and no workbook; unpack it first")


def _copied(sheet: Any, writer: Any) -> bool:
    rows = 0
    for row in sheet.iter_rows(values_only=True):
        cells = [neutral(_text(value)) for value in row]
        while cells and not cells[-1]:
            cells.pop()
        writer.writerow(cells)
        rows += bool(cells)
    return rows > 0


def _text(value: object) -> str:
    """A cell as people read it: numbers whole where they are, days as days."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float() if value.is_integer() and abs(value) < 1e15:
            return str(int(value))
        case datetime() if value.time() == time():
            return value.date().isoformat()
        case datetime() | date() | time():
            return value.isoformat()
        case _:
            return str(value)
