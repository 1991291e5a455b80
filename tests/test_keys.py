"""Keys are changed without anything becoming unreadable, and the older ones can go."""

import asyncio
import sqlite3
import time

import jwt
import pytest
from pyotp import TOTP

from tests.test_cli import answer, refusal, tidings
from tests.test_library import PASSWORD, soon
from tidings import Tidings
from tidings.adapters.embedded.system import utcnow, uuid7
from tidings.adapters.security import AesSealer
from tidings.application.ports.users import SealedKind
from tidings.application.users import Code, SignIn
from tidings.application.users.subscribing import NewSubscription
from tidings.bootstrap import key_watch
from tidings.bootstrap.assembly import assembled
from tidings.bootstrap.key_watch import OVERLAP, KeyWatch
from tidings.bootstrap.library import tidings_of
from tidings.bootstrap.platform import running
from tidings.bootstrap.secret_files import BadSettings, kept_secrets
from tidings.bootstrap.settings import read_settings
from tidings.domain.users import BadToken, SecondFactorNeeded

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


@pytest.fixture
def at_once(monkeypatch):
    monkeypatch.setattr(key_watch, "LOOK", 0.02)
    monkeypatch.setattr(key_watch, "OVERLAP", 0.2)


def signer(token):
    return jwt.get_unverified_header(token)["kid"]


async def eventually(look):
    async with asyncio.timeout(20):
        while not (found := await look()):
            await asyncio.sleep(0.02)
        return found


async def test_keys_change_while_everything_runs(tmp_path, at_once):
    """Nothing restarts: what was signed and sealed before is good, and what comes is by the new keys."""
    await lived_in(tmp_path)
    async with assembled(read_settings({}, data=tmp_path)) as container, running(container):
        t, tokens = tidings_of(container), container.tokens()
        me = await t.operator()
        (waba,) = await t.wabas.all(me)
        before = tokens.issue(me, uuid7(), utcnow())
        await asyncio.to_thread(answer, "keys", "rotate", data=tmp_path)

        async def renewed():
            after = tokens.issue(me, uuid7(), utcnow())
            return after if signer(after) != signer(before) else None

        after = await eventually(renewed)
        assert [tokens.read(each, utcnow())[0].user_id for each in (before, after)] == [me.user_id] * 2
        assert (await t.wabas.token(waba.waba_id)).startswith("EAA")
        await asyncio.to_thread(answer, "keys", "retire", data=tmp_path)

        async def let_go():
            try:
                tokens.read(before, utcnow())
            except BadToken:
                return True
            return False

        await eventually(let_go)
        assert tokens.read(after, utcnow())[0].user_id == me.user_id
        assert (await t.wabas.token(waba.waba_id)).startswith("EAA")


class Noted:
    """What works with keys, and what it was given."""

    def __init__(self):
        self.given = []

    def renew(self, keys):
        self.given.append(tuple(keys))


OLD, NEW = ("old-key-0123456789-abcdefghijklmnop", "new-key-0123456789-abcdefghijklmnop")


@pytest.fixture
async def watched(tmp_path):
    """A file of keys, what works with them, and a watch whose clock stands still."""
    file = tmp_path / "signing"
    file.write_text(f"{OLD}\n")
    environment = {"JWT_SECRET_FILE": str(file)}
    settings = read_settings(environment, data=tmp_path)
    noted, clock = Noted(), [0.0]
    watch = KeyWatch(settings, {"signing_keys": (noted,)}, environment, lambda: clock[0])
    stop = asyncio.Event()
    stop.set()
    await watch.run(stop)
    return file, noted, watch, clock


async def test_a_new_key_is_believed_at_once_and_used_when_everybody_has_it(watched):
    file, noted, watch, clock = watched
    await watch.look()
    assert noted.given == []
    file.write_text(f"{NEW}\n{OLD}\n")
    await watch.look()
    await watch.look()
    assert noted.given == [(OLD, NEW)]
    clock[0] += OVERLAP
    await watch.look()
    assert noted.given == [(OLD, NEW), (NEW, OLD)]
    file.write_text(NEW)
    await watch.look()
    clock[0] += OVERLAP
    await watch.look()
    await watch.look()
    assert noted.given[2:] == [(NEW,), (NEW,)]


async def test_a_key_that_is_replaced_at_once_stays_good_for_a_while(watched):
    file, noted, watch, clock = watched
    file.write_text(NEW)
    await watch.look()
    assert noted.given == [(OLD, NEW)]
    clock[0] += OVERLAP
    await watch.look()
    assert noted.given[1:] == [(NEW,)]


@pytest.mark.parametrize("said", ["", "short", "changeme-changeme-changeme-changeme", None])
async def test_keys_that_cannot_be_used_leave_those_of_now(watched, said):
    file, noted, watch, _ = watched
    if said is None:
        file.unlink()
    else:
        file.write_text(said)
    await watch.look()
    assert noted.given == []
    file.write_text(f"{NEW}\n{OLD}")
    await watch.look()
    assert noted.given == [(OLD, NEW)]


async def test_a_secret_in_a_file_is_read_and_one_in_both_places_is_refused(tmp_path):
    file = tmp_path / "secrets"
    file.write_text("one-app-secret\n\nanother, third\n")
    settings = read_settings({"TIDINGS_APP_SECRETS_FILE": str(file)})
    assert settings.app_secrets == ("one-app-secret", "another", "third")
    with pytest.raises(BadSettings, match="TIDINGS_APP_SECRETS_FILE is set and so is TIDINGS_APP_SECRETS"):
        read_settings({"TIDINGS_APP_SECRETS_FILE": str(file), "TIDINGS_APP_SECRETS": "x"})
    with pytest.raises(BadSettings, match="DB_PASSWORD_FILE cannot be read"):
        read_settings({"DB_PASSWORD_FILE": str(tmp_path / "nowhere")})
    with pytest.raises(BadSettings, match="host_file"):
        read_settings({"TIDINGS_HOST_FILE": str(file)})


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
