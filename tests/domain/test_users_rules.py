"""Rights, limits, proofs and the chain, as rules of their own."""

from datetime import UTC, datetime
from itertools import pairwise
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tidings.domain.kernel import RIGHTS, Actor, OrganizationId, Permission, Role, UserId
from tidings.domain.users import (
    FIRST_HEAD,
    AuditEntry,
    Budget,
    CustomRole,
    Membership,
    MoreThanYouHave,
    RoleId,
    chained,
    check_grant,
    check_power_over,
    faults_of_email,
    faults_of_password,
    first_broken,
    recovery_code,
    rights_of,
    tidy_email,
    tidy_password,
)

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
permissions = st.frozensets(st.sampled_from(list(Permission)))
built_in = st.sampled_from([role for role in Role if role is not Role.CUSTOM])


def custom(allowed):
    return CustomRole(
        id=RoleId(uuid4()),
        organization_id=OrganizationId(uuid4()),
        name="r",
        permissions=tuple(allowed),
        created_at=NOON,
        updated_at=NOON,
    )


def actor(role, allowed=None):
    return Actor(
        user_id=UserId(uuid4()), organization_id=OrganizationId(uuid4()), role=role, permissions=allowed
    )


def granted(who, role, own):
    try:
        check_grant(who, role, own)
    except MoreThanYouHave:
        return False
    return True


@given(mine=permissions, theirs=permissions)
def test_nobody_grants_more_than_they_have(mine, theirs):
    who = actor(Role.CUSTOM, mine)
    assert granted(who, Role.CUSTOM, custom(theirs)) == (theirs <= mine)


@given(mine=permissions, role=built_in)
def test_owners_alone_make_owners(mine, role):
    assert granted(actor(Role.OWNER), role, None)
    assert granted(actor(Role.ADMIN), role, None) == (role is not Role.OWNER)
    assert granted(actor(Role.CUSTOM, mine), role, None) == (role is not Role.OWNER and RIGHTS[role] <= mine)


@given(mine=permissions, role=built_in)
def test_nobody_changes_who_has_more(mine, role):
    member = Membership(
        organization_id=OrganizationId(uuid4()), user_id=UserId(uuid4()), role=role, joined_at=NOON
    )
    try:
        check_power_over(actor(Role.CUSTOM, mine), member, None)
    except MoreThanYouHave:
        assert role is Role.OWNER or not RIGHTS[role] <= mine
    else:
        assert RIGHTS[role] <= mine


def test_a_custom_role_that_is_gone_allows_nothing():
    assert rights_of(Role.CUSTOM, None) == frozenset()


def test_each_later_role_may_do_less():
    order = [RIGHTS[role] for role in (Role.OWNER, Role.ADMIN, Role.MEMBER, Role.VIEWER, Role.CUSTOM)]
    assert all(lower <= higher for higher, lower in pairwise(order))


# Budgets.

budgets = st.builds(Budget, name=st.just("b"), tries=st.integers(1, 50), seconds=st.floats(1, 10_000))


@given(budget=budgets, pauses=st.lists(st.floats(0, 500), max_size=200))
def test_in_any_window_at_most_twice_the_budget_is_spent_and_nobody_waits_for_ever(budget, pauses):
    now, free_at, spent = 1000.0, 0.0, []
    for pause in pauses:
        now += pause
        free_at, wait = budget.spend(free_at, now)
        if wait is None:
            spent.append(now)
        else:
            assert 0 < wait <= budget.interval * 1.001
            _, later = budget.spend(free_at, now + wait)
            assert later is None
    for start in spent:
        window = [each for each in spent if start <= each < start + budget.seconds]
        assert len(window) <= 2 * budget.tries


@given(budget=budgets)
def test_the_whole_budget_can_be_spent_at_once_and_no_more(budget):
    free_at = 0.0
    for _ in range(budget.tries):
        free_at, wait = budget.spend(free_at, 5000.0)
        assert wait is None
    assert budget.spend(free_at, 5000.0)[1] is not None


# E-mails, passwords, codes.


@given(text=st.emails())
def test_emails_are_taken_and_compared_in_one_spelling(text):
    assert faults_of_email(text) == ()
    assert tidy_email(f" {text.upper()} ") == tidy_email(text)


@pytest.mark.parametrize(
    "text", ["", "a", "@b.co", "a@", "a@b", "a b@c.co", "a@b.co\nBcc: x@y.co", "ä@b.co", "a@b.co\0"]
)
def test_what_is_no_email_is_refused(text):
    assert faults_of_email(text)


@given(text=st.text(max_size=200))
def test_passwords_are_counted_in_one_spelling(text):
    tidy = tidy_password(text)
    assert tidy_password(tidy) == tidy
    assert bool(faults_of_password(tidy)) == (not 10 <= len(tidy) <= 128)


@given(a=st.text(), b=st.text())
def test_recovery_codes_are_readable_and_differ(a, b):
    code = recovery_code(a)
    assert len(code) == 19
    assert set(code) <= set("abcdefghijklmnopqrstuvwxyz234567-")
    assert (recovery_code(b) == code) == (a == b)


# The chain.

ORGANIZATION = OrganizationId(UUID(int=7))
entries = st.lists(
    st.builds(
        AuditEntry,
        id=st.uuids(),
        organization_id=st.just(ORGANIZATION),
        at=st.just(NOON),
        what=st.sampled_from(["a:b", "c:d"]),
        subject=st.text(max_size=5),
        after=st.none() | st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
    ),
    min_size=1,
    max_size=6,
)


@given(entries=entries, data=st.data())
def test_every_tampering_with_the_chain_shows(entries, data):
    chain, _ = chained(FIRST_HEAD, entries)
    assert first_broken(FIRST_HEAD, chain)[0] is None
    at = data.draw(st.integers(0, len(chain) - 1))
    changed = [*chain[:at], replace(chain[at], subject=chain[at].subject + "!"), *chain[at + 1 :]]
    assert first_broken(FIRST_HEAD, changed)[0] == at + 1
    if at < len(chain) - 1:
        assert first_broken(FIRST_HEAD, [*chain[:at], *chain[at + 1 :]])[0] == at + 1
    if len(chain) > 1:
        assert first_broken(FIRST_HEAD, chain[::-1])[0] == 1
