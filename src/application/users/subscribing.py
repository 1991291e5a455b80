"""What an organisation does with its subscriptions."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import asdict, replace

from tidings.application.auditing import Told, difference
from tidings.application.ports.common import NewId, NewSecret, Now
from tidings.application.ports.users import Begin, Sealer, Work
from tidings.application.ports.users.subscriptions import SealedSecrets
from tidings.application.users.delivering import place_of
from tidings.application.users.journal import Journal
from tidings.domain.errors import Fault, Invalid
from tidings.domain.kernel import Actor, Page, Permission
from tidings.domain.users.subscriptions import (
    MOST,
    OLD_SECRET,
    TEST,
    Delivery,
    DeliveryId,
    Standing,
    State,
    Subscription,
    SubscriptionId,
    TooManySubscriptions,
    check_subscription,
)

_UNTOLD = ("failures", "failing_since", "resting_until", "last_error")


class NewSubscription(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """An endpoint to tell, and of what: `message.delivered`, `message.*` or `*`."""

    url: str
    events: Sequence[str]
    description: str = ""


class SubscriptionChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What becomes different; what is not mentioned stays. `active` also wakes a disabled one."""

    url: str | UnsetType = UNSET
    events: Sequence[str] | UnsetType = UNSET
    description: str | UnsetType = UNSET
    active: bool | UnsetType = UNSET


class Span(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A span of time: `since` is in it, `until` is not."""

    since: datetime
    until: datetime


class Replayed(Struct, frozen=True, kw_only=True, rename="camel"):
    """How many events are told again."""

    deliveries: int


class SubscriptionMade(Subscription, frozen=True, kw_only=True, rename="camel"):
    """A subscription with the secret that signs for it: it is shown this once."""

    secret: str


@dataclass(frozen=True, slots=True)
class Subscriptions:
    begin: Begin
    read: Begin
    sealer: Sealer
    journal: Journal
    now: Now
    new_id: NewId
    new_secret: NewSecret
    private: bool = False
    """Whether endpoints may lie in one's own network."""

    async def add(self, actor: Actor, new: NewSubscription) -> SubscriptionMade:
        """Raise BadSubscription, TooManySubscriptions."""
        organization = actor.require(Permission.SUBSCRIPTIONS_WRITE)
        check_subscription(new.url, new.events, private=self.private)
        now, secret = self.now(), self._secret()
        subscription = Subscription(
            id=SubscriptionId(self.new_id()),
            organization_id=organization,
            url=new.url,
            events=tuple(dict.fromkeys(new.events)),
            description=new.description[:500],
            created_at=now,
            updated_at=now,
        )
        sealed = SealedSecrets(current=self.sealer.seal(secret, place_of(subscription.id)))
        async with self.begin() as work:
            if len(await work.subscriptions.of([organization])) >= MOST:
                raise TooManySubscriptions()
            await work.subscriptions.add(subscription, sealed)
            await self._note(work, actor, "created", subscription, difference(None, subscription))
        return SubscriptionMade(**asdict(subscription), secret=secret)

    async def all(self, actor: Actor) -> Sequence[Subscription]:
        """Oldest first."""
        organization = actor.require(Permission.SUBSCRIPTIONS_READ)
        async with self.read() as look:
            return await look.subscriptions.of([organization])

    async def get(self, actor: Actor, id: SubscriptionId) -> Subscription:
        """Raise SubscriptionNotFound."""
        organization = actor.require(Permission.SUBSCRIPTIONS_READ)
        async with self.read() as look:
            return await look.subscriptions.get(organization, id)

    async def change(self, actor: Actor, id: SubscriptionId, change: SubscriptionChange) -> Subscription:
        """Raise SubscriptionNotFound, BadSubscription."""
        organization = actor.require(Permission.SUBSCRIPTIONS_WRITE)
        async with self.begin() as work:
            before = await work.subscriptions.get(organization, id)
            after = replace(
                before,
                url=before.url if change.url is UNSET else change.url,
                events=before.events if change.events is UNSET else tuple(dict.fromkeys(change.events)),
                description=before.description if change.description is UNSET else change.description[:500],
                updated_at=self.now(),
            )
            if change.active is not UNSET:
                after = replace(after.took(), state=Standing.ACTIVE if change.active else Standing.PAUSED)
            check_subscription(after.url, after.events, private=self.private)
            await work.subscriptions.save(after)
            told = difference(before, after, untold=_UNTOLD)
            await self._note(work, actor, "changed", after, told)
        return after

    async def remove(self, actor: Actor, id: SubscriptionId) -> None:
        """With what waits for it. Raise SubscriptionNotFound."""
        organization = actor.require(Permission.SUBSCRIPTIONS_WRITE)
        async with self.begin() as work:
            before = await work.subscriptions.get(organization, id)
            await work.subscriptions.remove(organization, id)
            await self._note(work, actor, "removed", before, difference(before, None, untold=_UNTOLD))

    async def rotate(self, actor: Actor, id: SubscriptionId) -> SubscriptionMade:
        """A new secret; the old one signs as well for a day. Raise SubscriptionNotFound."""
        organization = actor.require(Permission.SUBSCRIPTIONS_WRITE)
        secret = self._secret()
        async with self.begin() as work:
            subscription = await work.subscriptions.get(organization, id)
            known = await work.subscriptions.find([id])
            secrets = SealedSecrets(
                current=self.sealer.seal(secret, place_of(id)),
                previous=known[id][1].current,
                previous_until=self.now() + OLD_SECRET,
            )
            await work.subscriptions.put_secrets(id, secrets)
            await self._note(work, actor, "secret_rotated", subscription, Told())
        return SubscriptionMade(**asdict(subscription), secret=secret)

    async def try_out(self, actor: Actor, id: SubscriptionId) -> Delivery:
        """Tell it a `subscription.test`, whatever else it wants to hear. Raise SubscriptionNotFound."""
        organization = actor.require(Permission.SUBSCRIPTIONS_WRITE)
        now, event = self.now(), self.new_id()
        said = {"id": event, "type": TEST, "timestamp": now, "data": {"subscriptionId": id}}
        delivery = Delivery(
            id=DeliveryId(self.new_id()),
            subscription_id=id,
            organization_id=organization,
            event_id=event,
            type=TEST,
            key=TEST,
            body=msgspec.json.encode(said).decode(),
            at=now,
            next_attempt_at=now,
        )
        async with self.begin() as work:
            subscription = await work.subscriptions.get(organization, id)
            await work.deliveries.add([delivery])
            await self._note(work, actor, "tried_out", subscription, Told())
        return delivery

    async def deliveries(
        self,
        actor: Actor,
        id: SubscriptionId,
        *,
        state: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[Delivery]:
        """What it was and will be told, newest first. Raise SubscriptionNotFound, Invalid."""
        organization = actor.require(Permission.SUBSCRIPTIONS_READ)
        if state is not None and state not in list(State):
            message = f"must be one of {', '.join(State)}"
            raise Invalid("", Fault(field="state", rule="choice", message=message))
        wanted = None if state is None else State(state)
        async with self.read() as look:
            await look.subscriptions.get(organization, id)
            return await look.deliveries.page(id, state=wanted, cursor=cursor, limit=limit)

    async def replay(self, actor: Actor, id: SubscriptionId, span: Span) -> Replayed:
        """Tell what happened in a span of time again, with the ids it had. Raise SubscriptionNotFound."""
        organization = actor.require(Permission.SUBSCRIPTIONS_WRITE)
        if span.until <= span.since:
            raise Invalid("", Fault(field="until", rule="order", message="must be later than since"))
        async with self.begin() as work:
            subscription = await work.subscriptions.get(organization, id)
            done = Replayed(deliveries=await work.deliveries.again(id, span.since, span.until, self.now()))
            await self._note(work, actor, "replayed", subscription, difference(None, span))
        return done

    async def again(self, actor: Actor, id: SubscriptionId, delivery: DeliveryId) -> Replayed:
        """Tell one event again. Raise SubscriptionNotFound, DeliveryNotFound."""
        organization = actor.require(Permission.SUBSCRIPTIONS_WRITE)
        async with self.begin() as work:
            subscription = await work.subscriptions.get(organization, id)
            found = await work.deliveries.get(id, delivery)
            back = replace(found, state=State.PENDING, attempts=0, next_attempt_at=self.now())
            await work.deliveries.save(back)
            await self._note(work, actor, "replayed", subscription, Told(after={"delivery": str(delivery)}))
        return Replayed(deliveries=1)

    def _secret(self) -> str:
        return "whsec_" + base64.b64encode(self.new_secret().encode()).decode()

    async def _note(self, work: Work, by: Actor, did: str, subscription: Subscription, told: Told) -> None:
        await self.journal.note(
            work, by, f"subscription:{did}", subscription.id, before=told.before, after=told.after
        )
