"""An endpoint that is down, slow or gone: everything comes later, in order for each conversation (F19)."""

import asyncio
import random
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import uuid4

import pytest
from msgspec.structs import replace

from tests.application.test_users_world import Clock
from tests.servers import ENGINES, server_of
from tidings.adapters.embedded.sqlite import sqlite_database
from tidings.adapters.embedded.system import uuid7
from tidings.adapters.mysql.users import metadata, users_in
from tidings.adapters.security import AesSealer
from tidings.application.ports.users.subscriptions import CourierAnswer, SealedSecrets
from tidings.application.users.delivering import HELD, Deliverer, place_of
from tidings.application.users.publishing import Publisher
from tidings.domain.events import ContactErased, ContactOptedOut, ConversationMoved
from tidings.domain.kernel import ContactId, ConversationId, OrganizationId, PersonKey, PhoneNumberId
from tidings.domain.users.subscriptions import (
    GIVEN_UP,
    OLD_SECRET,
    Standing,
    State,
    Subscription,
    SubscriptionId,
    SubscriptionNotFound,
    signatures,
)

pytestmark = pytest.mark.anyio
SECRET = "whsec_c2VjcmV0"


@dataclass
class Endpoints:
    """The Courier port: what came to each address, in order, and which are away."""

    took: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    headers: list[dict[str, str]] = field(default_factory=list)
    away: set[str] = field(default_factory=set)
    slow: asyncio.Event | None = None
    tries: int = 0
    at_once: int = 0
    most_at_once: int = 0

    async def bring(self, url, headers, body):
        self.tries += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if self.slow is not None:
                await self.slow.wait()
            else:
                await asyncio.sleep(0)
        finally:
            self.at_once -= 1
        if url in self.away:
            return CourierAnswer(status=503, error="not now")
        self.took[url].append(headers["webhook-id"])
        self.headers.append(dict(headers) | {"body": body.decode()})
        return CourierAnswer(status=204)


class Post:
    """The tables, and everything between an event and an endpoint."""

    def __init__(self, database) -> None:
        self.database = database
        self.clock, self.endpoints = Clock(), Endpoints()
        self.begin, self.read = users_in(database, now=self.clock, new_id=uuid7)
        self.sealer = AesSealer(["s" * 40])
        self.publisher = Publisher(self.begin, self.read, self.clock, uuid7)
        self.us = OrganizationId(uuid4())
        self.told: dict[str, list[str]] = defaultdict(list)

    def deliverer(self) -> Deliverer:
        return Deliverer(self.begin, self.endpoints, self.sealer, self.clock)

    async def subscribe(self, url="https://shop.example.com/hook", events=("conversation.*",), us=None):
        id = SubscriptionId(uuid7())
        now = self.clock()
        new = Subscription(
            id=id,
            organization_id=us or self.us,
            url=url,
            events=events,
            created_at=now,
            updated_at=now,
        )
        secrets = SealedSecrets(current=self.sealer.seal(SECRET, place_of(id)))
        async with self.begin() as work:
            await work.subscriptions.add(new, secrets)
        return new

    def event(self, conversation):
        event = ConversationMoved(
            organization_id=self.us,
            conversation_id=conversation,
            phone_number_id=PhoneNumberId("77"),
            what="replied",
            stage="open",
            handler="people",
            at=self.clock(),
        )
        return uuid7(), event

    async def happen(self, conversations, count):
        """So many events of each conversation, as one batch."""
        events = [self.event(each) for _ in range(count) for each in conversations]
        for id, event in events:
            self.told[str(event.conversation_id)].append(str(id))
        await self.publisher.hear(events)
        return events

    async def deliver(self, deliverer=None):
        """Everything that is due now."""
        deliverer = deliverer or self.deliverer()
        while await deliverer.start():
            await deliverer.settle()

    async def pass_(self, **time):
        """Time in portions in which the deliverer looks."""
        end = self.clock() + timedelta(**time)
        while self.clock() < end:
            self.clock.pass_(minutes=5)
            await self.deliver()

    async def page(self, subscription, state=None):
        async with self.read() as look:
            found = await look.deliveries.page(subscription.id, state=state, cursor=None, limit=200)
        return found.items

    async def get(self, subscription):
        async with self.read() as look:
            return await look.subscriptions.get(self.us, subscription.id)

    def in_order(self, url="https://shop.example.com/hook"):
        """Of each conversation its events as they happened, each once."""
        came = self.endpoints.took[url]
        for ids in self.told.values():
            assert [each for each in came if each in set(ids)] == ids
        assert sorted(came) == sorted(id for ids in self.told.values() for id in ids)


@pytest.fixture(params=ENGINES)
async def post(request, tmp_path):
    if request.param == "sqlite":
        database = sqlite_database(tmp_path / "users.db")
    else:
        database = server_of(request).database("subscriptions")
    await database.create(metadata)
    yield Post(database)
    await database.close()


@pytest.fixture
def conversations():
    return [ConversationId(uuid4()) for _ in range(4)]


async def test_an_endpoint_that_was_down_for_an_hour_gets_everything_in_order(post, conversations):
    """F19."""
    shop = await post.subscribe()
    post.endpoints.away.add(shop.url)
    for _ in range(6):
        await post.happen(conversations, 3)
        await post.pass_(minutes=10)
    assert post.endpoints.took[shop.url] == []
    failing = await post.get(shop)
    assert (failing.state, failing.last_error) == (Standing.ACTIVE, "not now")
    # A first try a minute at most, not one for each event that waits.
    assert post.endpoints.tries < 200
    post.endpoints.away.clear()
    await post.pass_(hours=2)
    post.in_order()
    assert not await post.page(shop, State.PENDING)
    assert (await post.get(shop)).failures == 0


async def test_one_that_is_down_holds_up_no_other(post, conversations):
    down, up = (
        await post.subscribe("https://down.example.com/"),
        await post.subscribe("https://up.example.com/"),
    )
    post.endpoints.away.add(down.url)
    await post.happen(conversations, 20)
    await post.deliver()
    post.in_order(up.url)


async def test_a_slow_one_has_a_few_on_their_way_and_the_others_theirs(post):
    slow = await post.subscribe()
    post.endpoints.slow = asyncio.Event()
    await post.happen([ConversationId(uuid4()) for _ in range(50)], 1)
    deliverer = post.deliverer()
    await deliverer.start()
    await asyncio.sleep(0)
    assert post.endpoints.most_at_once == 16
    post.endpoints.slow.set()
    await deliverer.settle()
    post.endpoints.slow = None
    await post.deliver(deliverer)
    post.in_order(slow.url)


async def test_what_is_told_twice_is_brought_once(post, conversations):
    shop = await post.subscribe()
    events = await post.happen(conversations, 2)
    await post.publisher.hear(events)
    await post.publisher.hear(events[3:] + events[:3])
    await post.deliver()
    post.in_order(shop.url)


async def test_of_two_processes_each_brings_its_own(post, conversations):
    shop = await post.subscribe()
    await post.happen(conversations, 10)
    pair = [post.deliverer(), post.deliverer()]
    while sum(await asyncio.gather(*(each.start() for each in pair))):
        await asyncio.gather(*(each.settle() for each in pair))
    post.in_order(shop.url)


async def test_who_dies_with_a_delivery_is_replaced_and_the_event_keeps_its_id(post, conversations):
    shop = await post.subscribe()
    await post.happen(conversations[:1], 3)
    async with post.begin() as work:
        now = post.clock()
        # Claimed by a process that then died, after its call or before it.
        (claimed,) = await work.deliveries.claim(now, now + HELD, limit=10, each=16)
    await post.deliver()
    assert post.endpoints.took[shop.url] == []
    post.clock.pass_(seconds=HELD.total_seconds() + 1)
    await post.deliver()
    post.in_order()
    assert post.endpoints.took[shop.url][0] == str(claimed.event_id)


@pytest.mark.parametrize("seed", range(5))
async def test_whatever_fails_the_order_of_a_conversation_stays(post, conversations, seed):
    shop, chance = await post.subscribe(), random.Random(seed)
    for _ in range(40):
        if chance.random() < 0.5:
            await post.happen(chance.sample(conversations, 2), chance.randint(1, 3))
        post.endpoints.away = {shop.url} if chance.random() < 0.5 else set()
        post.clock.pass_(seconds=chance.choice([1, 10, 300]))
        await post.deliver()
    post.endpoints.away = set()
    await post.pass_(hours=5)
    post.in_order()


async def test_after_three_days_of_nothing_it_is_given_up_and_can_be_had_again(post, conversations):
    shop = await post.subscribe()
    post.endpoints.away.add(shop.url)
    began = post.clock()
    await post.happen(conversations, 1)
    while (await post.get(shop)).state is Standing.ACTIVE:
        post.clock.pass_(hours=3)
        await post.deliver()
    assert GIVEN_UP <= post.clock() - began < GIVEN_UP + timedelta(hours=24)
    post.endpoints.away.clear()
    await post.deliver()
    assert post.endpoints.took[shop.url] == []
    async with post.begin() as work:
        found = await work.subscriptions.get(post.us, shop.id)
        await work.subscriptions.save(replace(found.took(), state=Standing.ACTIVE))
        now = post.clock()
        again = await work.deliveries.again(shop.id, began - timedelta(hours=1), now, now)
    assert again == len([each for each in await post.page(shop) if each.state is State.PENDING])
    await post.pass_(hours=1)
    post.in_order()


async def test_an_old_secret_signs_for_a_day_more(post, conversations):
    shop = await post.subscribe()
    sealed = [post.sealer.seal(each, place_of(shop.id)) for each in ("whsec_bmV3", SECRET)]
    until = post.clock() + OLD_SECRET
    async with post.begin() as work:
        secrets = SealedSecrets(current=sealed[0], previous=sealed[1], previous_until=until)
        await work.subscriptions.put_secrets(shop.id, secrets)
    for signed_by in (("whsec_bmV3", SECRET), ("whsec_bmV3",)):
        (id, _), *_ = await post.happen(conversations[:1], 1)
        at = post.clock()
        await post.deliver()
        last = post.endpoints.headers[-1]
        assert last["webhook-signature"] == signatures(signed_by, id, at, last["body"].encode())
        post.clock.pass_(hours=25)


async def test_each_organisation_hears_of_its_own(post, conversations):
    other = OrganizationId(uuid4())
    theirs = await post.subscribe("https://other.example.com/", us=other)
    await post.happen(conversations, 2)
    await post.deliver()
    assert post.endpoints.took[theirs.url] == []
    async with post.read() as look:
        with pytest.raises(SubscriptionNotFound):
            await look.subscriptions.get(post.us, theirs.id)


async def test_a_subscription_that_is_removed_takes_its_line_with_it(post, conversations):
    shop = await post.subscribe()
    await post.happen(conversations, 2)
    async with post.begin() as work:
        await work.subscriptions.remove(post.us, shop.id)
    await post.deliver()
    assert (post.endpoints.tries, await post.page(shop)) == (0, [])


async def test_what_says_something_of_an_erased_person_is_in_no_line_any_more(post):
    """S18: waiting or delivered, by contact and by number; what concerns others stays."""
    shop = await post.subscribe(events=("*",))
    ada, bea = ContactId(uuid4()), ContactId(uuid4())
    opted = [
        (uuid7(), ContactOptedOut(organization_id=post.us, contact_id=each, source="form", at=post.clock()))
        for each in (ada, bea)
    ]
    await post.publisher.hear(opted)
    await post.deliver()
    await post.publisher.hear([(uuid7(), replace(event)) for _, event in opted])
    erased = ContactErased(
        organization_id=post.us, contact_id=ada, people=(PersonKey("447700900123"),), at=post.clock()
    )
    await post.publisher.forget([(uuid7(), erased)])
    left = await post.page(shop)
    assert {each.key for each in left} == {str(bea)}
    assert len(left) == 2
