"""A sender as most are written: send, then mark; try again when no answer came. The control of `make chaos`.

It holds leases like ours, and is otherwise honest work. Killed between call and mark, or frozen longer than
its lease, or left without an answer, it sends again; that is what the test must be able to see.
"""

import asyncio
import sys

from tidings.application.ports.gateway import Accepted, Outgoing, Rejected, Verdict
from tidings.application.whatsapp.telling import moved_events
from tidings.bootstrap.assembly import assembled
from tidings.bootstrap.container import Container
from tidings.bootstrap.platform import Platform
from tidings.bootstrap.settings import read_settings
from tidings.domain.kernel import AttemptId
from tidings.domain.whatsapp.messages import Message
from tidings.domain.whatsapp.numbers import Number

BATCH = 40


async def main() -> None:
    async with assembled(read_settings()) as container:
        platform = Platform(container)
        await platform.open()
        while True:
            if not await _round(container):
                await asyncio.sleep(0.05)


async def _round(container: Container) -> int:
    ports, settings, sent = container.sender().ports, container.settings(), 0
    for lane in await ports.due.lanes(ports.now()):
        async with ports.begin() as work:
            lease = await work.leases.take(lane, ports.owners.me(), seconds=settings.lease)
            numbers = await work.numbers.find([lane])
        if lease is None:
            continue
        due = (await ports.due.messages({lane: BATCH}, ports.now())).get(lane, ())
        await asyncio.gather(*(_send(container, numbers[0], message) for message in due))
        sent += len(due)
        async with ports.begin() as work:
            await work.leases.release(lease)
    return sent


async def _send(container: Container, number: Number, message: Message) -> None:
    ports = container.sender().ports
    attempt = AttemptId(ports.new_id())
    for _ in range(5):
        outcome = await ports.gateway.send(
            Outgoing(
                attempt_id=attempt,
                waba_id=number.waba_id,
                phone_number_id=number.phone_number_id,
                to=message.to,
                content=message.content,
            )
        )
        if isinstance(outcome, Accepted | Rejected):
            break
    else:
        return
    now = ports.now()
    tried = message.intend(attempt, 0, now)
    if isinstance(outcome, Accepted):
        after = tried.accept(outcome.wamid, now)
    elif outcome.verdict in (Verdict.GIVE_UP, Verdict.SUPPRESS):
        after = tried.refuse(now, code=outcome.code, reason=outcome.message)
    else:
        return
    async with ports.begin() as work:
        if message.id in await work.messages.still_pending([message.id]):
            await work.messages.save([after])
            await work.outbox.put(*moved_events([after], now))


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
