"""Row `growth`: how looking for people slows down from thousands of them to millions.

Both sides are ours: the same questions, of a small organisation and of a large one. What is asked: the
first page, a page by number, a search by a part of the name, of the number and of the e-mail address that
finds one person, one that finds a few hundred, one that finds nobody, and a person by id.
"""

import asyncio
import os
import random
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from bench.figures import Row, Side, own_memory, percentiles
from bench.stage import COUNTED, fresh_databases
from tidings.adapters.embedded.system import collect_rarely, new_secret, uuid7
from tidings.application.ports.contacts import ContactFilter
from tidings.bootstrap.assembly import assembled
from tidings.bootstrap.container import Container
from tidings.bootstrap.platform import Platform
from tidings.bootstrap.settings import read_settings
from tidings.domain.contacts.people import Contact
from tidings.domain.kernel import Actor, ContactId, OrganizationId, Phone, Role, UserId, person_key

BATCH = 5000
ASKED = 200
"""How often each question is asked."""
SYLLABLES = ("ba", "ce", "di", "fo", "gu", "ha", "le", "mi", "no", "ru", "sa", "te", "vi", "xo", "zu")
COMPANIES = ("Acme London", "Acme Lagos", "Acme Lima", "Acme Lyon", "Acme Leeds")


def growth(small: int, large: int) -> Row:
    """Ratio of the worst p99: that of the large organisation by that of the small one."""
    few, many = (asyncio.run(_measured(size)) for size in (small, large))
    return compared("growth", "people", (few, small), (many, large))


Figures = dict[str, tuple[float, float]]
"""p50 and p99 in milliseconds, by question."""


def compared(name: str, of: str, below: tuple[Figures, int], above: tuple[Figures, int]) -> Row:
    """The row of the same questions beside few and beside many."""
    (few, small), (many, large) = below, above
    ratios = {question: many[question][1] / few[question][1] for question in few if question != "loaded"}
    worst = max(ratios, key=lambda question: ratios[question])
    return Row(
        name=name,
        unit="questions/s",
        ours=_side(many, large),
        bare=_side(few, small),
        ratio=ratios[worst],
        what=f"above: {large:,} {of}, below: {small:,}; ratio of p99 of the worst question, {worst}",
        more={
            f"{question} {which}": found[question][place]
            for which, found, place in (
                ("p50 small", few, 0),
                ("p99 small", few, 1),
                ("p50 large", many, 0),
                ("p99 large", many, 1),
            )
            for question in ratios
        }
        | {f"{of} loaded a second": large / many["loaded"][0]},
    )


def _side(found: Figures, size: int) -> Side:
    asked = {name: each for name, each in found.items() if name != "loaded"}
    mean = sum(p50 for p50, _ in asked.values()) / len(asked)
    return Side(
        rate=1000 / mean, p50=mean, p99=max(p99 for _, p99 in asked.values()), memory=own_memory(), done=size
    )


async def _measured(size: int) -> Figures:
    chance = random.Random(size)
    actor = Actor(user_id=UserId(uuid4()), organization_id=OrganizationId(uuid4()), role=Role.OWNER)
    # As in a service, which is where people are looked for.
    collect_rarely()
    async with platform() as container:
        began = time.perf_counter()
        ids = await load(container, actor.organization_id, size, chance)
        found: Figures = {"loaded": (time.perf_counter() - began, 0.0)}
        contacts = container.contacts()

        def page(search: str = "", number: int | None = None) -> Awaitable[object]:
            return contacts.page(actor, ContactFilter(search=search), number=number, limit=50)

        questions: dict[str, Callable[[int], Awaitable[object]]] = {
            "first page": lambda _: page(),
            "page 100": lambda _: page(number=min(100, size // 50)),
            "name": lambda n: page(_name(n)[2:-2]),
            "number": lambda n: page(f"77{n:08}"[-8:]),
            "e-mail": lambda n: page(f"x{n}@ex"),
            "common": lambda _: page("fairweather"),
            "nobody": lambda n: page(f"qqzz{n}"),
            "by id": lambda n: contacts.get(actor, ids[n % len(ids)]),
        }
        for name, ask in questions.items():
            took: list[float] = []
            for _ in range(ASKED):
                place = chance.randrange(size)
                start = time.perf_counter()
                await ask(place)
                took.append(time.perf_counter() - start)
            p50, p99 = percentiles(took)
            found[name] = (p50 or 0.0, p99 or 0.0)
    return found


@asynccontextmanager
async def platform(kept: Path | None = None):
    """The platform without its loops, on tables of its own, with its files in a folder that may be kept."""
    with nullcontext(kept) if kept else tempfile.TemporaryDirectory(prefix="tidings-bench-") as folder:
        environment = {
            **os.environ,
            **fresh_databases(),
            **COUNTED,
            "TIDINGS_DATA": str(Path(folder) / "data"),
            "TIDINGS_GRAPH_URL": "http://127.0.0.1:9",
            "TIDINGS_APP_SECRETS": "not used here at all",
            "TIDINGS_VERIFY_TOKEN": "not used here at all",
            "JWT_SECRET": new_secret(),
        }
        async with assembled(read_settings(environment)) as container:
            platform = Platform(container)
            await platform.open()
            try:
                yield container
            finally:
                await platform.close()


async def load(
    container: Container,
    organization: OrganizationId,
    size: int,
    chance: random.Random,
    *,
    searched: bool = True,
) -> Sequence[ContactId]:
    """So many people, as an import leaves them, and the search index where there is one."""
    begin, now = container.contacts_begin(), datetime.now(UTC)
    sample: list[ContactId] = []
    for start in range(0, size, BATCH):
        some = [_person(organization, n, now, chance) for n in range(start, min(start + BATCH, size))]
        async with begin(organization) as work:
            await work.contacts.add(some)
        sample.append(some[0].id)
    while searched and await container.indexer().step():
        pass
    return sample


def _name(n: int) -> str:
    """A name that few share: its syllables are the digits of a number."""
    told = ""
    while True:
        n, digit = divmod(n, len(SYLLABLES))
        told += SYLLABLES[digit]
        if not n:
            return told.capitalize() + "son"


def _person(organization: OrganizationId, n: int, now: datetime, chance: random.Random) -> Contact:
    phone = Phone(f"+4477{n:08}")
    return Contact(
        id=ContactId(uuid7()),
        organization_id=organization,
        phone=phone,
        person=person_key(phone),
        country_code="+44",
        first_name=_name(n),
        last_name="Fairweather" if n % 50 == 0 else chance.choice(("Hale", "Reed", "Okafor", "Silva")),
        email=f"x{n}@example.org",
        company=chance.choice(COMPANIES) if n % 50 == 0 else "",
        created_at=now,
        updated_at=now,
    )
