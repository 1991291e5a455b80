"""What a text file is: its encoding and its delimiter."""

import codecs
import csv
from collections.abc import Iterable, Iterator
from io import StringIO

SAMPLE = 65_536
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
DELIMITERS = (",", ";", "\t", "|")


def encodings(sample: bytes) -> Iterator[str]:
    """The encodings to try, likeliest first; the last one reads anything."""
    for mark, name in _BOMS:
        if sample.startswith(mark):
            yield name
            return
    if (zeros := sample.count(0)) > len(sample) // 4:
        yield "utf-16-le" if sample[1::2].count(0) * 2 > zeros else "utf-16-be"
        return
    yield "utf-8"
    yield "cp1252"
    yield "latin-1"


def delimiter_of(head: str) -> str:
    """The delimiter that splits the first lines into the most cells, evenly."""
    return max(DELIMITERS, key=lambda mark: _evenness(head, mark))


def _evenness(head: str, delimiter: str) -> float:
    rows = [
        len(row) for row in _first(csv.reader(StringIO(head, newline=""), delimiter=delimiter), 30) if row
    ]
    if not rows or rows[0] < 2:
        return 0.0
    return rows[0] * sum(1 for cells in rows if cells == rows[0]) / len(rows)


def _first(rows: Iterable[list[str]], limit: int) -> Iterator[list[str]]:
    try:
        for row, _ in zip(rows, range(limit), strict=False):
            yield row
    except csv.Error:
        return
