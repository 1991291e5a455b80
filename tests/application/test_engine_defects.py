"""Defects that were found in the sending engine by reading it, each held by a test."""

import asyncio
from contextlib import asynccontextmanager
from uuid import uuid4

import msgspec
import pytest
from msgspec.structs import replace
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from tidings.adapters.mysql.engine import Database, DatabaseUnavailable
from tidings.adapters.mysql.whatsapp import tables
from tidings.adapters.mysql.whatsapp.messages import SqlDue
from tidings.application.campaigns import running
from tidings.application.ports.gateway import Rejected, Verdict
from tidings.application.whatsapp.admission import Admission
from tidings.application.whatsapp.hearing import Webhooks
from tidings.application.whatsapp.lines import Lines
from tidings.application.whatsapp.saying import NewMessage
from tidings.domain.campaigns import State, WrongState
from tidings.domain.errors import Unavailable
from tidings.domain.events import ConnectedNumber, ContactErased, WabaConnected
from tidings.domain.kernel import Phone, PhoneNumberId
from tidings.domain.whatsapp.content import Template
from tidings.domain.whatsapp.numbers import Lease
from tidings.testing.meta import NUMBER, WABA
from tidings.testing.world import World

pytestmark = pytest.mark.anyio


@pytest.fixture
async def make_world(tmp_path):
    made = []

    async def make(**how):
        world = World.on_sqlite(tmp_path, **how)
        made.append(world)
        await world.start()
        return world

    yield make
    for world in made:
        await world.close()


@pytest.fixture
async def world(make_world):
    return await make_world()


async def totals(world, campaign):
    report = await world.reports.report(world.actor, campaign.id)
    assert report.consistent
    return report.totals


async def rows(world, table):
    async with world.whatsapp.reading() as connection:
        return (await connection.execute(select(func.count()).select_from(table))).scalar_one()


async def test_who_is_refused_for_now_after_a_cancel_is_skipped_and_not_forgotten(world):
    held = Held(world)
    campaign = await world.launch()
    await world.turn()
    await world.turn()
    assert held.calls == 20
    await world.campaigns.cancel(world.actor, campaign.id)
    held.release.set()
    await world.settle(10)
    after = await totals(world, campaign)
    assert (after.pending, after.skipped) == (0, 20)


class Held:
    """A Meta that keeps every call waiting, and then refuses for now."""

    def __init__(self, world):
        self.release, self.calls = asyncio.Event(), 0
        world.meta.send = self.send

    async def send(self, message):
        self.calls += 1
        await self.release.wait()
        return Rejected(code=131016, verdict=Verdict.RETRY, wait=1.0)


def database_that_says(code, words):
    class Orig(Exception):
        pass

    @asynccontextmanager
    async def begin():
        raise OperationalError("UPDATE x", {}, Orig(code, words))
        yield

    class Engine:
        pass

    engine = Engine()
    engine.begin = begin
    engine.connect = begin
    return Database(engine, engine)


@pytest.mark.parametrize(
    "said",
    [
        (1213, "Deadlock found when trying to get lock; try restarting transaction"),
        (1205, "Lock wait timeout exceeded; try restarting transaction"),
        (2006, "MySQL server has gone away (ConnectionResetError)"),
        (2013, "Lost connection to MySQL server during query"),
        (1290, "The MySQL server is running with the --read-only option so it cannot execute this statement"),
        (1053, "Server shutdown in progress"),
        (1040, "Too many connections"),
    ],
)
async def test_what_a_database_says_in_passing_is_unavailable_and_so_is_tried_again(said):
    database = database_that_says(*said)
    with pytest.raises(DatabaseUnavailable):
        async with database.begin():
            pass


async def test_a_consent_that_breaks_leaves_nobody_in_sending(world):
    campaign = await world.launch()
    await world.plan()
    honest = world.consent.blocked

    async def broken(organization, contacts):
        raise RuntimeError("a bug in contacts")

    world.consent.blocked = broken
    world.clock.seconds += 1.0
    await world.beat()
    world.clock.seconds += 1.0
    await world.beat()
    world.consent.blocked = honest
    await world.settle(10)
    assert (await totals(world, campaign)).read == 20


async def test_a_body_that_breaks_us_takes_no_other_body_with_it(world, monkeypatch):
    """Between failing and setting aside, another process may have applied the body that broke us."""
    await world.launch()
    await world.turn()
    await world.turn()
    good = world.meta.owed[:3]
    await world.webhook(good[:1])
    await world.webhook(good[1:])
    broken = 0

    async def breaks(self, work, updates):
        nonlocal broken
        broken += 1
        raise RuntimeError("a bug")

    begin = world.webhooks.begin

    @asynccontextmanager
    async def meanwhile():
        if broken == 2:
            async with begin() as work:
                first, *_ = await work.webhooks.waiting(10)
                await work.webhooks.applied([first[0]])
        async with begin() as work:
            yield work

    world.webhooks.begin = meanwhile
    monkeypatch.setattr(Webhooks, "_apply", breaks)
    await world.webhooks.apply()
    assert broken == 2
    assert await rows(world, tables.set_aside) == 0
    assert await rows(world, tables.webhooks) == 1


async def test_a_lease_that_was_undone_is_not_renewed_in_the_name_of_its_next_owner(world):
    ports = world.sender.ports
    taken_back: list[Lease] = []

    async def take_and_fail():
        async with ports.begin() as work:
            taken_back.append(await work.leases.take("webhooks", "one", seconds=10))
            raise RuntimeError("rolled back")

    with pytest.raises(RuntimeError):
        await take_and_fail()
    (undone,) = taken_back
    async with ports.begin() as work:
        taken = await work.leases.take("webhooks", "two", seconds=10)
        assert taken.epoch == undone.epoch
        assert not await work.leases.renew(undone, seconds=10)
        await work.leases.release(undone)
        assert await work.leases.holder("webhooks") == "two"


async def test_of_bodies_that_stand_together_only_the_one_that_breaks_us_is_set_aside(world, monkeypatch):
    campaign = await world.launch()
    for _ in range(3):
        await world.turn()
    owed, world.meta.owed = world.meta.owed, []
    bodies = [msgspec.json.encode([each]) for each in owed]
    bad, honest = owed[1], Webhooks._apply

    async def breaks(self, work, updates):
        if any((each.wamid, each.status) == (bad.wamid, bad.status) for each in updates):
            raise RuntimeError("a bug")
        await honest(self, work, updates)

    monkeypatch.setattr(Webhooks, "_apply", breaks)
    async with world.sender.ports.begin() as work:
        await work.webhooks.append(bodies, world.clock.now())
        assert len({id for id, _ in await work.webhooks.waiting(200)}) == 1
    for _ in range(2 * len(bodies)):
        await world.webhooks.apply()
    async with world.sender.ports.begin() as work:
        assert await work.webhooks.waiting(200) == []
        assert [each.raw for each in await work.webhooks.kept_aside(10)] == [bodies[1]]
    await world.settle(3)
    assert (await totals(world, campaign)).read == 20


async def test_webhooks_are_applied_in_portions_that_fit_into_memory(world):
    async with world.sender.ports.begin() as work:
        await work.webhooks.append([b"x" * 3_000_000] * 5, world.clock.now())
        assert 1 <= len(await work.webhooks.waiting(200)) <= 2
        ids = [id for id, _ in await work.webhooks.waiting(200)]
        await work.webhooks.applied(ids)
        assert ids[0] not in [id for id, _ in await work.webhooks.waiting(200)]


async def test_who_waits_for_a_later_try_keeps_nobody_else_from_being_handed_over(make_world, monkeypatch):
    monkeypatch.setattr(running, "AHEAD", 10)
    world = await make_world(count=30)
    later = Rejected(code=131049, verdict=Verdict.RETRY, wait=86400.0, max_attempts=2)
    world.meta.answers = [later] * 10
    campaign = await world.launch()
    await world.settle(30)
    after = await totals(world, campaign)
    assert (after.read, after.pending) == (20, 10)


async def test_people_are_read_ahead_once_and_read_again_when_that_failed(make_world, monkeypatch):
    monkeypatch.setattr(running, "PLANNED", 10)
    world = await make_world(count=35)
    campaign = await world.launch()
    honest, asked = world.audience.page, []

    async def page(organization, group, *, after, limit):
        asked.append(after)
        if len(asked) == 3:
            raise Unavailable("contacts do not answer")
        return await honest(organization, group, after=after, limit=limit)

    world.audience.page = page
    for _ in range(12):
        await world.runner.step()
    assert (await totals(world, campaign)).planned == 35
    again = [after for after in set(asked) if asked.count(after) > 1]
    assert (len(asked), len(again)) == (6, 1)
    assert world.runner.ahead == {}


async def test_one_campaign_that_cannot_go_on_does_not_hold_up_the_others(world):
    first = await world.launch()
    second = await world.launch()
    honest = world.audience.page
    asked = 0

    async def page(organization, group, *, after, limit):
        nonlocal asked
        asked += 1
        if asked == 1:
            raise Unavailable("contacts do not answer")
        return await honest(organization, group, after=after, limit=limit)

    world.audience.page = page
    with pytest.raises(Unavailable):
        await world.runner.step()
    assert (await totals(world, first)).planned == 0
    assert (await totals(world, second)).planned == 20


async def test_a_cancelled_campaign_cannot_be_deleted_before_its_line_has_stopped(world, monkeypatch):
    campaign = await world.launch()
    await world.plan()

    async def away(self, run):
        raise Unavailable("whatsapp does not answer")

    with monkeypatch.context() as patch:
        patch.setattr(Lines, "turn", away)
        with pytest.raises(Unavailable):
            await world.campaigns.cancel(world.actor, campaign.id)
    with pytest.raises(WrongState):
        await world.campaigns.remove(world.actor, campaign.id)
    await world.settle(5)
    assert world.meta.calls == 0
    await world.campaigns.remove(world.actor, campaign.id)


async def test_a_status_that_came_before_its_wamid_was_known_is_applied_when_it_is(world):
    """A report without our callback data, then one with it: both count, in one body and in two."""
    campaign = await world.launch()
    world.meta.answers = ["lost"] * 20
    await world.turn()
    await world.turn()
    by_wamid = {}
    for update in world.meta.owed:
        by_wamid.setdefault(update.wamid, {})[update.status] = update
    world.meta.owed = []
    for turn, updates in enumerate(by_wamid.values()):
        bare, full = replace(updates["read"], callback_data=None), updates["sent"]
        if turn % 2:
            await world.webhook([bare, full])
        else:
            await world.webhook([bare])
            await world.webhooks.apply()
            await world.webhook([full])
    await world.settle(5)
    assert (await totals(world, campaign)).read == 20


async def test_the_answers_of_a_stopping_lane_are_settled_although_the_database_stumbles(world):
    campaign = await world.launch()
    await world.plan()
    await world.beat()
    world.clock.seconds += 1.0
    await world.beat()
    assert world.meta.calls == 20
    sender = world.sender
    begin, stumbles = sender.ports.begin, [True]

    @asynccontextmanager
    async def once():
        if stumbles:
            stumbles.pop()
            raise DatabaseUnavailable("for a moment")
        async with begin() as work:
            yield work

    object.__setattr__(sender.ports, "begin", once)
    await sender.drain()
    object.__setattr__(sender.ports, "begin", begin)
    assert not sender.lanes
    assert not stumbles
    await world.relay()
    after = await totals(world, campaign)
    assert (after.accepted, after.sending) == (20, 0)


async def test_bodies_that_wait_behind_a_failed_write_are_not_left_hanging(world):
    inbox = world.webhooks.inbox
    inbox.largest = 1
    begin, bugs = inbox.begin, [True]

    @asynccontextmanager
    async def once():
        if bugs:
            bugs.pop()
            raise RuntimeError("a bug")
        async with begin() as work:
            yield work

    inbox.begin = once
    async with asyncio.timeout(5):
        first, second = await asyncio.gather(inbox.put(b"1"), inbox.put(b"2"), return_exceptions=True)
    assert isinstance(first, Unavailable)
    assert second is None


async def test_lines_of_finished_campaigns_cost_the_sender_nothing(world, monkeypatch):
    for _ in range(3):
        await world.launch()
        await world.settle(5)
    asked, honest = 0, SqlDue._due

    async def counted(self, *args):
        nonlocal asked
        asked += 1
        return await honest(self, *args)

    monkeypatch.setattr(SqlDue, "_due", counted)
    await world.sender.ports.due.messages({NUMBER: 10}, world.clock.now())
    assert asked == 1


async def test_a_lane_that_breaks_stops_no_other_lane(world, monkeypatch):
    told = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.append(context["exception"]))
    broken, honest = PhoneNumberId("310000000000209"), Admission._pairs

    def breaks(self, lines, now, clock):
        if any(line.number.phone_number_id == broken and line.messages for line in lines):
            raise RuntimeError("a bug")
        return honest(self, lines, now, clock)

    monkeypatch.setattr(Admission, "_pairs", breaks)
    numbers = tuple(
        ConnectedNumber(phone_number_id=each, display_phone_number="+44 20 7946 0958", messages_per_second=80)
        for each in (NUMBER, broken)
    )
    connected = WabaConnected(organization_id=world.actor.organization_id, waba_id=WABA, numbers=numbers)
    await world.messages.waba_connected(world.new_id(), connected)
    code = Template(name="code", language="en", category="AUTHENTICATION")
    for person, number in enumerate([broken, NUMBER, broken, NUMBER]):
        new = NewMessage(to=Phone(f"+44770090000{person}"), content=code, phone_number_id=number)
        await world.messages.send(world.actor, new)
    stop = asyncio.Event()
    sender = asyncio.create_task(world.sender.run(stop))
    for _ in range(100):
        world.clock.seconds += 0.05
        world.sender.ports.signal.wake()
        await asyncio.sleep(0.01)
    assert not sender.done()
    assert len(told) == 1
    assert broken not in world.sender.lanes
    assert sorted(message.to for message in world.meta.accepted) == ["+447700900001", "+447700900003"]
    stop.set()
    world.sender.ports.signal.wake()
    await sender
    assert not world.sender.lanes


async def test_a_message_that_comes_while_the_sender_looks_is_not_left_to_the_poll(world, monkeypatch):
    """Its wake-up comes after the lines were read, and before the sender waits for the next."""
    world.sender.options = replace(world.sender.options, poll=3600.0)
    code = Template(name="code", language="en", category="AUTHENTICATION")
    late, honest = ["+447700900001"], SqlDue.messages

    async def send(phone):
        new = NewMessage(to=Phone(phone), content=code, phone_number_id=NUMBER)
        await world.messages.send(world.actor, new)

    async def messages(self, wanted, now):
        found = await honest(self, wanted, now)
        if world.meta.accepted and late and not found.get(NUMBER):
            await send(late.pop())
        return found

    monkeypatch.setattr(SqlDue, "messages", messages)
    await send("+447700900000")
    stop = asyncio.Event()
    sender = asyncio.create_task(world.sender.run(stop))
    async with asyncio.timeout(30):
        while len(world.meta.accepted) < 2:
            world.clock.seconds += 0.01
            await asyncio.sleep(0.01)
    assert [message.to for message in world.meta.accepted] == ["+447700900000", "+447700900001"]
    stop.set()
    world.sender.ports.signal.wake()
    await sender


async def test_a_lease_is_its_owners_until_it_ends_or_its_owner_does(make_world):
    world = await make_world()

    async def take(owner, dead=()):
        async with world.sure_begin() as work:
            return await work.leases.take("lane", owner, seconds=10, dead=set(dead))

    first = await take("one")
    assert first is not None
    assert await take("two") is None
    assert await take("two", dead=["three"]) is None
    second = await take("two", dead=["one"])
    assert second is not None
    assert second.epoch > first.epoch
    world.clock.seconds += 11
    assert await take("three") is not None


async def test_a_campaign_is_not_done_while_somebody_waits_for_a_later_try(make_world):
    world = await make_world(count=2)
    campaign = await world.launch()
    world.meta.answers = [Rejected(code=131016, verdict=Verdict.RETRY, wait=600.0)]
    for _ in range(20):
        await world.turn()
    found = await world.campaigns.get(world.actor, campaign.id)
    assert (found.state, found.totals.pending) == (State.RUNNING, 1)
    world.clock.seconds += 100_000
    await world.settle()
    assert (await world.campaigns.get(world.actor, campaign.id)).state is State.COMPLETED


async def test_who_is_erased_while_the_sender_has_them_in_hand_is_not_written_to(make_world):
    world = await make_world(count=30, mps=20)
    await world.launch()
    while not (world.sender.lanes and next(iter(world.sender.lanes.values())).ready):
        await world.turn(0.05)
    (lane,) = world.sender.lanes.values()
    in_hand = lane.ready[-1]
    event = ContactErased(
        organization_id=world.actor.organization_id,
        contact_id=in_hand.contact_id,
        people=(in_hand.person,),
        at=world.clock.now(),
    )
    await world.desk.contact_erased(uuid4(), event)
    await world.settle()
    assert in_hand.to not in {message.to for message in world.meta.accepted}
    assert world.meta.calls == 29
