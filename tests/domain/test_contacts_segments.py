"""What is true of attributes and of rules about people."""

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.domain.contacts.attributes import (
    Attribute,
    InvalidAttribute,
    Kind,
    canonical,
    checked,
    conformed,
    defined,
)
from tidings.domain.contacts.rules import All, AnyRule, Not, OfAttribute, OfField, OfGroup, OfSearch, Op
from tidings.domain.contacts.segments import InvalidRule, Known, checked_rule
from tidings.domain.errors import Fault
from tidings.domain.kernel import GroupId, OrganizationId

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
US = OrganizationId(UUID(int=2))


def an_attribute(key: str = "age", kind: Kind = Kind.NUMBER, *choices: str) -> Attribute:
    return Attribute(organization_id=US, key=key, kind=kind, choices=choices, created_at=NOON)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Kind.NUMBER, " 030 ", "30"),
        (Kind.NUMBER, "1,5", "1.5"),
        (Kind.NUMBER, "12 345.50", "12345.5"),
        (Kind.NUMBER, "-0", "0"),
        (Kind.NUMBER, ".5", "0.5"),
        (Kind.DATE, "2026-1-31", "2026-01-31"),
        (Kind.DATE, "31.01.2026", "2026-01-31"),
        (Kind.DATE, "2026/01/31", "2026-01-31"),
        (Kind.DATE, "2026-01-31T09:00:00Z", "2026-01-31"),
        (Kind.BOOLEAN, "Sí", "true"),
        (Kind.BOOLEAN, "0", "false"),
        (Kind.CHOICE, "gold", "Gold"),
        (Kind.CHOICE, "SILVÉR", "Silver"),
        (Kind.TEXT, "  a\t b ", "a b"),
        (Kind.NUMBER, "  ", ""),
    ],
)
def test_values_have_one_spelling(kind, text, value):
    assert (
        canonical(an_attribute("x", kind, *(("Gold", "Silver") if kind is Kind.CHOICE else ())), text)
        == value
    )


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Kind.NUMBER, "ten"),
        (Kind.NUMBER, "1e5"),
        (Kind.NUMBER, "1.234.567"),
        (Kind.NUMBER, "1234567890123456"),
        (Kind.NUMBER, "٣"),
        (Kind.DATE, "31.02.2026"),
        (Kind.DATE, "01/02/2026"),
        (Kind.BOOLEAN, "maybe"),
        (Kind.CHOICE, "Bronze"),
    ],
)
def test_values_that_do_not_fit_say_what_was_wanted(kind, text):
    told = canonical(an_attribute("x", kind, *(("Gold",) if kind is Kind.CHOICE else ())), text)
    assert isinstance(told, Fault)
    assert (told.field, told.rule) == ("attributes.x", kind.value)


@given(st.text(max_size=30), st.sampled_from(Kind))
def test_a_canonical_value_stays_as_it_is(text, kind):
    attribute = an_attribute("x", kind, *(("A", "b") if kind is Kind.CHOICE else ()))
    told = canonical(attribute, text)
    if not isinstance(told, Fault):
        assert canonical(attribute, told) == told


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=4))
def test_numbers_keep_their_value(number):
    assert Decimal(str(canonical(an_attribute(), str(number)))) == number


@given(st.dates())
def test_dates_keep_their_day(day):
    assert date.fromisoformat(str(canonical(an_attribute("x", Kind.DATE), day.isoformat()))) == day


def test_unknown_names_are_text_and_empty_values_are_none():
    good, faults = conformed({"age": an_attribute()}, {"age": "x", "city": "Rome", "empty": ""})
    assert good == {"city": "Rome"}
    assert [fault.field for fault in faults] == ["attributes.age"]
    assert [each.key for each in defined(US, ["city", "age", "city"], {"age": an_attribute()}, NOON)] == [
        "city"
    ]
    with pytest.raises(InvalidAttribute):
        defined(US, [f"a{n}" for n in range(201)], {}, NOON)


@pytest.mark.parametrize(
    "wrong",
    [
        an_attribute(""),
        an_attribute('a"b'),
        an_attribute("x" * 65),
        an_attribute("x", Kind.CHOICE),
        an_attribute("x", Kind.NUMBER, "1"),
        an_attribute("x", Kind.CHOICE, "a", "A"),
        an_attribute("x", Kind.CHOICE, "a", " "),
    ],
)
def test_definitions_that_make_no_sense_are_refused(wrong):
    with pytest.raises(InvalidAttribute):
        checked(wrong)


def rule_of(text: str) -> AnyRule:
    return msgspec.json.decode(text, type=AnyRule)


KNOWN = Known(
    attributes={
        "age": an_attribute(),
        "born": an_attribute("born", Kind.DATE),
        "tier": an_attribute("tier", Kind.CHOICE, "Gold", "Silver"),
    },
    groups=frozenset({GroupId(UUID(int=7))}),
)


def test_a_rule_is_json_and_its_values_find_their_spelling():
    rule = rule_of(
        """{"type": "all", "rules": [
            {"type": "attribute", "key": "age", "op": "at_least", "value": 30},
            {"type": "any", "rules": [
                {"type": "attribute", "key": "tier", "op": "one_of", "value": ["gold", "SILVER"]},
                {"type": "not", "rule": {"type": "consent", "optedOut": true}},
                {"type": "activity", "deed": "inbound", "withinDays": 30}]},
            {"type": "field", "name": "isFavorite", "op": "equals", "value": true},
            {"type": "group", "groupId": "00000000-0000-0000-0000-000000000007"}]}"""
    )
    checked = checked_rule(rule, KNOWN)
    assert msgspec.json.decode(msgspec.json.encode(checked), type=AnyRule) == checked
    assert checked_rule(checked, KNOWN) == checked
    assert isinstance(checked, All)
    assert checked.rules[0] == OfAttribute(key="age", op=Op.AT_LEAST, value="30")


@pytest.mark.parametrize(
    ("rule", "paths"),
    [
        (OfAttribute(key="size", op=Op.IS_SET), {"rule.key": "unknown_attribute"}),
        (
            All(rules=(Not(rule=OfAttribute(key="age", op=Op.EQUALS, value="x")), OfSearch(text=" "))),
            {"rule.rules[0].rule.value": "number", "rule.rules[1].text": "required"},
        ),
        (OfAttribute(key="age", op=Op.CONTAINS, value="1"), {"rule.op": "op"}),
        (OfAttribute(key="age", op=Op.EQUALS), {"rule.value": "required"}),
        (OfAttribute(key="age", op=Op.IS_SET, value="1"), {"rule.value": "none"}),
        (OfAttribute(key="tier", op=Op.ONE_OF, value=()), {"rule.value": "list"}),
        (OfAttribute(key="tier", op=Op.ONE_OF, value=("Gold", "Tin")), {"rule.value[1]": "choice"}),
        (OfAttribute(key="born", op=Op.LESS, value="soon"), {"rule.value": "date"}),
        (OfField(name="shoe", op=Op.IS_SET), {"rule.name": "unknown_field"}),
        (OfField(name="isFavorite", op=Op.IS_SET), {"rule.op": "op", "rule.value": "boolean"}),
        (OfGroup(group_id=GroupId(UUID(int=8))), {"rule.groupId": "unknown_group"}),
    ],
)
def test_what_is_wrong_with_a_rule_is_said_with_its_place(rule, paths):
    with pytest.raises(InvalidRule) as refused:
        checked_rule(rule, KNOWN)
    assert {fault.field: fault.rule for fault in refused.value.faults} == paths


def test_rules_have_a_bounded_size():
    deep: AnyRule = OfField(name="email", op=Op.IS_SET)
    for _ in range(9):
        deep = Not(rule=deep)
    for rule in (deep, All(rules=(OfField(name="email", op=Op.IS_SET),) * 101)):
        with pytest.raises(InvalidRule) as refused:
            checked_rule(rule, KNOWN)
        assert refused.value.faults[0].rule == "size"
