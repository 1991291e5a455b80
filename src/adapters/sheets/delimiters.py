"""Which character delimits the cells of a text file."""

import csv
from collections.abc import Iterable, Iterator
from io import StringIO

DELIMITERS = (",", ";", "\t", "|")


def delimiter_of(head: str) -> str:
    """The one that Excel's own first line `sep=;` names, or that splits the lines evenly into the most."""
    if head[:4].lower() == "sep=" and len(head) > 5 and head[5] in "\r\n":
        return head[4]
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
