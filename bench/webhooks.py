"""Row `webhooks-1000`: Meta's largest deliveries, 1,000 statuses each, until every one is in its message."""

import asyncio
import json
import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from bench.figures import Row, Side, cpu_of, memory_of, per_one, per_piece
from bench.load import drive, request
from bench.serving import signed
from bench.stage import PATIENCE, Stage, Stuck, asked, staged
from tidings.adapters.embedded.system import uuid7
from tidings.application.ports.gateway import callback_data
from tidings.bootstrap.assembly import assembled
from tidings.bootstrap.settings import read_settings
from tidings.domain.kernel import (
    AttemptId,
    MessageId,
    OrganizationId,
    Phone,
    PhoneNumberId,
    Wamid,
    person_key,
)
from tidings.domain.whatsapp.content import Template
from tidings.domain.whatsapp.messages import Message, State

PER_BODY = 1000
WORDS = ("sent", "delivered", "read")
CONNECTIONS = 4
LOOK = 0.1
"""Seconds between two looks whether all are applied."""


def webhooks(messages: int) -> Row:
    """Three statuses of each message, in bodies of a thousand; bare: the same bodies parsed by json alone."""
    with staged() as stage:
        stage.sign_up()
        account = stage.connect()
        known = asyncio.run(_known(stage, account["phoneNumberId"], messages))
        bodies = list(bodies_of(account["phoneNumberId"], account["wabaId"], known))
        deliveries = [
            request("POST", "/api/messages/webhook", stage.port, body, signed(stage.secret, body))
            for body in bodies
        ]
        pid = stage.processes["service"].pid
        before, queries, began = cpu_of(pid), asked(), time.perf_counter()
        rate, p50, p99 = drive(stage.port, deliveries, CONNECTIONS)
        asyncio.run(applied(stage))
        took = time.perf_counter() - began
        statuses = len(bodies) * PER_BODY
        ours = Side(
            rate=statuses / took,
            p50=p50,
            p99=p99,
            cpu=per_piece(before, cpu_of(pid), statuses),
            memory=memory_of(pid),
            queries=per_one(queries, asked(), statuses),
            done=statuses,
        )
        read = asyncio.run(_read(stage, known))
    began = time.perf_counter()
    for body in bodies:
        json.loads(body)
    bare = Side(rate=statuses / (time.perf_counter() - began), done=statuses)
    return Row(
        name="webhooks-1000",
        unit="statuses/s",
        ours=ours,
        bare=bare,
        ratio=ours.rate / bare.rate,
        what="until the last is applied; bare: json.loads of the same bodies",
        more={"durable statuses/s": rate * PER_BODY, "messages read at the end": read},
    )


async def _known(stage: Stage, number: str, count: int) -> list[tuple[Wamid, UUID]]:
    """Messages that Meta has accepted, each with its wamid and the attempt it knows."""
    made: list[tuple[Wamid, UUID]] = []
    now = datetime.now(UTC)
    async with assembled(read_settings({**os.environ, **stage.environment})) as container:
        async with container.whatsapp_read()() as look:
            (owner,) = await look.numbers.find([PhoneNumberId(number)])
        for start in range(0, count, PER_BODY):
            page = [message_of(owner.organization_id, number, n, now) for n in range(start, start + PER_BODY)]
            async with container.whatsapp_begin()() as work:
                await work.messages.add(page)
                await work.messages.save(page)
            made += [(each.wamid, each.attempt_id) for each in page if each.wamid and each.attempt_id]
        await container.whatsapp_database().close()
    return made


def message_of(organization: OrganizationId, number: str, n: int, now: datetime) -> Message:
    """One that Meta has accepted."""
    phone = Phone(f"+4477{n:08}")
    return Message(
        id=MessageId(uuid7()),
        organization_id=organization,
        phone_number_id=PhoneNumberId(number),
        person=person_key(phone),
        to=phone,
        content=Template(name="hello", language="en"),
        state=State.ACCEPTED,
        version=3,
        created_at=now,
        next_attempt_at=now,
        attempt_no=1,
        attempt_id=AttemptId(uuid7()),
        attempted_at=now,
        wamid=Wamid(f"wamid.{uuid7().hex}"),
        accepted_at=now + timedelta(milliseconds=50),
    )


def bodies_of(
    number: str,
    waba: str,
    known: Sequence[tuple[Wamid, UUID]],
    per_body: int = PER_BODY,
    words: Sequence[str] = WORDS,
) -> list[bytes]:
    """What Meta would say of these messages: each of the words of every one, so many in a delivery."""
    bodies: list[bytes] = []
    for start in range(0, len(known), per_body):
        for word in words:
            statuses = [
                {
                    "id": wamid,
                    "status": word,
                    "timestamp": str(int(time.time())),
                    "recipient_id": f"4477{start + n:08}",
                    "biz_opaque_callback_data": callback_data(AttemptId(attempt)),
                }
                for n, (wamid, attempt) in enumerate(known[start : start + per_body])
            ]
            metadata = {"display_phone_number": "447700900000", "phone_number_id": number}
            value = {"messaging_product": "whatsapp", "metadata": metadata, "statuses": statuses}
            entry = {"id": waba, "changes": [{"field": "messages", "value": value}]}
            bodies.append(json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode())
    return bodies


async def applied(stage: Stage) -> None:
    """Wait for it, with one connection: whoever measures must not be in the way. Raise Stuck."""
    end = time.monotonic() + PATIENCE
    async with assembled(read_settings({**os.environ, **stage.environment})) as container:
        waiting = True
        while waiting:
            if time.monotonic() > end:
                raise Stuck("the webhooks are not applied")
            await asyncio.sleep(LOOK)
            async with container.whatsapp_read()() as look:
                waiting = bool(await look.webhooks.waiting(1))
        await container.whatsapp_database().close()


async def _read(stage: Stage, known: Sequence[tuple[Wamid, UUID]]) -> int:
    count = 0
    async with assembled(read_settings({**os.environ, **stage.environment})) as container:
        async with container.whatsapp_read()() as look:
            for start in range(0, len(known), PER_BODY):
                wamids = [wamid for wamid, _ in known[start : start + PER_BODY]]
                count += sum(each.state is State.READ for each in await look.messages.of_wamids(wamids))
        await container.whatsapp_database().close()
    return count
