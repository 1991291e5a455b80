"""Exhaustive crash points: one small campaign, killed once at every point that its ports pass.

A run without faults counts the points. Then, for each of them, the same campaign is begun anew, killed
there, started again, finished and checked. `away` in place of `kill` loses an answer there instead.
"""

import asyncio
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from tidings.application.campaigns import CampaignView, NewCampaign
from tidings.application.ports.gateway import Rejected, Verdict
from tidings.domain.campaigns import Fill, State
from tidings.domain.kernel import TemplateId
from tidings.testing.faults import Chaos
from tidings.testing.meta import Answer
from tidings.testing.promise import Broken, Promise
from tidings.testing.world import World

MEMORY = Path("/dev/shm")
ANSWERS: Sequence[Answer] = (
    None,
    Rejected(code=131016, verdict=Verdict.RETRY, wait=1.0),
    None,
    "lost",
    Rejected(code=131026, verdict=Verdict.GIVE_UP),
)
"""What Meta says to the first calls: two are taken, one is tried again, one answer is lost, one is final."""


class CrashPoint(Struct, frozen=True, kw_only=True):
    """A point at which the process was killed, and what came of it."""

    number: int
    name: str
    broken: str = ""
    """How the promise was broken; empty when it was kept."""


async def tell(chaos: Chaos, folder: Path, *, people: int, seed: int = 0) -> None:
    """A campaign from its draft to the last status, under these faults. Raise Broken."""
    world = World.on_sqlite(folder, people, mps=100, seed=seed, chaos=Chaos())
    await world.start()
    try:
        world.chaos = chaos
        world.boot()
        world.meta.answers = list(ANSWERS)
        promise = Promise(world, await launched(world))
        for seconds in (0.02, 0.1, 1.0):
            await world.bring(2)
            await world.turn(seconds)
            await promise.hold()
        await promise.finish()
    finally:
        await world.close()


async def launched(world: World) -> CampaignView:
    """A campaign on its way, by somebody who tries again as long as it is not."""
    new = NewCampaign(
        name="News",
        template_id=TemplateId(world.new_id()),
        parameters={"body.1": Fill(field="firstName")},
        phone_number_ids=world.several,
    )
    while True:
        await world.survive(lambda: world.campaigns.create(world.actor, new))
        drafts = (await world.calm.campaigns.page(world.actor)).items
        if drafts:
            break
    while True:
        campaign = await world.calm.campaigns.get(world.actor, drafts[0].id)
        if campaign.state is not State.DRAFT:
            return campaign
        await world.survive(lambda: world.campaigns.launch(world.actor, drafts[0].id))


async def counted(people: int = 3) -> list[str]:
    """The names of the points that the campaign passes when nothing goes wrong, in order."""
    chaos = Chaos()
    with folder_of_its_own() as folder:
        await tell(chaos, folder, people=people)
    return chaos.trace


async def crash_points(
    *, people: int = 3, fault: str = "kill", only: Sequence[int] | None = None
) -> list[CrashPoint]:
    """Every point (or `only` these), each in a campaign of its own."""
    names = await counted(people)
    points: list[CrashPoint] = []
    for number in range(len(names)) if only is None else only:
        chaos = Chaos(lambda at, name, here=number: fault if at == here else None)
        broken = ""
        with folder_of_its_own() as folder:
            try:
                await tell(chaos, folder, people=people)
            except Broken as error:
                broken = str(error)
        points.append(CrashPoint(number=number, name=names[number], broken=broken))
    return points


@contextmanager
def folder_of_its_own() -> Generator[Path]:
    """A folder for one world; in memory, where there is room for that."""
    with tempfile.TemporaryDirectory(prefix="tidings-", dir=MEMORY if MEMORY.is_dir() else None) as folder:
        yield Path(folder)


def points_of(task: tuple[int, str, list[int]]) -> list[CrashPoint]:
    """`crash_points` for so many people, this fault and these points, in a process of its own."""
    people, fault, numbers = task
    return asyncio.run(crash_points(people=people, fault=fault, only=numbers))
