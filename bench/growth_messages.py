"""Row `growth-messages`: how messages are looked at, and statuses heard, from thousands of them to millions.

Both sides are ours: the same questions of an organisation with few messages and of one with many, and the
same deliveries of Meta, a status each, to a service that has few and to one that has many.
"""

import asyncio
import os
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from uuid import uuid4

from bench.figures import Row, percentiles
from bench.growth import ASKED, Figures, compared
from bench.load import drive, request
from bench.serving import signed
from bench.stage import Stage, staged
from bench.webhooks import applied, bodies_of, message_of
from tidings.adapters.embedded.system import collect_rarely
from tidings.application.whatsapp.saying import MessageView
from tidings.bootstrap.assembly import assembled
from tidings.bootstrap.container import Container
from tidings.bootstrap.settings import read_settings
from tidings.domain.kernel import Actor, OrganizationId, Page, PhoneNumberId, Role, UserId
from tidings.domain.whatsapp.messages import Message

BATCH, SAMPLE = 2000, 4000
CONNECTIONS = 96
"""Of Meta, as in the row `webhook`."""


def growth_messages(small: int, large: int) -> Row:
    """Ratio of the worst p99: that beside many messages by that beside few."""
    few, many = (_measured(size) for size in (small, large))
    return compared("growth-messages", "messages", (few, small), (many, large))


def _measured(size: int) -> Figures:
    with staged() as stage:
        stage.sign_up()
        account = stage.connect()
        number, waba = account["phoneNumberId"], account["wabaId"]
        found, sample = asyncio.run(_looked_at(stage, number, size))
        known = [(each.wamid, each.attempt_id) for each in sample if each.wamid and each.attempt_id]
        for word in ("delivered", "read"):
            bodies = bodies_of(number, waba, known, per_body=1, words=[word])
            deliveries = [
                request("POST", "/api/messages/webhook", stage.port, body, signed(stage.secret, body))
                for body in bodies
            ]
            began = time.perf_counter()
            _, p50, p99 = drive(stage.port, deliveries, CONNECTIONS)
            asyncio.run(applied(stage))
            took = time.perf_counter() - began
            # The first round warms the service, and counts for nothing.
            found["webhook"] = (p50 or 0.0, p99 or 0.0)
            found["a status applied"] = (took / len(bodies) * 1000,) * 2
        return found


async def _looked_at(stage: Stage, number: str, size: int) -> tuple[Figures, Sequence[Message]]:
    chance = random.Random(size)
    # As in a service, which is where messages are looked at.
    collect_rarely()
    async with assembled(read_settings({**os.environ, **stage.environment})) as container:
        async with container.whatsapp_read()() as look:
            (owner,) = await look.numbers.find([PhoneNumberId(number)])
        organization = owner.organization_id
        began = time.perf_counter()
        sample = await _load(container, organization, number, size)
        found: Figures = {"loaded": (time.perf_counter() - began, 0.0)}
        actor = Actor(user_id=UserId(uuid4()), organization_id=organization, role=Role.OWNER)
        messages = container.messages()

        def page(place: int) -> Awaitable[Page[MessageView]]:
            return messages.page(actor, to=sample[place].to)

        questions: dict[str, Callable[[int], Awaitable[object]]] = {
            "first page": lambda _: messages.page(actor),
            "one person": page,
            "by id": lambda place: messages.get(actor, sample[place].id),
        }
        for name, ask in questions.items():
            took: list[float] = []
            for _ in range(ASKED):
                place = chance.randrange(len(sample))
                start = time.perf_counter()
                await ask(place)
                took.append(time.perf_counter() - start)
            p50, p99 = percentiles(took)
            found[name] = (p50 or 0.0, p99 or 0.0)
        await container.whatsapp_database().close()
    return found, sample


async def _load(
    container: Container, organization: OrganizationId, number: str, size: int
) -> Sequence[Message]:
    """So many messages that Meta has accepted; some of them."""
    begin, now = container.whatsapp_begin(), datetime.now(UTC)
    every, sample = max(size // SAMPLE, 1), list[Message]()
    for start in range(0, size, BATCH):
        some = [message_of(organization, number, n, now) for n in range(start, min(start + BATCH, size))]
        async with begin() as work:
            await work.messages.add(some)
        sample += [each for n, each in enumerate(some, start) if n % every == 0]
    return sample[:SAMPLE]
