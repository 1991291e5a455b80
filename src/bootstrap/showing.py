"""What the command line shows to people: tables, as wide as the terminal is."""

from collections.abc import Mapping
from typing import Any

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from tidings.application.campaigns.reporting import Report
from tidings.application.ports.quotas import Metered
from tidings.domain.campaigns import Campaign
from tidings.domain.contacts.people import ContactView
from tidings.domain.kernel import Page
from tidings.domain.templates.template import Template
from tidings.domain.users import Waba

PIPED = 240
"""Columns where there is no terminal, so that nothing breaks within a line."""


def show(page: Page[Any], console: Console) -> None:
    """A page as a table, of the columns that its kind of thing has; and how to go on when there is more."""
    if not page.items:
        console.print("There is nothing yet.")
        return
    columns = COLUMNS[type(page.items[0])]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in columns:
        table.add_column(heading, overflow="fold", no_wrap=heading == "id")
    for item in page.items:
        plain: Mapping[str, Any] = msgspec.to_builtins(item)
        table.add_row(*(Text(_cell(_found(plain, field))) for field in columns.values()))
    if not console.is_terminal:
        console.width = PIPED
    console.print(table)
    if page.next_cursor:
        console.print(f"There is more: --cursor {page.next_cursor}", soft_wrap=True)


def _found(plain: Mapping[str, Any], field: str) -> object:
    inner, _, rest = field.partition(".")
    return _found(plain.get(inner) or {}, rest) if rest else plain.get(inner)


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    return "" if value is None else str(value)


COLUMNS: Mapping[type, Mapping[str, str]] = {
    ContactView: {
        "id": "id",
        "phone": "phone",
        "name": "firstName",
        "surname": "lastName",
        "opted out": "optedOut",
        "since": "createdAt",
    },
    Template: {
        "id": "id",
        "name": "name",
        "language": "language",
        "category": "category",
        "status": "status",
        "reason": "reason",
    },
    Campaign: {
        "id": "id",
        "name": "name",
        "state": "state",
        "reason": "reason",
        "launched": "launchedAt",
        "finished": "finishedAt",
    },
    Waba: {
        "account": "wabaId",
        "connected": "connectedAt",
    },
    Metered: {
        "organisation": "organizationId",
        "today": "usage.today",
        "of": "quota.perDay",
        "this month": "usage.thisMonth",
        "of ": "quota.perMonth",
        "its own": "own",
    },
}
"""What a list of each shows."""


def show_report(report: Report, console: Console) -> None:
    """The totals, those of whom there is nobody in grey, and why who got nothing did not."""
    campaign = report.campaign
    console.print(
        f"[bold]{escape(campaign.name)}[/] is {campaign.state.value}. {escape(report.waiting)}".strip()
    )
    if campaign.reason:
        console.print(escape(campaign.reason))
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for name, number in msgspec.structs.asdict(report.totals).items():
        table.add_row(name, f"{number:,}", style=None if number else "dim")
    console.print(table)
    for each in report.reasons:
        console.print(f"{each.count:>8,}  {each.state.value}: {escape(each.reason)}. {escape(each.advice)}")
    if not report.consistent:
        console.print("[red]The totals are not what counting everybody gives.[/]")
