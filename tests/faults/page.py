"""What docs/reliability.md says of each fault."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def shown_by() -> dict[str, str]:
    """The last column of the table, by fault."""
    page = (ROOT / "docs" / "reliability.md").read_text()
    table = page.partition("## Each fault")[2].partition("## ")[0]
    return dict(re.findall(r"^\| (F?\d+) \|[^|]*\|([^|]*)\|$", table, re.MULTILINE))


def named_beside_each() -> dict[str, list[str]]:
    """The tests that stand there, by fault."""
    return {fault: re.findall(r"`(test_\w+)`", said) for fault, said in shown_by().items()}
