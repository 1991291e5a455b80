"""docs/reliability.md: every fault with its tests, none of which is made up."""

import re

from tests.faults.__main__ import ASKED
from tests.faults.page import ROOT, named_beside_each, shown_by


def test_every_fault_has_its_tests():
    kinds = [f"F{number}" for number in range(1, 25)]
    rows = [str(number) for number in range(1, 37)]
    assert list(shown_by()) == kinds + rows
    # Row 11 is shown together with row 10.
    assert [fault for fault, tests in named_beside_each().items() if not tests] == ["11"]


def test_the_command_asks_nothing_that_the_processes_it_starts_would_refuse():
    """It once asked by a name like that of a setting, so that none of them started."""
    assert not [name for name in ASKED if name.startswith("TIDINGS_")]


def test_every_test_that_the_page_of_faults_names_exists():
    files = [*(ROOT / "tests").rglob("test_*.py"), *(ROOT / "src" / "testing" / "contracts").glob("*.py")]
    sources = "".join(file.read_text() for file in files)
    known = set(re.findall(r"def (test_\w+)", sources))
    page = (ROOT / "docs" / "reliability.md").read_text()
    assert sorted(set(re.findall(r"`(test_\w+)`", page)) - known) == []
