"""`tidings doctor`: what stands in the way of an installation, and what to do about each."""

import asyncio
import os
import shutil
from collections.abc import AsyncGenerator, Sequence
from enum import StrEnum

import httpx
from msgspec import Struct

from tidings.adapters.embedded.system import new_secret
from tidings.adapters.http.webhook_door import PATH
from tidings.adapters.meta.accounts import MetaAccounts
from tidings.adapters.mysql.migrations.running import standing, versions
from tidings.adapters.redis.link import NoAnswer
from tidings.bootstrap.assembly import assembled
from tidings.bootstrap.container import Container
from tidings.bootstrap.people import database_of
from tidings.bootstrap.schema import lines
from tidings.bootstrap.settings import BadSettings, Settings
from tidings.domain.errors import Refused, Unavailable

ROOM = 1024**3
"""Bytes below which a disk is nearly full."""
PATIENCE = 15.0
"""Seconds for an address of our own to answer."""
KEY = 32
"""Characters of a key that cannot be guessed."""


class Health(StrEnum):
    """How something fares."""

    GOOD = "good"
    WEAK = "weak"
    """It works, and should be looked at."""
    BAD = "bad"


class Finding(Struct, frozen=True, kw_only=True, rename="camel"):
    """One thing that was looked at."""

    what: str
    health: Health
    said: str
    remedy: str = ""
    """What to do; empty where nothing is."""


async def examined(settings: Settings) -> Sequence[Finding]:
    """Everything, whatever of it is broken; nothing is changed. Raise BadSettings."""
    found = [*_secrets(settings), _folder(settings)]
    tables = [await _tables(settings, name) for name in lines(settings, ())]
    found += tables
    async with assembled(settings, asleep=True) as container:
        try:
            found += [await _bus(container), *[each async for each in _cache(container)]]
            if all(each.health is not Health.BAD for each in tables):
                found += [each async for each in _accounts(container)]
            found.append(await _webhook(container))
        finally:
            await _let_go(container)
    return found


def _secrets(settings: Settings) -> list[Finding]:
    """Keys that were given; those that the platform made for itself are long enough."""
    found: list[Finding] = []
    for name in ("signing_keys", "sealing_keys", "app_secrets"):
        variable, keys = f"TIDINGS_{name.upper()}", getattr(settings, name)
        if not keys:
            kept = f"not set; made once and kept in {settings.data / 'secrets.json'}"
            found.append(Finding(what=variable, health=Health.GOOD, said=kept))
        elif name != "app_secrets" and min(map(len, keys)) < KEY:
            said = f"a key has fewer than {KEY} characters, and can be guessed"
            remedy = "put a new one first: `openssl rand -base64 48`; keep the old one behind it for a while"
            found.append(Finding(what=variable, health=Health.BAD, said=said, remedy=remedy))
        else:
            found.append(Finding(what=variable, health=Health.GOOD, said=f"{len(keys)} set"))
    if not settings.sandboxed and settings.base_url.startswith("http://"):
        said = f"{settings.base_url} is not encrypted: Meta calls https addresses only"
        remedy = "put a reverse proxy with a certificate in front, and set its https address"
        found.append(Finding(what="TIDINGS_BASE_URL", health=Health.WEAK, said=said, remedy=remedy))
    return found


def _folder(settings: Settings) -> Finding:
    what, free = f"folder {settings.data}", shutil.disk_usage(_existing(settings)).free
    if not os.access(_existing(settings), os.W_OK):
        remedy = "make it writable for the user that runs tidings, or choose another with --data"
        return Finding(what=what, health=Health.BAD, said="is not writable", remedy=remedy)
    said = f"writable, {free / ROOM:,.1f} GiB free"
    if free < ROOM:
        return Finding(what=what, health=Health.WEAK, said=said, remedy="make room before the disk is full")
    return Finding(what=what, health=Health.GOOD, said=said)


def _existing(settings: Settings) -> str:
    """The folder, or the nearest one above it that exists."""
    folder = settings.data.absolute()
    while not folder.exists():
        folder = folder.parent
    return str(folder)


async def _tables(settings: Settings, name: str) -> Finding:
    what, database = f"tables of {name}", database_of(settings, name)
    if settings.on_files and not (settings.data / f"{name}.db").exists():
        return Finding(what=what, health=Health.GOOD, said="not there yet; the first start makes them")
    try:
        found = await standing(database, name)
    except Unavailable as error:
        remedy = "start the server, or mend DB_HOST, DB_PORT, DB_USER and DB_PASSWORD"
        return Finding(what=what, health=Health.BAD, said=str(error), remedy=remedy)
    finally:
        await database.close()
    if found.is_current:
        return Finding(what=what, health=Health.GOOD, said=f"version {found.current}")
    if found.current is not None and found.current not in versions(name):
        said = f"version {found.current}, which is newer than this tidings ({found.newest})"
        return Finding(what=what, health=Health.BAD, said=said, remedy="install the newer tidings here too")
    said = f"version {found.current or 'none'}, and {found.newest} is needed"
    return Finding(what=what, health=Health.WEAK, said=said, remedy=f"run `tidings migrate {name}`")


async def _bus(container: Container) -> Finding:
    broker = container.bus_on() == "rabbitmq"
    what = "RabbitMQ" if broker else "events in the database"
    if not broker:
        return Finding(what=what, health=Health.GOOD, said="no broker is set, and none is needed")
    try:
        await container.bus().hold(f"doctor:{new_secret()[:12]}")
    except Unavailable as error:
        remedy = "start it, or mend RABBITMQ_URL; meanwhile events wait in the databases"
        return Finding(what=what, health=Health.BAD, said=str(error), remedy=remedy)
    return Finding(what=what, health=Health.GOOD, said="answers")


async def _cache(container: Container) -> AsyncGenerator[Finding]:
    if not container.settings().redis_url:
        return
    try:
        await container.redis().ask(lambda line: line.ping())
    except NoAnswer:
        remedy = "start it, or mend REDIS_URL; meanwhile replies are made anew each time"
        yield Finding(what="Redis", health=Health.WEAK, said="does not answer in time", remedy=remedy)
    else:
        yield Finding(what="Redis", health=Health.GOOD, said="answers")


async def _accounts(container: Container) -> AsyncGenerator[Finding]:
    """Of every account that is connected: whether Meta takes its token, and sends us its webhooks."""
    if "users" not in container.settings().here:
        return
    settings, meta, credentials = container.settings(), MetaAccounts(container.graph()), container.wabas()
    if settings.on_files and not (settings.data / "users.db").exists():
        return
    for waba_id in await credentials.everywhere():
        what = f"WhatsApp Business Account {waba_id}"
        try:
            token = await credentials.token(waba_id)
            numbers = await meta.connected_numbers(waba_id, token)
            apps = await meta.subscribed_apps(waba_id, token)
        except Refused as refused:
            remedy = "renew its token: connect the account again, with a token of a system user"
            yield Finding(what=what, health=Health.BAD, said=str(refused), remedy=remedy)
            continue
        said = f"Meta takes its token; {len(numbers)} sending numbers"
        if not settings.sandboxed and settings.app_id not in apps:
            said += f"; its webhooks do not come to app {settings.app_id}"
            remedy = "connect the account again, or subscribe the app in Meta's dashboard"
            yield Finding(what=what, health=Health.WEAK, said=said, remedy=remedy)
        else:
            yield Finding(what=what, health=Health.GOOD, said=said)


async def _webhook(container: Container) -> Finding:
    """Whether our callback answers Meta's check, asked from here as Meta would ask it."""
    settings = container.settings()
    url, challenge = f"{settings.base_url.rstrip('/')}{PATH}", "20261126"
    asked = {
        "hub.mode": "subscribe",
        "hub.challenge": challenge,
        "hub.verify_token": settings.verify_token,
    }
    what = f"callback {url}"
    remedy = "start `tidings serve`, and see that TIDINGS_BASE_URL and the reverse proxy lead to it"
    try:
        async with httpx.AsyncClient(timeout=PATIENCE) as client:
            answer = await client.get(url, params=asked)
    except httpx.HTTPError as error:
        said = f"does not answer: {error or type(error).__name__}"
        return Finding(what=what, health=Health.WEAK, said=said, remedy=remedy)
    if (answer.status_code, answer.text) == (200, challenge):
        return Finding(what=what, health=Health.GOOD, said="answers Meta's check")
    if answer.status_code == 403:
        remedy = "give the service and Meta's dashboard the same TIDINGS_VERIFY_TOKEN"
    said = f"answered {answer.status_code} to Meta's check"
    return Finding(what=what, health=Health.WEAK, said=said, remedy=remedy)


async def _let_go(container: Container) -> None:
    await container.bus().close()
    await container.graph().aclose()
    if container.settings().redis_url:
        await container.redis().aclose()
    await asyncio.gather(*(getattr(container, f"{name}_database")().close() for name in ("users", "bus")))


def of_bad_settings(error: BadSettings) -> Sequence[Finding]:
    """What is wrong with settings that cannot even be read."""
    faults = error.faults or ()
    return [
        Finding(what=fault.field, health=Health.BAD, said=fault.message, remedy="see docs/settings.md")
        for fault in faults
    ] or [Finding(what="settings", health=Health.BAD, said=str(error), remedy="see docs/settings.md")]
