"""A small world under the tests' control: real use cases on real SQLite, a Meta that can misbehave, and
virtual time. Crashing drops every object that lives in memory; what is in the files stays."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import msgspec

from tidings.adapters.embedded.signal import LocalSignal
from tidings.adapters.embedded.sqlite import sqlite_database
from tidings.adapters.embedded.system import uuid7
from tidings.adapters.mysql import campaigns as campaign_tables
from tidings.adapters.mysql.campaigns import SqlActiveCampaigns, campaigns_in
from tidings.adapters.mysql.engine import Database
from tidings.adapters.mysql.outbox import SqlOutboxReader
from tidings.adapters.mysql.whatsapp import tables as whatsapp_tables
from tidings.adapters.mysql.whatsapp.messages import SqlDue, SqlMessageReader
from tidings.adapters.mysql.whatsapp.work import whatsapp_in
from tidings.adapters.numbering import WorldZones
from tidings.adapters.peers.templates import LocalTemplates
from tidings.adapters.peers.whatsapp import LocalLine
from tidings.adapters.sheets.writing import FileTables
from tidings.application.campaigns import (
    Campaigns,
    Crediting,
    NewCampaign,
    Planner,
    Rehearsal,
    Reports,
    Runner,
    Watch,
)
from tidings.application.ports.campaigns import Person, SendableTemplate, Slot
from tidings.application.ports.gateway import Accepted, Outgoing, Unclear, callback_data
from tidings.application.ports.meta import BadSignature, InboundUpdate, StatusUpdate
from tidings.application.whatsapp.conversations import Conversations
from tidings.application.whatsapp.desk import Desk
from tidings.application.whatsapp.hearing import WebhookInbox, Webhooks
from tidings.application.whatsapp.lane import SenderOptions, SenderPorts
from tidings.application.whatsapp.lines import Lines
from tidings.application.whatsapp.policies import Policies
from tidings.application.whatsapp.saying import Messages
from tidings.application.whatsapp.sender import Sender
from tidings.domain.campaigns import Fill
from tidings.domain.events import AnyEvent, ConnectedNumber, MessagesMoved, RunHalted, WabaConnected
from tidings.domain.kernel import (
    Actor,
    ContactId,
    OrganizationId,
    Phone,
    PhoneNumberId,
    Role,
    TeamId,
    TemplateId,
    UserId,
    WabaId,
    Wamid,
    person_key,
)
from tidings.domain.teams import TeamNotFound
from tidings.domain.whatsapp.conversations import Sight

NUMBER = PhoneNumberId("310000000000202")
WABA = WabaId("920000000000101")
NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


@dataclass
class Clock:
    """Virtual time: a wall clock and a boot-time clock that move together."""

    seconds: float = 0.0

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.seconds)

    def boottime(self) -> float:
        return self.seconds


@dataclass
class FakeMeta:
    """Accepts, refuses or loses each call as told, remembers what it accepted, and owes webhooks for it."""

    clock: Clock
    answers: list = field(default_factory=list)
    """What to do with the next calls: None accepts; "lost" accepts and loses the answer; else the answer."""
    accepted: list[Outgoing] = field(default_factory=list)
    calls: int = 0
    owed: list[StatusUpdate] = field(default_factory=list)
    hold: asyncio.Event | None = None

    async def send(self, message: Outgoing):
        self.calls += 1
        answer = self.answers.pop(0) if self.answers else None
        if answer not in (None, "lost"):
            return answer
        wamid = Wamid(f"wamid.{uuid4().hex}")
        self.accepted.append(message)
        self.owed += [self._status(message, wamid, status) for status in ("sent", "delivered", "read")]
        if self.hold is not None:
            await self.hold.wait()
        return Unclear(reason="no answer came") if answer == "lost" else Accepted(wamid=wamid)

    def _status(self, message: Outgoing, wamid: Wamid, status: str) -> StatusUpdate:
        return StatusUpdate(
            phone_number_id=NUMBER,
            wamid=wamid,
            status=status,
            at=self.clock.now(),
            callback_data=callback_data(message.attempt_id),
            raw=msgspec.Raw(b"{}"),
        )

    def most_often(self) -> int:
        """The greatest number of messages that any one person got."""
        return max(Counter(message.to for message in self.accepted).values(), default=0)


class JsonReader:
    """Webhook bodies that are our own updates as JSON: the wire format is tested elsewhere."""

    def verify(self, signature, body):
        if signature != "signed":
            raise BadSignature()

    def read(self, body):
        return msgspec.json.decode(body, type=list[StatusUpdate | InboundUpdate])


@dataclass
class FakeAudience:
    crowd: list[Person]

    async def page(self, organization, group, *, after, limit):
        later = [p for p in self.crowd if after is None or p.contact_id > after]
        return later[:limit]

    async def people(self, organization, ids):
        return [person for person in self.crowd if person.contact_id in set(ids)]


@dataclass
class FakeTemplates:
    refusal: Exception | None = None
    quality: str = "GREEN"

    async def sendable(self, organization, id):
        if self.refusal:
            raise self.refusal
        return SendableTemplate(
            id=id,
            waba_id=WABA,
            name="hello",
            language="en",
            category="MARKETING",
            slots=(Slot(key="body.1", what="body {{1}}"),),
            quality=self.quality,
            components=msgspec.Raw(b'[{"type":"BODY","text":"Hello {{1}}, how are you?"}]'),
        )

    def faults(self, template, values):
        return LocalTemplates.faults(self, template, values)

    def filled(self, template, values):
        return LocalTemplates.filled(self, template, values)


@dataclass
class FakeConsent:
    refused: set[ContactId] = field(default_factory=set)

    async def blocked(self, organization, contacts):
        return self.refused & set(contacts)


@dataclass
class FakeDesks:
    """Teams whose members take turns as they are listed here."""

    teams: dict[TeamId, list[UserId]] = field(default_factory=dict)
    leads: dict[UserId, tuple[TeamId, ...]] = field(default_factory=dict)
    capacity: int = 100

    async def sight(self, organization, user):
        theirs = tuple(team for team, members in self.teams.items() if user in members)
        return Sight(user=user, teams=theirs, leads=self.leads.get(user, ()))

    async def require(self, organization, team, user):
        if team is not None and (team not in self.teams or user not in (None, *self.teams[team])):
            raise TeamNotFound()

    async def turn(self, organization, team, loads):
        free = [user for user in self.teams.get(team, []) if loads.get(user, 0) < self.capacity]
        return min(free, key=lambda user: loads.get(user, 0), default=None)


@dataclass
class FakeReceipts:
    read: list[tuple[Wamid, bool]] = field(default_factory=list)

    async def mark_read(self, waba_id, phone_number_id, wamid, *, typing=False):
        self.read.append((wamid, typing))


@dataclass
class FakeMedia:
    files: dict[str, bytes] = field(default_factory=dict)

    async def download(self, waba_id, id):
        yield self.files[id]

    async def send_up(self, waba_id, phone_number_id, *, name, mime_type, content):
        self.files[name] = content
        return name


@dataclass
class FakeOwners:
    """Every incarnation is an owner of its own; the crashed ones are dead."""

    name: str
    dead: set[str]

    def me(self) -> str:
        return self.name

    def is_dead(self, owner: str) -> bool:
        return owner in self.dead


def people(count: int) -> list[Person]:
    ids = sorted(uuid7() for _ in range(count))
    return [
        Person(
            contact_id=ContactId(ids[n]),
            phone=Phone(f"+4477009{n:05}"),
            person=person_key(Phone(f"+4477009{n:05}")),
            name=f"Person {n}",
            fields={"firstName": f"P{n}"},
            country="GB",
        )
        for n in range(count)
    ]


class World:
    """Two contexts with everything around them."""

    def __init__(self, whatsapp: Database, campaigns: Database, count: int = 20, mps: int = 1000) -> None:
        self.clock = Clock()
        self.whatsapp = whatsapp
        self.campaigns_db = campaigns
        self.meta = FakeMeta(self.clock)
        self.audience = FakeAudience(people(count))
        self.templates = FakeTemplates()
        self.consent = FakeConsent()
        self.desks = FakeDesks()
        self.receipts = FakeReceipts()
        self.media = FakeMedia()
        self.actor = Actor(user_id=UserId(uuid7()), organization_id=OrganizationId(uuid7()), role=Role.OWNER)
        self.mps = mps
        self.dead: set[str] = set()
        self.crashes = 0

    @classmethod
    def on_sqlite(cls, folder: Path, count: int = 20, mps: int = 1000) -> "World":
        return cls(
            sqlite_database(folder / "whatsapp.db"), sqlite_database(folder / "campaigns.db"), count, mps
        )

    async def start(self) -> None:
        await self.whatsapp.create(whatsapp_tables.metadata)
        await self.campaigns_db.create(campaign_tables.metadata)
        self.boot()
        number = ConnectedNumber(
            phone_number_id=NUMBER, display_phone_number="+44 20 7946 0958", messages_per_second=self.mps
        )
        await self.messages.waba_connected(
            uuid7(),
            WabaConnected(organization_id=self.actor.organization_id, waba_id=WABA, numbers=(number,)),
        )

    def boot(self) -> None:
        """Make every object that lives in memory."""
        owners = FakeOwners(f"process-{self.crashes}", self.dead)
        signal = LocalSignal()
        begin, read = whatsapp_in(self.whatsapp, now=self.clock.now, new_id=uuid7)
        reader = SqlMessageReader(self.whatsapp)
        self.lines = Lines(
            begin=begin,
            read=read,
            reader=reader,
            consent=self.consent,
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
            new_id=uuid7,
        )
        self.conversations = Conversations(
            begin=begin,
            read=read,
            desks=self.desks,
            receipts=self.receipts,
            signal=signal,
            now=self.clock.now,
            new_id=uuid7,
            sleep=asyncio.sleep,
        )
        self.desk = Desk(
            begin=begin,
            read=read,
            desks=self.desks,
            media=self.media,
            signal=signal,
            now=self.clock.now,
            new_id=uuid7,
        )
        self.webhooks = Webhooks(
            begin=begin,
            reader=JsonReader(),
            inbox=WebhookInbox(begin, self.clock.now, signal, linger=0),
            owners=owners,
            signal=signal,
            now=self.clock.now,
            new_id=uuid7,
        )
        self.sender = Sender(
            SenderPorts(
                begin=begin,
                due=SqlDue(self.whatsapp),
                gateway=self.meta,
                consent=self.consent,
                owners=owners,
                zones=WorldZones(),
                signal=signal,
                now=self.clock.now,
                boottime=self.clock.boottime,
                new_id=uuid7,
                chance=lambda: 0.5,
            ),
            SenderOptions(),
        )
        self.write, self.read = campaigns_in(self.campaigns_db, now=self.clock.now, new_id=uuid7)
        line = self.line = LocalLine(self.lines)
        self.whatsapp_write = begin
        self.policies = Policies(begin=begin, read=read, now=self.clock.now)
        self.campaigns = Campaigns(
            begin=self.write,
            read=self.read,
            audience=self.audience,
            templates=self.templates,
            line=line,
            signal=signal,
            now=self.clock.now,
            new_id=uuid7,
        )
        planner = Planner(templates=self.templates, now=self.clock.now, new_id=uuid7)
        self.crediting = Crediting(begin=self.write, now=self.clock.now)
        self.rehearsal = Rehearsal(
            begin=self.write,
            read=self.read,
            audience=self.audience,
            templates=self.templates,
            line=line,
            planner=planner,
            now=self.clock.now,
        )
        self.runner = Runner(
            planner=planner,
            watch=Watch(read=self.read, line=line, now=self.clock.now),
            begin=self.write,
            read=self.read,
            active=SqlActiveCampaigns(self.campaigns_db),
            audience=self.audience,
            templates=self.templates,
            line=line,
            signal=signal,
            now=self.clock.now,
            new_id=uuid7,
        )
        self.reports = Reports(read=self.read, line=line, tables=FileTables(), sleep=asyncio.sleep)
        self.outbox = SqlOutboxReader(self.whatsapp, whatsapp_tables.outbox)

    async def crash(self) -> None:
        """Kill -9: nothing in memory survives, not even the calls' answers."""
        self.dead.add(f"process-{self.crashes}")
        self.crashes += 1
        for lane in self.sender.lanes.values():
            for call in lane.calls.values():
                call.cancel()
            await asyncio.gather(*lane.calls.values(), return_exceptions=True)
        self.boot()

    async def launch(self, **changes):
        new = NewCampaign(
            name="News",
            template_id=TemplateId(uuid7()),
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
        for name, lane in list(self.sender.lanes.items()):
            await lane.beat()
            if lane.fenced:
                del self.sender.lanes[name]
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    def letter(self, sender: str, text: str, **more) -> InboundUpdate:
        """What a person writes just now, as Meta reports it."""
        said = {
            "phone_number_id": NUMBER,
            "wamid": Wamid(f"wamid.{uuid4().hex}"),
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
        while await self.webhooks._apply_batch(200):
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
                await self._tell(envelope.id, decode(envelope.body))
        await self.outbox.published([position for position, _ in waiting])

    async def _tell(self, id: UUID, event: AnyEvent) -> None:
        if isinstance(event, MessagesMoved):
            await self.runner.messages_moved([(id, event)])
        elif isinstance(event, RunHalted):
            await self.runner.run_halted(id, event)

    async def turn(self, seconds: float = 0.1) -> None:
        """A moment in which everything gets to do a little."""
        self.clock.seconds += seconds
        await self.plan()
        await self.beat()
        await self.webhooks.apply()
        await self.relay()

    async def settle(self, turns: int = 60) -> None:
        """Let everything that can still happen happen, all owed webhooks included."""
        for _ in range(turns):
            owed, self.meta.owed = self.meta.owed, []
            if owed:
                await self.webhook(owed)
            await self.turn(1.0)

    async def close(self) -> None:
        await self.whatsapp.close()
        await self.campaigns_db.close()
