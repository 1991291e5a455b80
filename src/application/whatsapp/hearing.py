"""Meta's webhooks: durable before they are answered, applied afterwards, in any order and any number.

`Webhooks.receive` is the whole request: signature, one place in a group commit, done. `Webhooks.apply` is
a loop of its own that reads bodies in batches under a lease and merges them into the rows; the body is
removed in the transaction that applied it, so a crash applies it again, which changes nothing.
"""

import asyncio
from collections.abc import Iterable, Sequence
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
from tidings.application.whatsapp.telling import moved_events
from tidings.domain.errors import Unavailable
from tidings.domain.events import Event, MessageReceived, TemplateReported
from tidings.domain.kernel import AttemptId, MessageId, Phone, person_key
from tidings.domain.whatsapp.conversations import Inbound
from tidings.domain.whatsapp.messages import REPORTED, Message
from tidings.domain.whatsapp.numbers import Lease, Number


class WebhooksFull(Unavailable):
    """Too many webhooks wait to be stored; Meta will bring this one again."""


@dataclass(slots=True)
class WebhookInbox:
    """Group commit: bodies that come within a few milliseconds share one transaction."""

    begin: Begin
    now: Now
    signal: Signal
    linger: float = 0.003
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
                if not isinstance(error, Unavailable):
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
            return await self._apply_batch(self.batch)
        except Unavailable:
            raise
        except Exception:
            # One body that breaks us must not hold up the others: go one by one past it.
            return await self._apply_first()

    async def _apply_batch(self, limit: int) -> int:
        async with self.begin() as work:
            if not await self._hold(work):
                return 0
            bodies = await work.webhooks.waiting(limit)
            updates: list[Update] = []
            for _, body in bodies:
                updates += self._read(body)
            await self._apply(work, updates)
            await work.webhooks.applied([id for id, _ in bodies])
        return len(bodies)

    async def _apply_first(self) -> int:
        try:
            return await self._apply_batch(1)
        except Unavailable:
            raise
        except Exception as bug:
            async with self.begin() as work:
                bodies = await work.webhooks.waiting(1)
                for _, body in bodies:
                    await work.webhooks.set_aside("body", f"could not be applied: {bug!r}", body, self.now())
                await work.webhooks.applied([id for id, _ in bodies])
            return len(bodies)

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
        now = self.now()
        await self._statuses(work, [u for u in updates if isinstance(u, StatusUpdate)])
        await self._inbound(work, [u for u in updates if isinstance(u, InboundUpdate)])
        events: list[Event] = []
        for update in updates:
            match update:
                case TemplateUpdate():
                    events += await self._template(work, update)
                case PreferenceUpdate():
                    await self._aside(work, "user_preferences", "kept for the contacts context", update)
                case OtherUpdate(field=name, value=value):
                    await work.webhooks.set_aside(name, "not acted upon", bytes(value), now)
                case BadItem(where=where, reason=reason, raw=raw):
                    await work.webhooks.set_aside(where, reason, raw, now)
                case _:
                    pass
        await work.outbox.put(*events)

    async def _aside(
        self, work: Work, where: str, reason: str, update: StatusUpdate | TemplateUpdate | PreferenceUpdate
    ) -> None:
        await work.webhooks.set_aside(where, reason, bytes(update.raw), self.now())

    async def _statuses(self, work: Work, updates: Sequence[StatusUpdate]) -> None:
        """Merge reports: all of one message in one go, matched by attempt first and by wamid otherwise."""
        if not updates:
            return
        attempt_of = {id(u): parse_callback_data(u.callback_data) for u in updates}
        attempts = [a for a in attempt_of.values() if a is not None]
        found = await work.messages.of_attempts(list(dict.fromkeys(attempts)))
        found = [*found, *await work.messages.of_wamids(list(dict.fromkeys(u.wamid for u in updates)))]
        by_attempt = {m.attempt_id: m.id for m in found if m.attempt_id is not None}
        by_wamid = {m.wamid: m.id for m in found if m.wamid is not None}
        rows: dict[MessageId, Message] = {m.id: m for m in found}
        before = dict(rows)
        stray: list[StatusUpdate] = []
        for update in updates:
            attempt = attempt_of[id(update)]
            target = by_attempt.get(attempt) if attempt is not None else None
            target = target or by_wamid.get(update.wamid)
            if target is None:
                stray.append(update)
            else:
                rows[target] = _heard(rows[target], update)
        changed = [row for key, row in rows.items() if row.version != before[key].version]
        await work.messages.save(changed)
        await work.outbox.put(*moved_events(changed, self.now()))
        await self._stray(work, stray, attempt_of)

    async def _stray(
        self, work: Work, stray: Sequence[StatusUpdate], attempt_of: dict[int, AttemptId | None]
    ) -> None:
        """Reports of nobody: of an attempt we thought had failed, or faster than what they speak of."""
        ours = [a for u in stray if (a := attempt_of[id(u)]) is not None]
        ended = await work.messages.known_attempts(ours)
        parked: list[Parked] = []
        for update in stray:
            if attempt_of[id(update)] in ended:
                await work.webhooks.count_stray("status_of_ended_attempt")
            elif update.status in REPORTED:
                parked.append(_parked(update))
            else:
                await self._aside(work, "statuses", f"unknown status {update.status!r}", update)
        await work.webhooks.park(parked)

    async def _inbound(self, work: Work, updates: Sequence[InboundUpdate]) -> None:
        if not updates:
            return
        numbers = {
            n.phone_number_id: n for n in await work.numbers.find({u.phone_number_id for u in updates})
        }
        for update in updates:
            if update.phone_number_id not in numbers:
                await work.webhooks.set_aside(
                    f"messages of {update.phone_number_id}",
                    "no organisation has this number",
                    bytes(update.raw),
                    self.now(),
                )
        heard = [
            self._as_inbound(update, numbers[update.phone_number_id])
            for update in updates
            if update.phone_number_id in numbers
        ]
        new = await work.conversations.hear(heard)
        await work.outbox.put(*(_received(message) for message in new))

    def _as_inbound(self, update: InboundUpdate, number: Number) -> Inbound:
        sender = Phone(f"+{update.sender}") if update.sender else None
        return Inbound(
            id=MessageId(self.new_id()),
            organization_id=number.organization_id,
            phone_number_id=update.phone_number_id,
            wamid=update.wamid,
            person=person_key(sender or Phone(update.sender_user_id or update.wamid)),
            sender=sender,
            sender_user_id=update.sender_user_id,
            profile_name=update.profile_name[:200],
            kind=update.kind,
            text=update.text,
            payload=update.payload[:512],
            reply_to=update.reply_to,
            raw=bytes(update.raw).decode(errors="replace"),
            at=update.at,
        )

    async def _template(self, work: Work, update: TemplateUpdate) -> Iterable[Event]:
        number = await work.numbers.of_waba(update.waba_id)
        if number is None:
            await self._aside(work, "message_template_status_update", "no organisation has this WABA", update)
            return []
        return [
            TemplateReported(
                organization_id=number.organization_id,
                waba_id=update.waba_id,
                meta_template_id=update.meta_template_id,
                name=update.name,
                language=update.language,
                event=update.event,
                reason=update.reason,
                at=update.at,
            )
        ]


def _heard(message: Message, update: StatusUpdate) -> Message:
    fact = REPORTED.get(update.status)
    if fact is None:
        return message
    error = update.error
    return message.hear(
        fact,
        update.at,
        wamid=update.wamid,
        code=error.code if error else None,
        reason=(error.details or error.title) if error else None,
    )


def _parked(update: StatusUpdate) -> Parked:
    error = update.error
    return Parked(
        wamid=update.wamid,
        status=REPORTED[update.status].value,
        at=update.at,
        code=error.code if error else None,
        reason=(error.details or error.title) if error else None,
    )


def _received(message: Inbound) -> MessageReceived:
    return MessageReceived(
        organization_id=message.organization_id,
        message_id=message.id,
        wamid=message.wamid,
        phone_number_id=message.phone_number_id,
        sender=message.sender,
        sender_user_id=message.sender_user_id,
        profile_name=message.profile_name,
        kind=message.kind,
        text=message.text,
        at=message.at,
    )
