"""Deterministic simulation: a seed decides what people, Meta, time and faults do to a campaign.

The use cases and the database are the real ones; the seed chooses when the sender, the planner, webhooks
and the bus get to work, what Meta answers, which webhooks come twice or late, who pauses, resumes or opts
out, when a process is frozen and wakes up beside its successor, and at which port call a process is killed
or a port is away. The same seed tells the same story, point by point, so a failure can be told again; a
failing story is made smaller by leaving faults and acts out as long as it still fails.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from tidings.application.campaigns import CampaignView
from tidings.application.ports.gateway import NotSent, Rejected, Verdict
from tidings.application.whatsapp.sender import Sender
from tidings.domain.errors import Conflict
from tidings.domain.events import ContactErased
from tidings.testing.crashing import folder_of_its_own, launched
from tidings.testing.faults import Chaos
from tidings.testing.meta import Answer
from tidings.testing.promise import Broken, Promise
from tidings.testing.world import LEASE_AND_MORE, World

PEOPLE, ACTS = 8, 18
FAULTS = {"kill": 0.004, "away": 0.012, "stall": 0.002}
"""How often each comes at a point."""
ANONYMOUS = 0.3
"""How often a report of delivery names our message by its wamid alone."""
SPEEDS = (5, 20, 100)
"""Messages a second of a number: with few of them, many wait in memory."""
NUMBERS = (1, 3)
"""From which the campaign is sent."""
SECONDS = (0.02, 0.05, 0.1, 0.1, 0.5, 1.0, 7.0, 40.0)
ANSWERS: Sequence[Answer] = (
    None,
    None,
    None,
    "lost",
    NotSent(reason="connection refused"),
    Rejected(code=131016, verdict=Verdict.RETRY, wait=1.0),
    Rejected(code=130429, verdict=Verdict.SLOW_DOWN, wait=1.0),
    Rejected(code=131056, verdict=Verdict.PAIR_WAIT),
    Rejected(code=131026, verdict=Verdict.GIVE_UP),
    Rejected(code=132015, verdict=Verdict.STOP_TEMPLATE),
    Rejected(code=190, verdict=Verdict.RENEW_TOKEN),
)
Act: TypeAlias = Callable[[], Awaitable[None]]


class Story(Struct, frozen=True, kw_only=True):
    """What is to happen: all of it follows from the seed, unless it was made smaller."""

    seed: int
    acts: int = ACTS
    """So many of its acts are played; then everything is let to end."""
    faults: Mapping[int, str] | None = None
    """`kill`, `away` or `stall` at these points; None: where the seed puts them."""
    people: int = PEOPLE


class Told(Struct, frozen=True, kw_only=True):
    """What came of a story."""

    story: Story
    faults: dict[int, str]
    """The faults that happened, by the number of their point."""
    points: int
    digest: str
    """Of every point, act and answer: the same story has the same digest."""
    said: tuple[str, ...] = ()
    """The acts in order, with the faults that met them."""
    broken: str = ""
    """How the promise was broken; empty when it was kept."""


@dataclass
class Simulation:
    """One story on its way."""

    story: Story
    world: World
    said: list[str]
    chance: Random = field(init=False)
    promise: Promise | None = None
    frozen: list[Sender] = field(default_factory=list[Sender])

    def __post_init__(self) -> None:
        self.chance = Random(self.story.seed)

    async def play(self, campaign: CampaignView) -> None:
        """Raise Broken."""
        world = self.world
        promise = self.promise = Promise(world, campaign)
        acts: Sequence[tuple[float, str, Act]] = (
            (8, "everything works", self._moments),
            (3, "only the sender works", self._sender),
            (4, "Meta brings updates", self._updates),
            (3, "Meta answers otherwise", self._answers),
            (1, "killed", world.crash),
            (1, "frozen", partial(self._replaced, LEASE_AND_MORE)),
            (1, "taken for dead", partial(self._replaced, 0.0)),
            (2, "wakes", self._wake),
            (1, "pause", partial(self._turn, world, campaign, "pause")),
            (1, "resume", partial(self._turn, world, campaign, "resume")),
            (1, "somebody opts out", self._opt_out),
            (1, "somebody is erased", self._erase),
            (1, "the bus tells twice", lambda: self._survive(lambda: world.relay(twice=True))),
        )
        weights = [weight for weight, _, _ in acts]
        for _ in range(self.story.acts):
            _, name, act = self.chance.choices(acts, weights)[0]
            self.said.append(name)
            await act()
            await promise.hold()
        self.said.append("everything ends")
        world.meta.answers.clear()
        await self._wake()
        world.chaos.decide = lambda number, name: None
        await promise.finish()

    async def _survive(self, part: Callable[[], Awaitable[object]]) -> None:
        await self.world.survive(part)

    async def _moments(self) -> None:
        for _ in range(self.chance.randint(1, 4)):
            await self.world.turn(self.chance.choice(SECONDS))

    async def _sender(self) -> None:
        self.world.clock.seconds += self.chance.choice(SECONDS[:4])
        await self.world.survive(self.world.beat)

    async def _updates(self) -> None:
        owed = self.world.meta.owed
        self.chance.shuffle(owed)
        if owed and self.chance.random() < 0.3:
            await self.world.survive(partial(self.world.webhook, owed[: self.chance.randint(1, 3)]))
        await self.world.bring(self.chance.randint(0, 12))

    async def _answers(self) -> None:
        self.world.meta.answers = [self.chance.choice(ANSWERS) for _ in range(self.chance.randint(1, 6))]

    async def _replaced(self, seconds: float) -> None:
        """The process stands still, or is taken for dead at once; it goes on beside who took over."""
        world = self.world
        self.frozen.append(world.sender)
        world.clock.seconds += seconds
        if not seconds:
            world.dead.add(f"process-{world.crashes}")
        world.crashes += 1
        world.boot()
        await world.survive(world.beat)

    async def _wake(self) -> None:
        """Who was replaced may settle what it has, and must not call Meta."""
        world = self.world
        sleepers, self.frozen = self.frozen, []
        for sender in sleepers:
            async with world.sure_begin() as work:
                held = {lease.name: lease for lease in await work.leases.held()}
            lanes = sender.lanes.items()
            replaced = all(held.get(number, lane.lease) != lane.lease for number, lane in lanes)
            calls = world.meta.calls
            await world.survive(sender.beat)
            if replaced and world.meta.calls != calls:
                raise Broken("I1: a sender that had been replaced called Meta")

    async def _turn(self, world: World, campaign: CampaignView, how: str) -> None:
        try:
            await world.survive(lambda: getattr(world.campaigns, how)(world.actor, campaign.id))
        except Conflict:
            return
        state = (await world.calm.campaigns.get(world.actor, campaign.id)).state
        if how == "pause" and state.value == "paused" and await self._line_obeys(campaign):
            calls = world.meta.calls
            await world.survive(world.beat)
            if world.meta.calls != calls:
                raise Broken("a campaign that was paused sent")

    async def _line_obeys(self, campaign: CampaignView) -> bool:
        """Whether the line was told of the pause: a fault may have come before that."""
        async with self.world.sure_begin() as work:
            run = await work.runs.get(campaign.id)
        return run is not None and run.state.value == "paused"

    async def _erase(self) -> None:
        """What waits for a person is dropped, as contacts tell it; a fault may come before that."""
        who = self.chance.choice(self.world.audience.crowd)
        event = ContactErased(
            organization_id=self.world.actor.organization_id,
            contact_id=who.contact_id,
            people=(who.person,),
            at=self.world.clock.now(),
        )
        self.world.consent.refused.add(who.contact_id)
        await self.world.survive(lambda: self.world.crediting.erased(self.world.new_id(), event))
        told = await self.world.survive(lambda: self.world.desk.contact_erased(self.world.new_id(), event))
        if told and self.promise is not None:
            self.promise.opted_out.setdefault(who.phone, len(self.world.meta.accepted))

    async def _opt_out(self) -> None:
        who = self.chance.choice(self.world.audience.crowd)
        self.world.consent.refused.add(who.contact_id)
        if self.promise is not None:
            self.promise.opted_out.setdefault(who.phone, len(self.world.meta.accepted))


async def tell(story: Story, folder: Path) -> Told:
    """Play a story to its end; its faults are kept, so that it can be told without its seed, too."""
    dice, happened, said = Random(~story.seed), dict[int, str](), list[str]()

    def decide(number: int, name: str) -> str | None:
        if story.faults is not None:
            fault = story.faults.get(number)
        else:
            roll = dice.random()
            fault = _drawn(roll)
            if fault == "stall" and name.startswith("meta."):
                # Between the last look at the lease and Meta nothing can be helped: that is `unknown`.
                fault = None
        if fault is not None:
            happened[number] = fault
            said.append(f"  {fault} at {name} ({number})")
        return fault

    world = World.on_sqlite(
        folder,
        story.people,
        mps=SPEEDS[story.seed % len(SPEEDS)],
        seed=story.seed,
        chaos=Chaos(),
        numbers=NUMBERS[story.seed // len(SPEEDS) % len(NUMBERS)],
    )
    await world.start()
    broken = ""
    try:
        shy = Random(story.seed + 1)
        world.meta.anonymous = lambda: shy.random() < ANONYMOUS
        world.chaos = Chaos(decide)
        world.boot()
        await Simulation(story, world, said).play(await launched(world))
    except Broken as error:
        broken = str(error)
    finally:
        await world.close()
    trace = [*world.chaos.trace, *said, *(message.to or "" for message in world.meta.accepted)]
    return Told(
        story=story,
        faults=happened,
        points=world.chaos.passed,
        digest=hashlib.sha256("\n".join(trace).encode()).hexdigest(),
        said=tuple(said),
        broken=broken,
    )


def _drawn(roll: float) -> str | None:
    for fault, share in FAULTS.items():
        if roll < share:
            return fault
        roll -= share
    return None


async def simulate(story: Story) -> Told:
    """`tell` in a folder of its own."""
    with folder_of_its_own() as folder:
        return await tell(story, folder)


async def shrink(told: Told) -> Told:
    """The smallest story found that still breaks the promise: fewer acts, then fewer faults."""
    best = told
    fixed = replace(told.story, faults=told.faults)
    first = await simulate(fixed)
    if not first.broken:
        return told
    best = first
    for acts in range(fixed.acts):
        tried = await simulate(replace(best.story, acts=acts))
        if tried.broken:
            best = tried
            break
    while True:
        smaller = await _without_one(best)
        if smaller is None:
            return best
        best = smaller


async def _without_one(told: Told) -> Told | None:
    for number in _last_first(told.faults):
        rest = {at: fault for at, fault in told.faults.items() if at != number}
        tried = await simulate(replace(told.story, faults=rest))
        if tried.broken:
            return tried
    return None


def _last_first(numbers: Collection[int]) -> list[int]:
    return sorted(numbers, reverse=True)


def stories_of(seeds: tuple[int, int]) -> list[Told]:
    """The stories of a range of seeds, in a process of its own."""

    async def told() -> list[Told]:
        return [await simulate(Story(seed=seed)) for seed in range(*seeds)]

    return asyncio.run(told())
