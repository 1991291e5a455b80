"""Rules about people, as a small typed tree. What a rule means is `matches`; the SQL must say the same."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct, field

from tidings.domain.contacts.attributes import Kind
from tidings.domain.contacts.consent import MARKETING
from tidings.domain.contacts.people import Contact, search_terms, search_text
from tidings.domain.kernel import CampaignId, ContactId, GroupId

Value: TypeAlias = str | int | float | bool | tuple[str | int | float, ...] | None


class Op(StrEnum):
    """How a value is compared. Text is compared exactly; who has no value matches only what says so."""

    EQUALS = "equals"
    NOT_EQUALS = "not_equals"
    ONE_OF = "one_of"
    CONTAINS = "contains"
    STARTS_WITH = "starts_with"
    LESS = "less_than"
    AT_MOST = "at_most"
    MORE = "more_than"
    AT_LEAST = "at_least"
    IS_SET = "is_set"
    IS_NOT_SET = "is_not_set"


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel", tag_field="type"):
    """A question about one person, answered by yes or no."""


class All(Rule, frozen=True, kw_only=True, tag="all"):
    """Every one of these holds."""

    rules: "tuple[AnyRule, ...]"


class Any(Rule, frozen=True, kw_only=True, tag="any"):
    """At least one of these holds."""

    rules: "tuple[AnyRule, ...]"


class Not(Rule, frozen=True, kw_only=True, tag="not"):
    """This does not hold."""

    rule: "AnyRule"


class OfAttribute(Rule, frozen=True, kw_only=True, tag="attribute"):
    """An attribute's value compares so. Dates and numbers compare as such."""

    key: str
    op: Op
    value: Value = None


class OfField(Rule, frozen=True, kw_only=True, tag="field"):
    """One of a contact's own fields compares so."""

    name: str
    op: Op
    value: Value = None


class OfGroup(Rule, frozen=True, kw_only=True, tag="group"):
    """Is in this group."""

    group_id: GroupId


class OfConsent(Rule, frozen=True, kw_only=True, tag="consent"):
    """Has opted out of the topic, or has not."""

    opted_out: bool
    topic: str = MARKETING


class OfSearch(Rule, frozen=True, kw_only=True, tag="search"):
    """Would be found by this search."""

    text: str


class Deed(StrEnum):
    """What has last happened between a person and the business."""

    INBOUND = "inbound"
    """They wrote."""
    REACHED = "reached"
    """A campaign's message was delivered to them."""
    READ = "read"
    """They read one."""


class OfActivity(Rule, frozen=True, kw_only=True, tag="activity"):
    """It happened within so many days, or in general; with a campaign, by that campaign."""

    deed: Deed
    within_days: int | None = None
    campaign_id: CampaignId | None = None


AnyRule: TypeAlias = All | Any | Not | OfAttribute | OfField | OfGroup | OfConsent | OfSearch | OfActivity


TEXT_FIELDS: Mapping[str, str] = {
    "firstName": "first_name",
    "lastName": "last_name",
    "email": "email",
    "company": "company",
    "jobTitle": "job_title",
    "notes": "notes",
    "phone": "phone",
    "countryCode": "country_code",
}
FLAG_FIELDS: Mapping[str, str] = {"isFavorite": "is_favorite"}


class Happening(Struct, frozen=True, kw_only=True):
    """A deed, when it was, and the campaign that it belongs to."""

    contact_id: ContactId
    deed: Deed
    at: datetime
    campaign_id: CampaignId | None = None


class Happened(Struct, frozen=True, kw_only=True):
    """When a deed last happened: in general, and by campaign."""

    last: datetime | None = None
    by_campaign: dict[CampaignId, datetime] = field(default_factory=dict[CampaignId, datetime])


class Facts(Struct, frozen=True, kw_only=True):
    """All that rules ask of one person."""

    contact: Contact
    groups: frozenset[GroupId] = frozenset()
    stopped_topics: frozenset[str] = frozenset()
    deeds: dict[Deed, Happened] = field(default_factory=dict[Deed, Happened])


def matches(rule: AnyRule, facts: Facts, kinds: Mapping[str, Kind], now: datetime) -> bool:
    """Whether the rule holds for the person: the meaning that SQL must keep to."""
    match rule:
        case All(rules=rules):
            return all(matches(each, facts, kinds, now) for each in rules)
        case Any(rules=rules):
            return any(matches(each, facts, kinds, now) for each in rules)
        case Not(rule=other):
            return not matches(other, facts, kinds, now)
        case OfAttribute(key=key):
            return _compares(facts.contact.attributes.get(key), rule.op, rule.value, kinds[key])
        case OfActivity():
            return _happened(rule, facts.deeds.get(rule.deed, Happened()), now)
        case _:
            return _holds(rule, facts)


def _holds(rule: OfField | OfGroup | OfConsent | OfSearch, facts: Facts) -> bool:
    contact = facts.contact
    match rule:
        case OfField(name=name) if name in FLAG_FIELDS:
            return getattr(contact, FLAG_FIELDS[name]) == (rule.value == (rule.op is Op.EQUALS))
        case OfField(name=name):
            return _compares(getattr(contact, TEXT_FIELDS[name]) or None, rule.op, rule.value, Kind.TEXT)
        case OfGroup(group_id=group):
            return group in facts.groups
        case OfConsent(topic=topic, opted_out=wanted):
            out = contact.opted_out if topic == MARKETING else topic in facts.stopped_topics
            return out is wanted
        case OfSearch(text=text):
            return all(term in search_text(contact) for term in search_terms(text))


def _compares(have: str | None, op: Op, value: Value, kind: Kind) -> bool:
    if op in (Op.NOT_EQUALS, Op.IS_NOT_SET):
        return not _compares(have, Op.EQUALS if op is Op.NOT_EQUALS else Op.IS_SET, value, kind)
    if have is None:
        return False
    if op is Op.IS_SET:
        return True
    if op is Op.ONE_OF:
        return have in value if isinstance(value, tuple) else False
    wanted = str(value)
    if op is Op.EQUALS:
        return have == wanted
    if op is Op.CONTAINS:
        return wanted in have
    if op is Op.STARTS_WITH:
        return have.startswith(wanted)
    ours, theirs = _place(have, kind), _place(wanted, kind)
    if op in (Op.LESS, Op.AT_MOST):
        return ours < theirs or (op is Op.AT_MOST and ours == theirs)
    return ours > theirs or (op is Op.AT_LEAST and ours == theirs)


def _place(value: str, kind: Kind) -> tuple[float, str]:
    return (float(value), "") if kind is Kind.NUMBER else (0.0, value)


def _happened(rule: OfActivity, told: Happened, now: datetime) -> bool:
    at = told.last if rule.campaign_id is None else told.by_campaign.get(rule.campaign_id)
    return at is not None and (rule.within_days is None or at >= now - timedelta(days=rule.within_days))
