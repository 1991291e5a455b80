"""Signing up, in, on and out; and being refused."""

import asyncio
import dataclasses
from contextlib import asynccontextmanager

import pytest
from msgspec.structs import replace

from tests.application.test_users_world import HERE, PASSWORD, a_world
from tidings.application.users import (
    Code,
    Farewell,
    Forgotten,
    PasswordChange,
    RefreshRequest,
    Registration,
    Reset,
    SignIn,
    SwitchRequest,
)
from tidings.application.users.organizations import OrganizationChange
from tidings.domain.kernel import Role
from tidings.domain.users import (
    BadAccount,
    BadSecondFactor,
    BadToken,
    EmailTaken,
    LastOwner,
    OrganizationNotFound,
    SecondFactorNeeded,
    SessionNeeded,
    SpentProof,
    TooManyTries,
    WrongCredentials,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world(tmp_path):
    world = await a_world(tmp_path)
    yield world
    await world.close()


def rules(error):
    return {(fault.field, fault.rule) for fault in error.value.faults}


async def test_signing_up_makes_a_user_an_organisation_and_its_owner_at_once(world):
    signed_in = await world.somebody("ada")
    actor = await world.actor(signed_in)
    assert actor.role is Role.OWNER
    assert actor.organization_id == signed_in.organization.id
    assert signed_in.organization.personal
    told = [envelope.type for _, envelope in await world.outbox.waiting(10)]
    assert told == ["users.organization_created.v1"]


async def test_a_sign_up_that_fails_half_way_leaves_nothing(world, monkeypatch):
    async def broken(*_):
        raise RuntimeError("power cut")

    monkeypatch.setattr("tidings.application.users.opening.Opening.open", broken)
    with pytest.raises(RuntimeError):
        await world.somebody("ada")
    monkeypatch.undo()
    async with world.read() as look:
        assert await look.users.by_email("ada@example.org") is None
        assert await look.organizations.owners(None) == []
    assert await world.outbox.waiting(10) == []
    assert (await world.somebody("ada")).user.email == "ada@example.org"


async def test_every_wrong_field_is_named_at_once(world):
    with pytest.raises(BadAccount) as error:
        await world.accounts.register(Registration(email="nope", password="short", name=" "))
    assert rules(error) == {("email", "email"), ("password", "length"), ("name", "length")}


async def test_a_password_that_everybody_guesses_is_refused(world):
    new = Registration(email="a@example.org", password="password12", name="A")
    with pytest.raises(BadAccount) as error:
        await world.accounts.register(new)
    assert rules(error) == {("password", "common")}


async def test_an_email_is_one_account_however_it_is_spelt(world):
    await world.somebody("ada")
    with pytest.raises(EmailTaken):
        await world.accounts.register(Registration(email=" ADA@Example.org ", password=PASSWORD, name="Ada"))
    assert (await world.accounts.login(SignIn(email="Ada@example.ORG", password=PASSWORD))).user.name == "Ada"


async def test_a_password_is_one_however_the_keyboard_composed_it(world):
    await world.accounts.register(Registration(email="z@example.org", password="pässwörter 1", name="Z"))
    decomposed = "pa\u0308sswo\u0308rter 1"
    assert await world.accounts.login(SignIn(email="z@example.org", password=decomposed))


async def test_unknown_and_wrong_are_answered_alike_and_cost_the_same(world):
    await world.somebody("ada")
    said = []
    for email in ("ada@example.org", "nobody@example.org"):
        before = world.passwords.verified
        with pytest.raises(WrongCredentials) as error:
            await world.accounts.login(SignIn(email=email, password="not the password"), HERE)
        said.append((str(error.value), world.passwords.verified - before))
    assert said[0] == said[1]


async def test_an_old_hash_is_renewed_when_its_owner_signs_in(world):
    await world.somebody("ada")
    world.passwords.level = "stronger"
    await world.login("ada")
    async with world.read() as look:
        _, credential = await look.users.by_email("ada@example.org")
    assert credential.password_hash == f"stronger:{PASSWORD}"


async def test_a_sign_in_under_way_while_the_password_changes_is_refused(world, monkeypatch):
    actor = await world.actor(await world.somebody("ada"))
    verify = world.passwords.verify

    async def slow(password, hash):
        right = await verify(password, hash)
        world.passwords.verify = verify
        change = PasswordChange(current_password=PASSWORD, new_password="another fine sentence")
        await world.accounts.change_password(actor, change)
        return right

    world.passwords.verify = slow
    with pytest.raises(WrongCredentials):
        await world.login("ada")


# Refresh tokens and sign-ins.


async def test_a_refresh_token_is_good_once_and_its_second_use_ends_the_sign_in(world):
    first = await world.somebody("ada")
    second = await world.sessions.refresh(RefreshRequest(refresh_token=first.refresh_token))
    assert second.refresh_token != first.refresh_token
    assert await world.actor(second)
    with pytest.raises(BadToken):
        await world.sessions.refresh(RefreshRequest(refresh_token=first.refresh_token))
    for dead in (first, second):
        with pytest.raises(BadToken):
            await world.actor(dead)
    with pytest.raises(BadToken):
        await world.sessions.refresh(RefreshRequest(refresh_token=second.refresh_token))


async def test_of_many_who_refresh_with_one_token_at_most_one_wins(world):
    signed_in = await world.somebody("ada")
    request = RefreshRequest(refresh_token=signed_in.refresh_token)
    answers = await asyncio.gather(
        *(world.sessions.refresh(request) for _ in range(5)), return_exceptions=True
    )
    assert sum(not isinstance(each, BadToken) for each in answers) == 1
    assert all(isinstance(each, BadToken) for each in answers if isinstance(each, Exception))


async def test_an_invented_refresh_token_is_refused_and_ends_nothing(world):
    signed_in = await world.somebody("ada")
    with pytest.raises(BadToken):
        await world.sessions.refresh(RefreshRequest(refresh_token="x" * 43))
    assert await world.actor(signed_in)


async def test_a_sign_in_ends_after_thirty_days_however_often_it_is_refreshed(world):
    signed_in = await world.somebody("ada")
    for _ in range(29):
        world.clock.pass_(days=1)
        request = RefreshRequest(refresh_token=signed_in.refresh_token)
        signed_in = await world.sessions.refresh(request)
    world.clock.pass_(days=1)
    with pytest.raises(BadToken):
        await world.sessions.refresh(RefreshRequest(refresh_token=signed_in.refresh_token))


async def test_an_access_token_ends_after_fifteen_minutes(world):
    signed_in = await world.somebody("ada")
    assert await world.actor(signed_in)
    world.clock.pass_(minutes=15)
    with pytest.raises(BadToken):
        await world.actor(signed_in)


async def test_signing_out_holds_at_once_and_for_that_sign_in_alone(world):
    here, there = await world.somebody("ada"), await world.login("ada")
    await world.sessions.logout(await world.actor(here))
    with pytest.raises(BadToken):
        await world.actor(here)
    actor = await world.actor(there)
    await world.sessions.end_all(actor)
    with pytest.raises(BadToken):
        await world.actor(there)


async def test_somebody_elses_sign_in_cannot_be_ended(world):
    ada, ben = await world.actor(await world.somebody("ada")), await world.actor(await world.somebody("ben"))
    theirs = (await world.sessions.all(ben))[0]
    with pytest.raises(Exception, match="no such sign-in"):
        await world.sessions.end(ada, theirs.session.id)
    await world.sessions.end(ben, theirs.session.id)


async def test_another_process_hears_of_a_revocation_within_five_seconds(world):
    from tidings.adapters.http.security import Bearers

    signed_in = await world.somebody("ada")
    header = f"Bearer {signed_in.token}".encode()
    other = Bearers(world.gate.identify, world.clock, world.clock.monotonic)
    assert await other.actor(header)
    await world.sessions.logout(await world.actor(signed_in))
    assert other.fresh(header)
    world.clock.pass_(seconds=5)
    with pytest.raises(BadToken):
        await other.actor(header)


async def test_a_revocation_while_the_tables_are_being_asked_is_not_overlooked(world):
    from tidings.adapters.http.security import Bearers

    signed_in = await world.somebody("ada")
    asked = []

    async def slow(secret):
        found = await world.gate.identify(secret)
        if not asked:
            asked.append(secret)
            await world.sessions.logout(found[0])
            bearers.forget(found[0].user_id)
        return found

    bearers = Bearers(slow, world.clock, world.clock.monotonic)
    with pytest.raises(BadToken):
        await bearers.actor(f"Bearer {signed_in.token}".encode())


async def test_going_to_another_organisation_re_scopes_the_token(world):
    signed_in = await world.somebody("ada")
    actor = await world.actor(signed_in)
    first, further = await world.organizations.create(actor, OrganizationChange(name="First"))
    assert (first.id, further) == (actor.organization_id, False)
    second, further = await world.organizations.create(actor, OrganizationChange(organization_name="Second"))
    assert further
    there = await world.sessions.switch(actor, SwitchRequest(organization_id=second.id))
    assert (await world.actor(there)).organization_id == second.id
    with pytest.raises(BadToken):
        await world.actor(signed_in)
    ben = await world.actor(await world.somebody("ben"))
    with pytest.raises(OrganizationNotFound):
        await world.sessions.switch(ben, SwitchRequest(organization_id=second.id))


# Passwords.


async def test_a_new_password_ends_every_sign_in_and_opens_one(world):
    here, there = await world.somebody("ada"), await world.login("ada")
    change = PasswordChange(current_password=PASSWORD, new_password="another fine sentence")
    fresh = await world.accounts.change_password(await world.actor(here), change)
    for dead in (here, there):
        with pytest.raises(BadToken):
            await world.actor(dead)
        with pytest.raises(BadToken):
            await world.sessions.refresh(RefreshRequest(refresh_token=dead.refresh_token))
    assert await world.actor(fresh)
    with pytest.raises(WrongCredentials):
        await world.login("ada")
    await world.postman.tick()
    assert "password of your account was changed" in world.mail.sent[-1].text


async def test_the_old_password_must_be_right(world):
    actor = await world.actor(await world.somebody("ada"))
    change = PasswordChange(current_password="wrong", new_password="another fine sentence")
    with pytest.raises(WrongCredentials) as error:
        await world.accounts.change_password(actor, change)
    assert rules(error) == {("currentPassword", "match")}


async def test_a_forgotten_password_is_set_anew_by_a_letter_once(world):
    signed_in = await world.somebody("ada")
    await world.recovery.forgot(Forgotten(email="Ada@example.org"), HERE)
    await world.recovery.forgot(Forgotten(email="nobody@example.org"), HERE)
    assert await world.postman.tick() == 2
    assert [letter.to for letter in world.mail.sent] == ["ada@example.org"]
    token = world.mail.token("ada@example.org")
    reset = Reset(token=token, new_password="another fine sentence")
    await world.recovery.reset(reset)
    with pytest.raises(BadToken):
        await world.actor(signed_in)
    with pytest.raises(SpentProof):
        await world.recovery.reset(reset)
    given = SignIn(email="ada@example.org", password="another fine sentence")
    assert (await world.accounts.login(given)).user.verified_at is not None


async def test_a_newer_letter_voids_the_older_and_each_ends_after_half_an_hour(world):
    await world.somebody("ada")
    tokens = []
    for _ in range(2):
        await world.recovery.forgot(Forgotten(email="ada@example.org"), HERE)
        await world.postman.tick()
        tokens.append(world.mail.token("ada@example.org"))
    with pytest.raises(SpentProof):
        await world.recovery.reset(Reset(token=tokens[0], new_password="another fine sentence"))
    world.clock.pass_(minutes=30)
    with pytest.raises(SpentProof):
        await world.recovery.reset(Reset(token=tokens[1], new_password="another fine sentence"))


async def test_two_who_use_one_letter_at_once_are_one_winner(world):
    await world.somebody("ada")
    await world.recovery.forgot(Forgotten(email="ada@example.org"), HERE)
    await world.postman.tick()
    token = world.mail.token("ada@example.org")
    tries = [
        world.recovery.reset(Reset(token=token, new_password=f"another fine sentence {n}")) for n in range(4)
    ]
    answers = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(answer is None for answer in answers) == 1


async def test_no_usable_token_lies_in_the_tables(world, tmp_path):
    signed_in = await world.somebody("ada")
    await world.recovery.forgot(Forgotten(email="ada@example.org"), HERE)
    await world.postman.tick()
    secrets = [world.mail.token("ada@example.org"), signed_in.token, signed_in.refresh_token]
    await world.close()
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert not [secret for secret in secrets if secret.encode() in content]


async def test_a_letter_waits_for_a_mail_server_that_is_away(world):
    await world.somebody("ada")
    world.mail.away = True
    await world.recovery.forgot(Forgotten(email="ada@example.org"), HERE)
    assert await world.postman.tick() == 1
    assert await world.postman.tick() == 0
    world.mail.away = False
    world.clock.pass_(seconds=10)
    assert await world.postman.tick() == 1
    token = world.mail.token("ada@example.org")
    await world.recovery.reset(Reset(token=token, new_password="another fine sentence"))
    world.clock.pass_(days=1)
    await world.postman.tick()
    assert [letter.subject for letter in world.mail.sent] == ["Your new password", "A change to your account"]


# How often.


async def test_of_two_hundred_wrong_sign_ins_at_once_five_are_looked_at(world):
    await world.somebody("ada")
    wrong = SignIn(email="ada@example.org", password="not the password")
    before = world.passwords.verified
    answers = await asyncio.gather(
        *(world.accounts.login(wrong, "198.51.100.9") for _ in range(200)), return_exceptions=True
    )
    assert world.passwords.verified - before <= 5
    waits = [each.retry_after for each in answers if isinstance(each, TooManyTries)]
    assert len(waits) >= 195
    assert all(0 < wait <= 900 for wait in waits)


async def test_while_somebody_waits_the_right_password_is_refused_too_and_then_taken(world):
    await world.somebody("ada")
    for _ in range(5):
        with pytest.raises(WrongCredentials):
            await world.accounts.login(SignIn(email="ada@example.org", password="wrong one"), "198.51.100.9")
    right = SignIn(email="ada@example.org", password=PASSWORD)
    with pytest.raises(TooManyTries) as error:
        await world.accounts.login(right, "198.51.100.9")
    world.clock.pass_(seconds=error.value.retry_after)
    assert await world.accounts.login(right, "198.51.100.9")


async def test_strangers_cannot_lock_somebody_out_of_a_familiar_place(world):
    await world.somebody("ada")
    for n in range(80):
        with pytest.raises((WrongCredentials, TooManyTries)):
            await world.accounts.login(SignIn(email="ada@example.org", password="wrong"), f"198.51.100.{n}")
    with pytest.raises(TooManyTries):
        await world.accounts.login(SignIn(email="ada@example.org", password=PASSWORD), "203.0.113.1")
    assert await world.login("ada")


async def test_rightful_sign_ins_are_not_counted(world):
    await world.somebody("ada")
    for _ in range(40):
        await world.login("ada")


async def test_one_address_cannot_try_many_accounts(world):
    answers = []
    for n in range(40):
        try:
            given = SignIn(email=f"user{n}@example.org", password="not the password")
            await world.accounts.login(given, f"2001:db8:1:2::{n:x}")
        except (WrongCredentials, TooManyTries) as error:
            answers.append(type(error))
    assert answers.count(WrongCredentials) == 30


async def test_letters_for_one_account_are_few(world):
    await world.somebody("ada")
    for _ in range(3):
        await world.recovery.forgot(Forgotten(email="ada@example.org"), HERE)
    for email in ("ada@example.org",):
        with pytest.raises(TooManyTries):
            await world.recovery.forgot(Forgotten(email=email), "203.0.113.9")


# Second factors.


async def with_factor(world, name="ada"):
    actor = await world.actor(await world.somebody(name))
    enrolment = await world.second_factors.enrol(actor)
    code = current_code(world, enrolment.secret)
    codes = await world.second_factors.confirm(actor, Code(code=code))
    world.clock.pass_(seconds=60)
    return actor, enrolment.secret, codes.recovery_codes


def current_code(world, secret):
    from pyotp.totp import TOTP

    return TOTP(secret).at(world.clock())


async def test_a_second_factor_is_asked_for_and_each_code_is_good_once(world):
    _, secret, _ = await with_factor(world)
    with pytest.raises(SecondFactorNeeded):
        await world.login("ada")
    code = current_code(world, secret)
    assert await world.login("ada", code=code)
    with pytest.raises(BadSecondFactor):
        await world.login("ada", code=code)


async def test_a_wrong_password_says_nothing_of_a_second_factor(world):
    await with_factor(world)
    with pytest.raises(WrongCredentials):
        await world.accounts.login(SignIn(email="ada@example.org", password="wrong", code="123456"), HERE)


async def test_codes_cannot_be_guessed(world):
    _, secret, _ = await with_factor(world)
    for n in range(5):
        with pytest.raises(BadSecondFactor):
            await world.login("ada", code=f"{n:06}")
    with pytest.raises(TooManyTries):
        await world.login("ada", code=current_code(world, secret))


async def test_a_recovery_code_is_good_once(world):
    actor, _, codes = await with_factor(world)
    assert len(set(codes)) == 10
    assert await world.login("ada", code=codes[0].upper())
    with pytest.raises(BadSecondFactor):
        await world.login("ada", code=codes[0])
    assert (await world.second_factors.state(actor)).recovery_codes_left == 9


async def test_an_unconfirmed_factor_changes_nothing_and_a_removed_one_neither(world):
    actor = await world.actor(await world.somebody("ben"))
    await world.second_factors.enrol(actor)
    assert await world.login("ben")
    ada, secret, _ = await with_factor(world)
    with pytest.raises(BadSecondFactor):
        await world.second_factors.remove(ada, Code(code="000000"))
    await world.second_factors.remove(ada, Code(code=current_code(world, secret)))
    assert await world.login("ada")


async def test_the_secret_of_a_factor_is_sealed_and_bound_to_its_user(world):
    ada, secret, _ = await with_factor(world)
    ben, _, _ = await with_factor(world, "ben")
    async with world.begin() as work:
        factor = await work.factors.get(ada.user_id)
        assert secret.encode() not in factor.sealed_secret
        await work.factors.put(replace(factor, user_id=ben.user_id))
    with pytest.raises(ValueError, match="another place"):
        await world.login("ben", code=current_code(world, secret))


# Leaving.


async def test_an_account_is_deleted_with_the_organisation_in_which_nobody_else_is(world):
    signed_in = await world.somebody("ada")
    actor = await world.actor(signed_in)
    with pytest.raises(WrongCredentials):
        await world.accounts.remove(actor, Farewell(password="wrong"))
    await world.accounts.remove(actor, Farewell(password=PASSWORD))
    with pytest.raises(BadToken):
        await world.actor(signed_in)
    with pytest.raises(WrongCredentials):
        await world.login("ada")
    types = [envelope.type for _, envelope in await world.outbox.waiting(10)]
    assert types[-1] == "users.organization_closed.v1"
    assert await world.somebody("ada")


async def test_the_last_owner_cannot_leave_colleagues_behind(world):
    ada = await world.actor(await world.somebody("ada"))
    await world.colleague(ada, "ben")
    with pytest.raises(LastOwner):
        await world.accounts.remove(ada, Farewell(password=PASSWORD))


async def test_an_api_key_is_no_person(world):
    actor = await world.actor(await world.somebody("ada"))
    program = replace(actor, session_id=None)
    for attempt in (
        world.sessions.logout(program),
        world.second_factors.enrol(program),
        world.accounts.remove(program, Farewell(password=PASSWORD)),
    ):
        with pytest.raises(SessionNeeded):
            await attempt


async def test_a_postman_told_to_stop_while_he_looks_waits_for_no_letter(world):
    """Who waits is woken at the stop, and he comes to wait only after that."""
    stop, waited = asyncio.Event(), []

    class Signal:
        def wake(self):
            """Nobody waits yet."""

        async def wait(self, seconds):
            waited.append(seconds)

    @asynccontextmanager
    async def begin():
        async with world.postman.begin() as work:
            yield work
        stop.set()

    postman = dataclasses.replace(world.postman, begin=begin, signal=Signal())
    await postman.run(stop)
    assert waited == []
