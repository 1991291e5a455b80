"""A small world under a test's control: the real use cases of whatsapp and campaigns on a real database.

Meta, the other contexts and time are played; crashing drops every object that lives in memory, and what is
in the database stays. With `Chaos` every call of a port may fail.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import msgspec

from tidings.adapters.embedded.signal import LocalSignal
from tidings.adapters.mysql import campaigns as campaign_tables
from tidings.adapters.mysql.campaigns import SqlActiveCampaigns, SqlLinkReader, campaigns_in
from tidings.adapters.mysql.engine import Database
from tidings.adapters.mysql.outbox import SqlOutboxReader
from tidings.adapters.mysql.whatsapp import tables as whatsapp_tables
from tidings.adapters.mysql.whatsapp.messages import SqlDue, SqlMessageReader
from tidings.adapters.mysql.whatsapp.work import whatsapp_in
from tidings.adapters.numbering import WorldZones
from tidings.adapters.peers.whatsapp import LocalLine
from tidings.adapters.sheets.writing import FileTables
from tidings.adapters.statistics import ScipyStatistics
from tidings.application.campaigns import (
    Campaigns,
    CampaignView,
    Crediting,
    Experimenting,
    Following,
    Links,
    NewCampaign,
    Planner,
    Rehearsal,
    Reports,
    Runner,
    Watch,
)
from tidings.application.ports.bus import unpacked
from tidings.application.ports.meta import InboundUpdate, StatusUpdate
from tidings.application.whatsapp.conversations import Conversations
from tidings.application.whatsapp.desk import Desk
from tidings.application.whatsapp.hearing import WebhookInbox, Webhooks
from tidings.application.whatsapp.lane import SenderOptions, SenderPorts
from tidings.application.whatsapp.lines import Lines
from tidings.application.whatsapp.policies import Policies
from tidings.application.whatsapp.saying import Messages
from tidings.application.whatsapp.sender import Sender
from tidings.domain.campaigns import Fill
from tidings.domain.errors import Unavailable
from tidings.domain.events import AnyEvent, ConnectedNumber, MessagesMoved, RunHalted, WabaConnected
from tidings.domain.kernel import Actor, OrganizationId, PhoneNumberId, Role, TemplateId, UserId, Wamid
from tidings.testing.clock import Clock, Ids
from tidings.testing.faults import Chaos, Killed, unless_killed
from tidings.testing.inline import database_with
from tidings.testing.meta import NUMBER, WABA, FakeMeta, JsonReader, numbers_of
from tidings.testing.neighbours import (
    FakeAudience,
    FakeConsent,
    FakeDesks,
    FakeMedia,
    FakeOwners,
    FakeReceipts,
    FakeTemplates,
    people,
)
from tidings.testing.punctual import Called, Punctual

BASE_URL = "https://tidings.example"
LEASE_AND_MORE = 30.0
"""Seconds in which every lease ends."""


@dataclass(frozen=True)
class Calm:
    """Use cases without any fault, for who looks at a world from outside."""

    campaigns: Campaigns
    reports: Reports


class World:
    """Two contexts with everything around them."""

    def __init__(
        self,
        whatsapp: Database,
        campaigns: Database,
        count: int = 20,
        mps: int = 1000,
        *,
        seed: int = 0,
        chaos: Chaos | None = None,
        numbers: int = 1,
    ) -> None:
        self.clock = Clock()
        self.new_id = new_id = Ids(seed)
        self.chance = Random(seed)
        self.chaos = chaos or Chaos()
        self.whatsapp = whatsapp
        self.campaigns_db = campaigns
        self.meta = FakeMeta(self.clock, new_id)
        self.audience = FakeAudience(people(count, new_id))
        self.templates = FakeTemplates()
        self.consent = FakeConsent()
        self.desks = FakeDesks()
        self.receipts = FakeReceipts()
        self.media = FakeMedia()
        self.actor = Actor(
            user_id=UserId(new_id()), organization_id=OrganizationId(new_id()), role=Role.OWNER
        )
        self.mps, self.numbers = mps, numbers_of(numbers)
        # Of several numbers a campaign has to name those from which it leaves.
        self.several = self.numbers if numbers > 1 else ()
        self.dead: set[str] = set()
        self.crashes = 0
        self.called = Called()

    @classmethod
    def on_sqlite(cls, folder: Path, count: int = 20, mps: int = 1000, **more: Any) -> "World":
        """A world of so many people on files in this folder; its numbers send so many messages a second."""
        whatsapp = database_with(folder / "whatsapp.db", whatsapp_tables.metadata)
        campaigns = database_with(folder / "campaigns.db", campaign_tables.metadata)
        return cls(whatsapp, campaigns, count, mps, **more)

    async def start(self) -> None:
        """Make the tables, and connect the numbers."""
        asyncio.get_running_loop().set_exception_handler(unless_killed)
        await self.whatsapp.create(whatsapp_tables.metadata)
        await self.campaigns_db.create(campaign_tables.metadata)
        self.boot()
        numbers = tuple(
            ConnectedNumber(
                phone_number_id=each, display_phone_number="+44 20 7946 0958", messages_per_second=self.mps
            )
            for each in self.numbers
        )
        connected = WabaConnected(organization_id=self.actor.organization_id, waba_id=WABA, numbers=numbers)
        await self.messages.waba_connected(self.new_id(), connected)

    def boot(self) -> None:
        """Make every object that lives in memory."""
        owners = FakeOwners(f"process-{self.crashes}", self.dead)
        signal = LocalSignal()
        chaos = self.chaos
        chaos.stall = self._stall
        self.sure_begin, sure_read = whatsapp_in(self.whatsapp, now=self.clock.now, new_id=self.new_id)
        sure_reader = SqlMessageReader(self.whatsapp)
        begin = chaos.transactions("whatsapp", self.sure_begin)
        read = chaos.transactions("whatsapp.look", sure_read, writing=False)
        reader = chaos.port("messages", sure_reader)
        consent = chaos.port("consent", self.consent)
        audience, templates = chaos.port("audience", self.audience), chaos.port("templates", self.templates)
        self.lines = Lines(
            begin=begin,
            read=read,
            reader=reader,
            consent=consent,
            zones=WorldZones(),
            signal=signal,
            now=self.clock.now,
        )
        self.messages = Messages(
            begin=begin,
            read=read,
            reader=reader,
            desks=self.desks,
            signal=signal,
            now=self.clock.now,
            new_id=self.new_id,
        )
        self.conversations = Conversations(
            begin=begin,
            read=read,
            desks=self.desks,
            receipts=self.receipts,
            signal=signal,
            now=self.clock.now,
            new_id=self.new_id,
            sleep=asyncio.sleep,
        )
        self.desk = Desk(
            begin=begin,
            read=read,
            desks=self.desks,
            media=self.media,
            signal=signal,
            now=self.clock.now,
            new_id=self.new_id,
        )
        self.webhooks = Webhooks(
            begin=begin,
            reader=JsonReader(),
            inbox=WebhookInbox(begin, self.clock.now, signal, linger=0),
            owners=owners,
            signal=signal,
            now=self.clock.now,
            new_id=self.new_id,
        )
        self.sender = Sender(
            SenderPorts(
                begin=begin,
                due=chaos.port("due", SqlDue(self.whatsapp)),
                gateway=Punctual(chaos.port("meta", self.meta), self._leased_until, self.clock, self.called),
                consent=consent,
                owners=owners,
                zones=WorldZones(),
                signal=signal,
                now=self.clock.now,
                boottime=self.clock.boottime,
                new_id=self.new_id,
                chance=self.chance.random,
            ),
            SenderOptions(),
        )
        write, look = campaigns_in(self.campaigns_db, now=self.clock.now, new_id=self.new_id)
        self.write = chaos.transactions("campaigns", write)
        self.read = chaos.transactions("campaigns.look", look, writing=False)
        self.line = LocalLine(self.lines)
        line = chaos.port("line", self.line)
        self.whatsapp_write = begin
        self.policies = Policies(begin=begin, read=read, now=self.clock.now)
        planner = Planner(templates=templates, links=Links(BASE_URL), now=self.clock.now, new_id=self.new_id)
        experimenting = Experimenting(ScipyStatistics(), self.clock.now)
        self.following = Following(SqlLinkReader(self.campaigns_db), self.write, self.clock.now)
        self.campaigns = Campaigns(
            planner=planner,
            begin=self.write,
            read=self.read,
            audience=audience,
            templates=templates,
            line=line,
            signal=signal,
            now=self.clock.now,
            new_id=self.new_id,
        )
        self.crediting = Crediting(begin=self.write, now=self.clock.now)
        self.rehearsal = Rehearsal(
            begin=self.write,
            read=self.read,
            audience=audience,
            templates=templates,
            line=line,
            planner=planner,
            now=self.clock.now,
        )
        self.runner = Runner(
            planner=planner,
            watch=Watch(read=self.read, line=line, now=self.clock.now),
            experimenting=experimenting,
            begin=self.write,
            read=self.read,
            active=chaos.port("active", SqlActiveCampaigns(self.campaigns_db)),
            audience=audience,
            templates=templates,
            line=line,
            signal=signal,
            now=self.clock.now,
            new_id=self.new_id,
        )
        sure = LocalLine(replace(self.lines, begin=self.sure_begin, read=sure_read, reader=sure_reader))
        self.calm = Calm(
            campaigns=replace(self.campaigns, begin=write, read=look, line=sure),
            reports=Reports(
                read=look,
                line=sure,
                experimenting=experimenting,
                tables=FileTables(),
                sleep=asyncio.sleep,
            ),
        )
        self.reports = Reports(
            read=self.read,
            line=line,
            experimenting=experimenting,
            tables=FileTables(),
            sleep=asyncio.sleep,
        )
        self.outbox = chaos.port("outbox", SqlOutboxReader(self.whatsapp, whatsapp_tables.outbox))

    def _leased_until(self, number: PhoneNumberId) -> float | None:
        lane = self.sender.lanes.get(number)
        return None if lane is None else lane.leased_until

    def _stall(self) -> None:
        self.clock.seconds += LEASE_AND_MORE

    async def crash(self) -> None:
        """Kill -9: nothing in memory survives, not even the calls' answers."""
        self.dead.add(f"process-{self.crashes}")
        self.crashes += 1
        self.chaos.dead = True
        for lane in self.sender.lanes.values():
            calls = list(lane.calls.values())
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
        self.chaos.revive()
        self.boot()

    async def launch(self, **changes: Any) -> CampaignView:
        """A campaign to everybody, on its way."""
        changes.setdefault("phone_number_ids", self.several)
        new = NewCampaign(
            name="News",
            template_id=TemplateId(self.new_id()),
            parameters={"body.1": Fill(field="firstName")},
            **changes,
        )
        campaign = await self.campaigns.create(self.actor, new)
        return await self.campaigns.launch(self.actor, campaign.id)

    async def plan(self) -> None:
        """Let the runner work until it waits for others."""
        for _ in range(100):
            if not await self.runner.step():
                return

    async def beat(self) -> None:
        """One look for lanes and one beat of each, and whatever answers come at once."""
        for lane in await self.sender.ports.due.lanes(self.clock.now()):
            if lane not in self.sender.lanes:
                await self.sender.take(lane)
        await self.sender.beat()
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    def letter(self, sender: str, text: str, **more: Any) -> InboundUpdate:
        """What a person writes just now, as Meta reports it."""
        said: dict[str, Any] = {
            "phone_number_id": NUMBER,
            "wamid": Wamid(f"wamid.{self.new_id().hex}"),
            "at": self.clock.now(),
            "kind": "text",
            "sender": sender,
            "profile_name": "Ada",
            "text": text,
            "raw": msgspec.Raw(b"{}"),
            "contact": msgspec.Raw(b"{}"),
            **more,
        }
        return InboundUpdate(**said)

    async def hear(self, *letters: InboundUpdate) -> None:
        """People write, and it is taken in."""
        await self.webhook(list(letters))
        # Not `apply`, which sets aside what breaks it.
        while await self.webhooks.apply_batch(200):
            pass

    async def webhook(self, updates: Sequence[StatusUpdate | InboundUpdate]) -> None:
        """Bring updates, as Meta would."""
        await self.webhooks.receive("signed", msgspec.json.encode(updates))

    async def relay(self, twice: bool = False) -> None:
        """Carry what whatsapp tells to campaigns; `twice` is a crash between publishing and marking."""
        decode = msgspec.json.Decoder(AnyEvent).decode
        waiting = await self.outbox.waiting(1000)
        for _ in range(2 if twice else 1):
            for _, envelope in waiting:
                await self._tell(envelope.id, decode(unpacked(envelope.body)))
        await self.outbox.published([position for position, _ in waiting])

    async def _tell(self, id: UUID, event: AnyEvent) -> None:
        if isinstance(event, MessagesMoved):
            await self.runner.messages_moved([(id, event)])
        elif isinstance(event, RunHalted):
            await self.runner.run_halted(id, event)

    async def turn(self, seconds: float = 0.1) -> None:
        """A moment in which everything gets to do a little."""
        self.clock.seconds += seconds
        for part in (self.plan, self.beat, self.apply, self.relay):
            await self.survive(part)

    async def apply(self) -> None:
        """One batch of the webhooks that were taken in."""
        await self.webhooks.apply()

    async def settle(self, turns: int = 60) -> None:
        """Let everything that can still happen happen, all owed webhooks included."""
        for _ in range(turns):
            await self.bring(len(self.meta.owed))
            await self.turn(1.0)

    async def bring(self, count: int) -> None:
        """Meta brings so many of the updates it owes; what is not answered it owes still."""
        owed = self.meta.owed
        taken, self.meta.owed = owed[:count], owed[count:]
        if taken and not await self.survive(lambda: self.webhook(taken)):
            self.meta.owed = taken + self.meta.owed

    async def survive(self, part: Callable[[], Awaitable[object]]) -> bool:
        """Let a part work; when a fault of `Chaos` kills the process, another one takes its place.

        Whether it went well: a port that was away is asked again the next time.
        """
        went_well = False
        try:
            await part()
            went_well = True
        except (Unavailable, Killed):
            pass
        if self.chaos.dead:
            await self.crash()
            return False
        return went_well

    @property
    def quiet(self) -> bool:
        """Whether nothing is on its way in memory."""
        return not any(lane.busy for lane in self.sender.lanes.values())

    async def close(self) -> None:
        await self.whatsapp.close()
        await self.campaigns_db.close()
