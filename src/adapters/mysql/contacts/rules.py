"""Rules as SQL: for every person the same answer as `matches` gives. Nothing is ever NULL."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any as Any_
from typing import TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Numeric, and_, case, cast, exists, false, func, literal, not_, or_, true
from sqlalchemy.types import REAL, TypeEngine

from tidings.adapters.mysql.contacts.tables import deeds, memberships, people, standings
from tidings.domain.contacts.attributes import Kind
from tidings.domain.contacts.consent import MARKETING
from tidings.domain.contacts.people import search_terms
from tidings.domain.contacts.rules import (
    FLAG_FIELDS,
    TEXT_FIELDS,
    All,
    Any,
    AnyRule,
    Not,
    OfActivity,
    OfAttribute,
    OfConsent,
    OfField,
    OfGroup,
    OfSearch,
    Op,
    Value,
)

T = TypeVar("T")

NIL = UUID(int=0)
p = people.c


@dataclass(frozen=True, slots=True)
class RuleSql:
    """Turns rules into conditions on `contacts_people`."""

    kinds: Mapping[str, Kind]
    """Of the attributes that the rules name; one that is gone counts as text that nobody has."""
    now: datetime
    sqlite: bool

    def condition(self, rule: AnyRule) -> ColumnElement[bool]:
        match rule:
            case All(rules=rules):
                return and_(true(), *(self.condition(each) for each in rules))
            case Any(rules=rules):
                return or_(false(), *(self.condition(each) for each in rules))
            case Not(rule=other):
                return not_(self.condition(other))
            case OfAttribute(key=key):
                return self._compares(
                    self._attribute(key), rule.op, rule.value, self.kinds.get(key, Kind.TEXT)
                )
            case OfActivity():
                return self._happened(rule)
            case _:
                return self._holds(rule)

    def _holds(self, rule: OfField | OfGroup | OfConsent | OfSearch) -> ColumnElement[bool]:
        match rule:
            case OfField(name=name) if name in FLAG_FIELDS:
                return p[FLAG_FIELDS[name]].is_(rule.value == (rule.op is Op.EQUALS))
            case OfField(name=name):
                have = func.nullif(p[TEXT_FIELDS[name]], "")
                return self._compares(have, rule.op, rule.value, Kind.TEXT)
            case OfGroup(group_id=group):
                m = memberships.c
                return exists().where(m.contact_id == p.id, m.group_id == group).correlate(people)
            case OfConsent(topic=topic, opted_out=wanted) if topic == MARKETING:
                return p.opted_out.is_(wanted)
            case OfConsent(topic=topic, opted_out=wanted):
                s = standings.c
                out = exists().where(
                    s.organization_id == p.organization_id,
                    s.person == p.person,
                    s.topic == topic,
                    s.opted_out.is_(True),
                )
                return out.correlate(people) if wanted else not_(out.correlate(people))
            case OfSearch(text=text):
                terms = (p.search_text.contains(term, autoescape=True) for term in search_terms(text))
                return and_(true(), *terms)

    def _attribute(self, key: str) -> ColumnElement[str]:
        found = func.json_extract(p.attributes, f'$."{key}"')
        return found if self.sqlite else func.json_unquote(found)

    def _compares(self, have: ColumnElement[str], op: Op, value: Value, kind: Kind) -> ColumnElement[bool]:
        if op in (Op.NOT_EQUALS, Op.IS_NOT_SET):
            return not_(self._compares(have, Op.EQUALS if op is Op.NOT_EQUALS else Op.IS_SET, value, kind))
        if op is Op.IS_SET:
            return have.is_not(None)
        if op is Op.ONE_OF:
            return _certain(have.in_([str(each) for each in value]) if isinstance(value, tuple) else false())
        wanted = str(value)
        if op is Op.EQUALS:
            return _certain(have == wanted)
        if op is Op.CONTAINS:
            return _certain(func.instr(have, wanted) > 0)
        if op is Op.STARTS_WITH:
            return _certain(func.substr(have, 1, len(wanted)) == wanted)
        return _certain(self._ordered(have, op, wanted, kind))

    def _ordered(self, have: ColumnElement[str], op: Op, wanted: str, kind: Kind) -> ColumnElement[bool]:
        if kind is not Kind.NUMBER:
            return _order(have, op, literal(wanted))
        number: TypeEngine[Any_] = REAL() if self.sqlite else Numeric(65, 30)
        return _order(cast(have, number), op, cast(literal(wanted), number))

    def _happened(self, rule: OfActivity) -> ColumnElement[bool]:
        d = deeds.c
        told = [d.contact_id == p.id, d.deed == rule.deed, d.campaign_id == (rule.campaign_id or NIL)]
        if rule.within_days is not None:
            told.append(d.at >= self.now - timedelta(days=rule.within_days))
        return exists().where(*told).correlate(people)


def _order(ours: ColumnElement[T], op: Op, theirs: ColumnElement[T]) -> ColumnElement[bool]:
    if op is Op.LESS:
        return ours < theirs
    if op is Op.AT_MOST:
        return ours <= theirs
    return ours > theirs if op is Op.MORE else ours >= theirs


def _certain(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """False where SQL would say NULL, so that NOT turns it into true."""
    return case((condition, 1), else_=0) == 1
