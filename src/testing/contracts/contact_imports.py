"""What every store of imports that are jobs promises."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from msgspec.structs import replace

from tidings.adapters.embedded.system import uuid7
from tidings.application.ports.contacts import ImportQueue
from tidings.domain.contacts.importing import ImportOptions, ImportReport
from tidings.domain.contacts.jobs import ImportId, ImportJob, ImportNotFound, JobState
from tidings.domain.contacts.rows import RowError
from tidings.domain.kernel import OrganizationId, UserId
from tidings.testing.contracts.contact_stores import NOON, Stores
from tidings.testing.contracts.organizations import OfAnOrganization

LATER = NOON + timedelta(seconds=15)


def a_job(organization: OrganizationId, **given: Any) -> ImportJob:
    known: dict[str, Any] = {
        "id": ImportId(uuid7()),
        "organization_id": organization,
        "filename": "people.csv",
        "options": ImportOptions(mapping={"Ünï": "phone", "x": None}),
        "total": 7,
        "report": ImportReport(columns={"Ünï": "phone", "x": None}, encoding="utf-8", delimiter=";"),
        "started_by": UserId(uuid4()),
        "created_at": NOON,
        "updated_at": NOON,
    }
    return ImportJob(**known | given)


async def emptied(stores: Stores) -> ImportQueue:
    """The queue without what other tests have left in it."""
    queue = stores.imports
    for _ in range(100):
        job = await queue.claim("sweeper", NOON + timedelta(days=999), NOON + timedelta(days=998))
        if job is None:
            break
        async with stores.begin(job.organization_id) as work:
            await work.imports.save(replace(job, state=JobState.DONE))
    return queue


@pytest.mark.anyio
class ImportsContract(OfAnOrganization):
    """Subclass it beside a fixture `stores` that gives a `Stores` of your own."""

    async def test_a_job_comes_back_whole_and_belongs_to_one_organisation(
        self, stores: Stores, us: OrganizationId
    ) -> None:
        one, two = a_job(us), a_job(us, state=JobState.FAILED, message="no", finished_at=NOON)
        async with stores.begin(us) as work:
            await work.imports.add(one)
            await work.imports.add(two)
            assert await work.imports.get(one.id) == one
            changed = replace(one, report=replace(one.report, created=3), updated_at=LATER)
            await work.imports.save(changed)
        async with stores.reading(us) as look:
            assert await look.imports.get(one.id) == changed
            page = await look.imports.page(cursor=None, limit=1)
            assert page.items == [two]
            rest = await look.imports.page(cursor=page.next_cursor, limit=1)
            assert (rest.items, rest.next_cursor) == ([changed], None)
        async with stores.reading(OrganizationId(uuid4())) as look:
            assert (await look.imports.page(cursor=None, limit=9)).items == []
            for attempt in (look.imports.get(one.id), look.imports.errors(one.id, after=0, limit=9)):
                with pytest.raises(ImportNotFound):
                    await attempt

    async def test_the_file_and_the_errors_come_back_in_order(
        self, stores: Stores, us: OrganizationId
    ) -> None:
        job = a_job(us)
        errors = [
            RowError(row=n, field="phone", rule="phone", message="é" * 50, value="12••34") for n in range(5)
        ]
        async with stores.begin(us) as work:
            await work.imports.add(job)
            for place, chunk in enumerate((b"\x00\xff" * 100_000, b"b")):
                await work.imports.keep(job.id, place, chunk)
            await work.imports.note(job.id, errors[:3])
            await work.imports.note(job.id, errors[3:])
        async with stores.reading(us) as look:
            assert await look.imports.chunk(job.id, 0) == b"\x00\xff" * 100_000
            assert await look.imports.chunk(job.id, 1) == b"b"
            assert await look.imports.chunk(job.id, 2) is None
            first = await look.imports.errors(job.id, after=0, limit=3)
            rest = await look.imports.errors(job.id, after=first[-1][0], limit=3)
        assert [error for _, error in (*first, *rest)] == errors
        async with stores.begin(us) as work:
            await work.imports.drop(job.id)
        async with stores.reading(us) as look:
            assert await look.imports.chunk(job.id, 0) is None

    async def test_a_job_is_run_by_one_until_its_lease_runs_out(
        self, stores: Stores, us: OrganizationId
    ) -> None:
        queue = await emptied(stores)
        first, second = a_job(us), a_job(us)
        async with stores.begin(us) as work:
            await work.imports.add(first)
            await work.imports.add(second)
        assert await queue.claim("one", NOON, LATER) == replace(first, state=JobState.RUNNING)
        assert await queue.claim("two", NOON, LATER) == replace(second, state=JobState.RUNNING)
        assert await queue.claim("three", LATER, LATER) is None
        async with stores.begin(us) as work:
            assert await work.imports.is_run_by(first.id, "one")
            assert not await work.imports.is_run_by(first.id, "two")
            await work.imports.renew(first.id, "one", LATER + timedelta(seconds=15))
            await work.imports.renew(second.id, "one", LATER + timedelta(seconds=15))
        taken = await queue.claim("three", LATER + timedelta(seconds=1), LATER + timedelta(seconds=30))
        assert taken is not None
        assert taken.id == second.id
        async with stores.begin(us) as work:
            assert await work.imports.is_run_by(second.id, "three")
            await work.imports.save(replace(first, state=JobState.CANCELLED))
        assert await queue.claim("four", LATER + timedelta(seconds=20), LATER) is None
