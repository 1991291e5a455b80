"""Keys are changed without anything becoming unreadable, and the older ones can go."""

import sqlite3
import time

import pytest
from pyotp import TOTP

from tests.test_cli import answer, refusal, tidings
from tests.test_library import PASSWORD, soon
from tidings import Tidings
from tidings.adapters.embedded.system import uuid7
from tidings.adapters.security import AesSealer
from tidings.application.ports.users import SealedKind
from tidings.application.users import Code, SignIn
from tidings.application.users.subscribing import NewSubscription
from tidings.bootstrap.assembly import assembled
from tidings.bootstrap.settings import kept_secrets, read_settings
from tidings.domain.users import SecondFactorNeeded

pytestmark = pytest.mark.anyio
EMAIL = "rowan@example.org"


async def lived_in(folder):
    """A folder with a token, a second factor, and an endpoint whose secret was changed."""
    async with Tidings.embedded(folder) as t:
        me = await t.sign_up("Rowan", EMAIL, PASSWORD)
        await soon(lambda: t.messages.numbers(me))
        me = await signed_in(t)
        shown = await t.second_factors.enrol(me)
        await t.second_factors.confirm(me, Code(code=TOTP(shown.secret).now()))
        new = NewSubscription(url="https://shop.example.org/hook", events=("message.delivered",))
        made = await t.subscriptions.add(me, new)
        await t.subscriptions.rotate(me, made.id)
        return shown.secret


async def signed_in(t):
    """The person, as the service knows one who has signed in."""
    found = await t.accounts.login(SignIn(email=EMAIL, password=PASSWORD))
    actor = await t.operator(found.organization.id)
    return type(actor)(
        user_id=actor.user_id,
        organization_id=actor.organization_id,
        role=actor.role,
        session_id=uuid7(),
    )


def records(folder):
    with sqlite3.connect(folder / "users.db") as users:
        asked = (
            "SELECT sealed_token FROM users_wabas",
            "SELECT sealed_secret FROM users_factors",
            "SELECT current FROM users_subscriptions",
            "SELECT previous FROM users_subscriptions",
        )
        return [row[0] for query in asked for row in users.execute(query)]


async def test_everything_sealed_is_sealed_anew_and_the_older_key_may_go(tmp_path):
    secret = await lived_in(tmp_path)
    assert len(records(tmp_path)) == len(SealedKind)
    assert answer("keys", "rotate", data=tmp_path) == {"signingKeys": 2, "sealingKeys": 2}
    newest = AesSealer([kept_secrets(tmp_path).sealing_key])
    assert all(newest.stale(each) for each in records(tmp_path))
    done = answer("keys", "reseal", data=tmp_path)
    assert done == {"accessTokens": 1, "secondFactors": 1, "endpointSecrets": 2}
    assert not any(newest.stale(each) for each in records(tmp_path))
    assert set(answer("keys", "reseal", data=tmp_path).values()) == {0}
    assert answer("keys", "retire", data=tmp_path) == {"signingKeys": 1, "sealingKeys": 1}
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600
    async with Tidings.embedded(tmp_path) as t:
        with pytest.raises(SecondFactorNeeded):
            await t.sign_in(EMAIL, PASSWORD)
        # The code of now was spent when the factor was confirmed.
        code = TOTP(secret).at(time.time() + 30)
        found = await t.accounts.login(SignIn(email=EMAIL, password=PASSWORD, code=code))
        assert found.user.email == EMAIL
        me = await t.operator()
        (waba,) = await t.wabas.all(me)
        assert (await t.wabas.token(waba.waba_id)).startswith("EAA")


async def test_keys_of_the_environment_are_changed_there(tmp_path):
    key = tidings("keys", "new").stdout.strip()
    assert len(key) >= 32
    assert key != tidings("keys", "new").stdout.strip()
    said = refusal("keys", "rotate", data=tmp_path, TIDINGS_SEALING_KEYS=key)
    assert "TIDINGS_SEALING_KEYS is set, so change it there" in " ".join(said.split())


async def test_a_secret_that_changes_while_all_is_sealed_anew_stays_as_it_was_changed(tmp_path):
    await lived_in(tmp_path)
    async with assembled(read_settings({}, data=tmp_path)) as container:
        async with container.users_begin()() as work:
            (record,) = await work.sealed.page(SealedKind.ENDPOINT, None, 10)
            changed = record.sealed + b"!"
            assert await work.sealed.replace(SealedKind.ENDPOINT, record, changed) == 1
            assert await work.sealed.replace(SealedKind.ENDPOINT, record, b"stale") == 0
            assert await work.sealed.page(SealedKind.ENDPOINT, record, 10) == []
        await container.users_database().close()
