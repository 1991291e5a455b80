"""Meta's webhooks: durable before they are answered, applied afterwards, in any order and any number.

`Webhooks.receive` is the whole request: signature, one place in a group commit, done. `Webhooks.apply` is
a loop of its own that reads bodies in batches under a lease and merges them into the rows; the body is
removed in the transaction that applied it, so a crash applies it again, which changes nothing.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from tidings.application.ports.common import NewId, Now, Owners, Signal
from tidings.application.ports.gateway import parse_callback_data
from tidings.application.ports.meta import (
    BadItem,
    InboundUpdate,
    OtherUpdate,
    PreferenceUpdate,
    StatusUpdate,
    TemplateUpdate,
    UnreadableBody,
    Update,
    WebhookReader,
)
from tidings.application.ports.whatsapp import Begin, Parked, Work
from tidings.application.whatsapp.receiving import heard_in_conversations
from tidings.application.whatsapp.telling import moved_events
from tidings.application.whatsapp.translating import (
    event_of,
    heard,
    inbound,
    news_of,
    parked,
    received,
    stopped,
)
from tidings.domain.errors import Unavailable
from tidings.domain.events import Event
from tidings.domain.kernel import AttemptId, MessageId, OrganizationId
from tidings.domain.whatsapp.conversations import Inbound
from tidings.domain.whatsapp.messages import REPORTED, Fact, Message, State
from tidings.domain.whatsapp.numbers import Lease


class WebhooksFull(Unavailable):
    """Too many webhooks wait to be stored; Meta will bring this one again."""


@dataclass(slots=True)
class WebhookInbox:
    """Group commit: bodies that come within a few milliseconds share one transaction."""

    begin: Begin
    now: Now
    signal: Signal
    linger: float = 0.001
    """Seconds to wait for company."""
    largest: int = 500
    """Bodies in one transaction."""
    room: int = 20_000
    """Bodies that may wait before more are refused."""
    waiting: list[tuple[bytes, asyncio.Future[None]]] = field(
        default_factory=list[tuple[bytes, asyncio.Future[None]]]
    )
    writer: asyncio.Task[None] | None = None

    async def put(self, body: bytes) -> None:
        """Return when the body is durable. Raise WebhooksFull or Unavailable: no 200 then."""
        if len(self.waiting) >= self.room:
            raise WebhooksFull()
        stored = asyncio.get_running_loop().create_future()
        self.waiting.append((body, stored))
        if self.writer is None or self.writer.done():
            self.writer = asyncio.create_task(self._write())
        await stored

    async def _write(self) -> None:
        await asyncio.sleep(self.linger)
        while self.waiting:
            batch, self.waiting = self.waiting[: self.largest], self.waiting[self.largest :]
            try:
                async with self.begin() as work:
                    await work.webhooks.append([body for body, _ in batch], self.now())
            except BaseException as error:
                for _, stored in batch:
                    if not stored.done():
                        stored.set_exception(
                            error if isinstance(error, Unavailable) else Unavailable(f"not stored: {error!r}")
                        )
                if not isinstance(error, Exception):
                    raise
            else:
                for _, stored in batch:
                    if not stored.done():
                        stored.set_result(None)
                self.signal.wake()


@dataclass(slots=True)
class Webhooks:
    """What Meta tells us."""

    begin: Begin
    reader: WebhookReader
    inbox: WebhookInbox
    owners: Owners
    signal: Signal
    now: Now
    new_id: NewId
    batch: int = 200
    linger: float = 0.1
    """Seconds to wait for company after a small batch: each costs the same transaction, large or small."""
    lease_seconds: float = 10.0
    lease: Lease | None = None

    async def receive(self, signature: str | None, body: bytes) -> None:
        """Raise BadSignature, or Unavailable when the body could not be made durable."""
        self.reader.verify(signature, body)
        await self.inbox.put(body)

    async def run(self, stop: asyncio.Event) -> None:
        """Apply what waits until `stop`; one process at a time does."""
        while not stop.is_set():
            try:
                applied = await self.apply()
            except Unavailable:
                applied = 0
                await asyncio.sleep(0.2)
            if not applied:
                await self.signal.wait(0.1)
            if applied < self.batch // 2 and not stop.is_set():
                await asyncio.sleep(self.linger)
        await self.let_go()

    async def let_go(self) -> None:
        """Give the lease to whoever comes next."""
        if self.lease is not None:
            async with self.begin() as work:
                await work.leases.release(self.lease)
            self.lease = None

    async def apply(self) -> int:
        """Apply one batch of bodies; how many. 0 also when another process holds the lease."""
        try:
            return await self.apply_batch(self.batch)
        except Unavailable:
            raise
        except Exception:
            # One body that breaks us must not hold up the others: go one by one past it.
            return await self._apply_first()

    async def apply_batch(self, limit: int) -> int:
        async with self.begin() as work:
            if not await self._hold(work):
                return 0
            bodies = await work.webhooks.waiting(limit)
            updates: list[Update] = []
            for _, body in bodies:
                updates += self._read(body)
            await self._apply(work, updates)
            await work.webhooks.applied(list(dict.fromkeys(id for id, _ in bodies)))
        return len(bodies)

    async def _apply_first(self) -> int:
        async with self.begin() as work:
            held = await self._hold(work)
            tried = await work.webhooks.waiting(1) if held else list[tuple[int, bytes]]()
            if len(tried) > 1:
                # One of them breaks us: which, is seen when each stands alone.
                await work.webhooks.split(tried[0][0])
                return len(tried)
        try:
            return await self.apply_batch(1)
        except Unavailable:
            raise
        except Exception as bug:
            async with self.begin() as work:
                # Another process may have applied it meanwhile: then the first is one that nobody tried.
                if not await self._hold(work) or await work.webhooks.waiting(1) != tried:
                    return 0
                for _, body in tried:
                    await work.webhooks.set_aside("body", f"could not be applied: {bug!r}", body, self.now())
                await work.webhooks.applied([id for id, _ in tried])
            return len(tried)

    def _read(self, body: bytes) -> Sequence[Update]:
        try:
            return self.reader.read(body)
        except UnreadableBody as error:
            return [BadItem(where="body", reason=str(error), raw=body)]

    async def _hold(self, work: Work) -> bool:
        if self.lease is not None:
            if await work.leases.renew(self.lease, seconds=self.lease_seconds):
                return True
            self.lease = None
        holder = await work.leases.holder("webhooks")
        dead = {holder} if holder is not None and self.owners.is_dead(holder) else set[str]()
        self.lease = await work.leases.take(
            "webhooks", self.owners.me(), seconds=self.lease_seconds, dead=dead
        )
        return self.lease is not None

    async def _apply(self, work: Work, updates: Sequence[Update]) -> None:
        await self._statuses(work, [u for u in updates if isinstance(u, StatusUpdate)])
        await self._inbound(work, [u for u in updates if isinstance(u, InboundUpdate)])
        others = [u for u in updates if isinstance(u, TemplateUpdate | PreferenceUpdate | OtherUpdate)]
        await self._others(work, others)
        spoken_of = {u.phone_number_id for u in updates if isinstance(u, StatusUpdate | InboundUpdate)}
        await work.numbers.heard(spoken_of, self.now())
        for update in updates:
            if isinstance(update, BadItem):
                await work.webhooks.set_aside(update.where, update.reason, update.raw, self.now())

    async def _others(
        self, work: Work, updates: Sequence[TemplateUpdate | PreferenceUpdate | OtherUpdate]
    ) -> None:
        """Tell the contexts concerned; what belongs to nobody, or moves nobody, is set aside."""
        if not updates:
            return
        phones = {u.phone_number_id for u in updates if isinstance(u, PreferenceUpdate)}
        wabas = {u.waba_id for u in updates if not isinstance(u, PreferenceUpdate)}
        numbers = [*await work.numbers.find(phones), *await work.numbers.of_wabas(wabas)]
        owners: dict[str, OrganizationId] = {}
        for number in numbers:
            owners[number.phone_number_id] = owners[number.waba_id] = number.organization_id
        events: list[Event] = []
        for update in updates:
            key = update.phone_number_id if isinstance(update, PreferenceUpdate) else update.waba_id
            owner = owners.get(key)
            if isinstance(update, OtherUpdate) and (news := news_of(update, numbers)):
                await work.numbers.put(news)
                continue
            event = None if owner is None else event_of(update, owner)
            if event is not None:
                events.append(event)
            else:
                why = f"no organisation has {key}" if owner is None else "not acted upon"
                await work.webhooks.set_aside(type(update).__name__, why, _raw(update), self.now())
        await work.outbox.put(*events)

    async def _statuses(self, work: Work, updates: Sequence[StatusUpdate]) -> None:
        """Merge reports: all of one message in one go, matched by attempt first and by wamid otherwise."""
        if not updates:
            return
        attempt_of = {id(u): parse_callback_data(u.callback_data) for u in updates}
        attempts = [a for a in attempt_of.values() if a is not None]
        found = await work.messages.of_attempts(list(dict.fromkeys(attempts)))
        by_attempt = {m.attempt_id: m.id for m in found if m.attempt_id is not None}
        others = dict.fromkeys(u.wamid for u in updates if attempt_of[id(u)] not in by_attempt)
        found = [*found, *await work.messages.of_wamids(list(others))]
        by_wamid = {m.wamid: m.id for m in found if m.wamid is not None}
        # Those that carry our callback data make their wamid known to those that do not.
        news = {u.wamid: by_attempt[a] for u in updates if (a := attempt_of[id(u)]) and a in by_attempt}
        by_wamid = {**news, **by_wamid}
        rows: dict[MessageId, Message] = {m.id: m for m in found}
        before = dict(rows)
        stray: list[StatusUpdate] = []
        wishes: list[Event] = []
        for update in updates:
            attempt = attempt_of[id(update)]
            target = by_attempt.get(attempt) if attempt is not None else None
            target = target or by_wamid.get(update.wamid)
            if target is None:
                stray.append(update)
                continue
            rows[target] = heard(rows[target], update)
            if wish := stopped(rows[target], update):
                wishes.append(wish)
        for early in await work.webhooks.parked(list(news)):
            target = news[early.wamid]
            rows[target] = rows[target].hear(
                Fact(early.status), early.at, wamid=early.wamid, code=early.code, reason=early.reason
            )
        changed = [row for key, row in rows.items() if row.version != before[key].version]
        # What Meta accepted and then could not deliver counts for no cap and no limit (fact sheet 6.3).
        await work.pressure.undo([row for row in changed if row.state is State.FAILED])
        await work.messages.save(changed, [before[row.id] for row in changed])
        await work.outbox.put(*moved_events(changed, self.now()), *wishes)
        await self._stray(work, stray, attempt_of)

    async def _stray(
        self, work: Work, stray: Sequence[StatusUpdate], attempt_of: dict[int, AttemptId | None]
    ) -> None:
        """Reports of nobody: of an attempt we thought had failed, or faster than what they speak of."""
        ours = [a for u in stray if (a := attempt_of[id(u)]) is not None]
        ended = await work.messages.known_attempts(ours)
        waiting: list[Parked] = []
        for update in stray:
            if attempt_of[id(update)] in ended:
                await work.webhooks.count_stray("status_of_ended_attempt")
            elif update.status in REPORTED:
                waiting.append(parked(update))
            else:
                why = f"unknown status {update.status!r}"
                await work.webhooks.set_aside("statuses", why, bytes(update.raw), self.now())
        await work.webhooks.park(waiting)

    async def _inbound(self, work: Work, updates: Sequence[InboundUpdate]) -> None:
        if not updates:
            return
        found = await work.numbers.find({u.phone_number_id for u in updates})
        numbers = {number.phone_number_id: number for number in found}
        kept: list[Inbound] = []
        for update in updates:
            number = numbers.get(update.phone_number_id)
            if number is None:
                why = f"no organisation has {update.phone_number_id}"
                await work.webhooks.set_aside("messages", why, bytes(update.raw), self.now())
            else:
                kept.append(inbound(update, number, MessageId(self.new_id())))
        new = await work.conversations.hear(kept)
        await heard_in_conversations(work, new, self.now(), self.new_id)
        await work.outbox.put(*(received(message) for message in new))


def _raw(update: TemplateUpdate | PreferenceUpdate | OtherUpdate) -> bytes:
    return bytes(update.value if isinstance(update, OtherUpdate) else update.raw)
