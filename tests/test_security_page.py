"""docs/security.md: every row of the checklist, and no test that does not exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "security.md").read_text()


def test_every_row_is_there_with_a_test_or_with_what_is_missing():
    promises = PAGE.partition("## Each promise")[2].partition("|---|")[2]
    rows = dict(re.findall(r"^\| (\w+) \|[^|]*\|([^|]*)\|$", promises, re.MULTILINE))
    assert {f"S{number}" for number in range(1, 21)} <= rows.keys()
    assert [row for row, tests in rows.items() if "`test_" not in tests and "Missing: " not in tests] == []


def test_every_row_of_the_checklist_by_asvs_has_its_tests():
    checklist = PAGE.partition("## By the OWASP")[2].partition("## ")[0]
    rows = dict(re.findall(r"^\| (\d+) \|[^|]*\|[^|]*\|([^|]*)\|$", checklist, re.MULTILINE))
    assert list(rows) == [str(number) for number in range(1, 39)]
    assert [row for row, tests in rows.items() if "`test_" not in tests] == []


def test_every_test_that_the_page_names_exists():
    files = [*(ROOT / "tests").rglob("test_*.py"), *(ROOT / "src" / "testing" / "contracts").glob("*.py")]
    sources = "".join(file.read_text() for file in files)
    known = set(re.findall(r"def (test_\w+)", sources))
    assert sorted(set(re.findall(r"`(test_\w+)`", PAGE)) - known) == []
