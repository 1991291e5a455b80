"""Those who are added at the same moment: one transaction for all, and an answer for each."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace as with_another
from uuid import uuid4

import pytest
from msgspec.structs import replace
from sqlalchemy import select

from tests.application.test_contacts import database, owner, world
from tidings.adapters.mysql.contacts.tables import outbox
from tidings.adapters.mysql.engine import DatabaseUnavailable
from tidings.application.contacts.groups import NewGroup
from tidings.application.contacts.people import NewContact
from tidings.application.ports.contacts import ContactFilter
from tidings.domain.contacts.attributes import MAX_DEFINITIONS
from tidings.domain.contacts.groups import GroupNotFound
from tidings.domain.contacts.people import InvalidContact, PhoneTaken
from tidings.domain.errors import Invalid
from tidings.domain.kernel import GroupId, OrganizationId

__all__ = ["database", "owner", "world"]
pytestmark = pytest.mark.anyio


def somebody(n, **more):
    return NewContact(phone=f"+4477009{n:05}", country_code="+44", **more)


class Counted:
    """Transactions, of which the first few may find no database."""

    def __init__(self, begin, away=0):
        self.begin, self.away, self.count = begin, away, 0

    @asynccontextmanager
    async def __call__(self, organization):
        self.count += 1
        if self.count <= self.away:
            raise DatabaseUnavailable("away")
        async with self.begin(organization) as work:
            yield work


@pytest.fixture
def counted(world):
    counted = Counted(world.contacts.begin)
    world.contacts = with_another(world.contacts, begin=counted)
    return counted


async def everybody(world, owner):
    page = await world.contacts.page(owner, ContactFilter(at=world.now()), limit=100)
    return {contact.phone for contact in page.items}


async def test_who_comes_while_one_is_stored_is_stored_with_all_others_who_do(world, owner, counted):
    first = asyncio.create_task(world.contacts.add(owner, somebody(0)))
    while not counted.count:
        await asyncio.sleep(0)
    others = await asyncio.gather(*(world.contacts.add(owner, somebody(n)) for n in range(1, 30)))
    made = [await first, *others]
    assert counted.count == 2
    assert [contact.phone for contact in made] == [f"+4477009{n:05}" for n in range(30)]
    assert await everybody(world, owner) == {contact.phone for contact in made}
    for contact in made[::7]:
        assert await world.contacts.get(owner, contact.id) == contact


async def test_each_is_answered_for_themselves(world, owner, counted):
    group = await world.groups.add(owner, NewGroup(name="Everybody"))
    taken = await world.contacts.add(owner, somebody(0))
    counted.count = 0
    wanted = [
        somebody(1),
        somebody(2),
        somebody(2, first_name="Again"),
        NewContact(phone="12"),
        somebody(0),
        somebody(3, group_id=group.id, attributes={"city": "Leeds"}),
        somebody(4),
    ]
    answers = await asyncio.gather(
        *(world.contacts.add(owner, each) for each in wanted), return_exceptions=True
    )
    assert counted.count == 1
    kinds = [type(each) if isinstance(each, Exception) else each.phone[-1] for each in answers]
    assert kinds == ["1", "2", PhoneTaken, InvalidContact, PhoneTaken, "3", "4"]
    assert [each.name for each in answers[5].groups] == ["Everybody"]
    assert answers[5].attributes == {"city": "Leeds"}
    assert await everybody(world, owner) == {f"+4477009{n:05}" for n in range(5)}
    assert taken.phone in await everybody(world, owner)


@pytest.mark.parametrize("spoiled", ["a group that is not there", "too many attributes"])
async def test_one_whose_transaction_is_refused_takes_nobody_along(world, owner, spoiled):
    if spoiled == "a group that is not there":
        bad, error = somebody(9, group_id=GroupId(uuid4())), GroupNotFound
    else:
        await world.contacts.add(owner, somebody(8, attributes={f"k{n}": "x" for n in range(60)}))
        for part in range(1, MAX_DEFINITIONS // 60):
            many = {f"k{part * 60 + n}": "x" for n in range(60)}
            await world.contacts.add(owner, somebody(100 + part, attributes=many))
        bad, error = somebody(9, attributes={f"new{n}": "x" for n in range(60)}), Invalid
    answers = await asyncio.gather(
        *(world.contacts.add(owner, each) for each in (somebody(1), somebody(2), bad, somebody(3))),
        return_exceptions=True,
    )
    assert isinstance(answers[2], error)
    assert [each.phone[-1] for n, each in enumerate(answers) if n != 2] == ["1", "2", "3"]


async def test_a_database_that_is_away_is_said_to_all_and_the_next_are_stored(world, owner, counted):
    counted.away = 1
    answers = await asyncio.gather(
        *(world.contacts.add(owner, somebody(n)) for n in range(5)), return_exceptions=True
    )
    assert [type(each) for each in answers] == [DatabaseUnavailable] * 5
    assert (await world.contacts.add(owner, somebody(1))).phone in await everybody(world, owner)


async def test_organisations_do_not_wait_for_each_other_nor_see_each_other(world, owner, counted):
    other = replace(owner, organization_id=OrganizationId(uuid4()))
    await asyncio.gather(*(world.contacts.add(actor, somebody(1)) for actor in (owner, other)))
    assert await everybody(world, owner) == await everybody(world, other) == {"+447700900001"}


async def test_who_asked_and_has_gone_holds_up_nobody(world, owner):
    impatient = asyncio.create_task(world.contacts.add(owner, somebody(1)))
    patient = asyncio.create_task(world.contacts.add(owner, somebody(2)))
    await asyncio.sleep(0)
    impatient.cancel()
    assert (await patient).phone == "+447700900002"
    assert "+447700900002" in await everybody(world, owner)


async def test_the_audit_log_hears_of_each_from_whom_it_was(world, owner):
    actors = [replace(owner, origin=f"192.0.2.{n}") for n in range(6)]
    made = await asyncio.gather(*(world.contacts.add(actor, somebody(n)) for n, actor in enumerate(actors)))
    async with world.database.reading() as connection:
        mine = outbox.c.organization_id == owner.organization_id
        bodies = list((await connection.execute(select(outbox.c.body).where(mine))).scalars())
    for n, contact in enumerate(made):
        assert any(f"192.0.2.{n}".encode() in body and str(contact.id).encode() in body for body in bodies)
