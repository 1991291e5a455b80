"""What messages cost: rates that the organisation loads, by market, category and date (fact sheet 8)."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated

from msgspec import Meta, Struct

from tidings.domain.errors import Fault, Invalid

EVERYWHERE = "*"
"""The market of a rate for all countries that have none of their own."""
OCTOBER_2026 = datetime(2026, 10, 1, tzinfo=UTC)
"""From then on utility templates within the service window are charged too (fact sheet 8.1)."""
CATEGORIES = ("MARKETING", "UTILITY", "AUTHENTICATION", "SERVICE")


class BadRates(Invalid):
    """The rates cannot be used."""


class Rate(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """The price of one delivered message."""

    country: Annotated[str, Meta(pattern=r"^([A-Z]{2}|\*)$")]
    """ISO 3166 letters of the country whose calling code the person has; `*`: everywhere else."""
    category: str
    amount: Decimal
    valid_from: date


class RateCard(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """All rates of an organisation, in the currency of its WhatsApp Business Accounts."""

    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$")]
    rates: Annotated[Sequence[Rate], Meta(max_length=5000)]


class CostLine(Struct, frozen=True, kw_only=True, rename="camel"):
    """What messages of one kind to one country cost."""

    country: str
    category: str
    messages: int
    free: int = 0
    amount: Decimal | None
    """None: the card has no rate for them."""


class Cost(Struct, frozen=True, kw_only=True, rename="camel"):
    """A sum, and what it is made of."""

    currency: str | None
    amount: Decimal
    unpriced: int = 0
    """Messages for which there is no rate: the true sum is higher."""
    lines: Sequence[CostLine] = ()


def check_card(card: RateCard) -> None:
    """Raise BadRates with everything that is wrong."""
    faults: list[Fault] = []
    seen: set[tuple[str, str, date]] = set()
    for n, rate in enumerate(card.rates):
        if rate.category not in CATEGORIES:
            message = f"must be one of {', '.join(CATEGORIES)}"
            faults.append(Fault(field=f"rates[{n}].category", rule="choice", message=message))
        if rate.amount < 0:
            faults.append(Fault(field=f"rates[{n}].amount", rule="range", message="must not be negative"))
        key = (rate.country, rate.category, rate.valid_from)
        if key in seen:
            faults.append(Fault(field=f"rates[{n}]", rule="unique", message="is given twice"))
        seen.add(key)
    if faults:
        raise BadRates("", *faults)


def charged(category: str, at: datetime, *, in_window: bool) -> bool:
    """Whether a delivered template costs something; free entry points are not foreseen (fact sheet 8.2)."""
    return not (category == "UTILITY" and in_window and at < OCTOBER_2026)


def rate_of(card: RateCard, country: str, category: str, at: datetime) -> Decimal | None:
    """The newest rate that is valid then: the country's own, or the one for everywhere."""
    day = at.date()
    for market in (country, EVERYWHERE):
        found = [
            rate
            for rate in card.rates
            if (rate.country, rate.category) == (market, category) and rate.valid_from <= day
        ]
        if found:
            return max(found, key=lambda rate: rate.valid_from).amount
    return None


def cost(card: RateCard | None, counts: Mapping[tuple[str, str, bool], int], at: datetime) -> Cost:
    """The sum for messages counted by country, category and whether they are charged."""
    kinds = sorted({(country, category) for country, category, _ in counts})
    lines: list[CostLine] = []
    for country, category in kinds:
        paid, free = counts.get((country, category, True), 0), counts.get((country, category, False), 0)
        rate = None if card is None else rate_of(card, country, category, at)
        amount = Decimal(0) if not paid else None if rate is None else rate * paid
        lines.append(
            CostLine(country=country, category=category, messages=paid + free, free=free, amount=amount)
        )
    return Cost(
        currency=None if card is None else card.currency,
        amount=sum((line.amount for line in lines if line.amount is not None), Decimal(0)),
        unpriced=sum(line.messages - line.free for line in lines if line.amount is None),
        lines=lines,
    )
