"""Whoever writes to the bus in another organisation's name changes nothing of what is not that one's."""

import asyncio
import sqlite3
from contextlib import closing
from uuid import UUID

import msgspec
import pytest
from msgspec.structs import replace

from tests.http.checked import ACCOUNT, Checked, until
from tests.http.test_security import sent_campaign
from tidings.adapters.embedded.system import uuid7
from tidings.adapters.sandbox.director import Inbound
from tidings.application.ports.bus import Delivery, Outcome, Subscription
from tidings.application.relay import listener
from tidings.bootstrap.platform import listeners
from tidings.domain.events import AnyEvent, MessagesMoved
from tidings.domain.kernel import OrganizationId

pytestmark = pytest.mark.anyio
OWN_WORD = ("users.",)
"""What users says of organisations and numbers is all that others know of them: nothing to check it by."""
BOOKS = ("inbox", "outbox", "schema", "sqlite", "lease", "audit", "touched_at")
OTHER = {"name": "Mal", "email": "mal@evil.example", "password": ACCOUNT["password"]}


def rows_of(folder):
    """Everything that stands in the contexts' databases, by table."""
    found = {}
    for file in sorted(folder.glob("*.db")):
        if file.stem in ("events", "bus"):
            continue
        with closing(sqlite3.connect(file)) as db:
            for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                if not any(book in table for book in BOOKS):
                    found[table] = set(map(repr, db.execute(f'SELECT * FROM "{table}"')))
    return found


async def at_rest(folder):
    """The same once two seconds have changed nothing."""
    found = rows_of(folder)
    for _ in range(30):
        await asyncio.sleep(2)
        found, before = rows_of(folder), found
        if found == before:
            break
    return found


def lie(body, mallory):
    """The same event in Mallory's name; of messages, that they failed, as the newest word."""
    event = replace(msgspec.json.decode(body, type=AnyEvent), organization_id=mallory)
    if isinstance(event, MessagesMoved):
        moves = [replace(move, version=move.version + 1000, state="failed") for move in event.moves]
        event = replace(event, moves=moves)
    return msgspec.json.encode(event)


async def test_sec_38_an_event_that_is_forged_in_anothers_name_changes_nothing(signed_in, tmp_path):
    ask, container = signed_in
    told = []

    async def overhear(deliveries):
        told.extend(delivery.envelope for delivery in deliveries)
        return [Outcome.ACK for _ in deliveries]

    await container.bus().subscribe(Subscription(group="overhearing", types=("*",)), overhear)
    number = await sent_campaign(ask)
    said = {"phone": "+447700900123", "phone_number_id": number["phoneNumberId"], "name": "Ada"}
    for text in ("When do you open?", "STOP"):
        container.sandbox().director.hear(Inbound(**said, text=text))

    async def stopped():
        (person,) = (await ask("GET", "/api/contacts", 200))["data"]
        return person["optedOut"]

    await until(stopped)
    stranger = Checked(ask.client, ask.document)
    made = await stranger("POST", "/api/auth/register", 201, json=OTHER)
    mallory = OrganizationId(UUID(made["data"]["organization"]["id"]))
    before = await at_rest(tmp_path)
    theirs = [each for each in told if not each.type.startswith(OWN_WORD)]
    forged = [
        replace(each, id=uuid7(), organization_id=mallory, body=lie(each.body, mallory)) for each in theirs
    ]
    kinds = {each.type for each in forged}
    assert len(kinds) >= 7, kinds
    faults = []
    for handlers in listeners(container).values():
        heard = {str(event.__struct_config__.tag) for event in handlers}
        deliveries = [Delivery(envelope=each, attempt=1) for each in forged if each.type in heard]
        if deliveries:
            await listener(handlers, faults.append)(deliveries)
    after = await at_rest(tmp_path)
    changed = {table: rows - after[table] for table, rows in before.items() if rows - after[table]}
    assert changed == {}
    assert faults == []
