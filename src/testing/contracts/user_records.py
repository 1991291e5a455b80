"""What the audit log and the links of WABAs promise: one chain, one owner."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.adapters.embedded.system import uuid7
from tidings.application.ports.users import AuditFilter
from tidings.domain.kernel import OrganizationId, UserId, WabaId
from tidings.domain.users import (
    FIRST_HEAD,
    AuditEntry,
    Organization,
    Waba,
    WabaNotFound,
    WabaTaken,
    first_broken,
)
from tidings.testing.contracts.user_stores import NOON, OfAnOwner, Stores, an_organization, many, words

jsonish = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)


def an_entry(organization: Organization, **given: Any) -> AuditEntry:
    known: dict[str, Any] = {"at": NOON, "what": "team:changed", "subject": str(uuid4())}
    return AuditEntry(id=uuid7(), organization_id=organization.id, **(known | given))


@pytest.mark.anyio
class RecordsContract(OfAnOwner):
    """Subclass it beside a fixture `stores` that gives a `Stores` of your own."""

    @many
    @given(before=st.none() | st.dictionaries(words, jsonish, max_size=3))
    async def test_the_chain_holds_whatever_was_written(
        self, stores: Stores, before: dict[str, Any] | None
    ) -> None:
        organization = an_organization()
        async with stores.begin() as work:
            await work.audit.append(an_entry(organization, before=before), an_entry(organization))
        async with stores.begin() as work:
            await work.audit.append(an_entry(organization, user_id=UserId(uuid7())))
        async with stores.read() as look:
            found = await look.audit.following(organization.id, 0, 10)
            assert [entry.seq for entry in found] == [1, 2, 3]
            assert found[0].before == before
            assert first_broken(FIRST_HEAD, found)[0] is None
            assert await look.audit.length(organization.id) == 3

    async def test_many_who_write_at_once_make_one_chain(self, stores: Stores) -> None:
        organization = an_organization()

        async def write():
            async with stores.begin() as work:
                await work.audit.append(an_entry(organization))

        await asyncio.gather(*(write() for _ in range(12)))
        async with stores.read() as look:
            found = await look.audit.following(organization.id, 0, 100)
            assert [entry.seq for entry in found] == list(range(1, 13))
            assert first_broken(FIRST_HEAD, found)[0] is None

    async def test_the_log_is_filtered(self, stores: Stores) -> None:
        organization, somebody = an_organization(), UserId(uuid7())
        entries = [
            an_entry(organization, what="team:changed", user_id=somebody),
            an_entry(organization, what="team:removed", at=NOON + timedelta(days=1)),
            an_entry(organization, what="member:removed", subject="%_"),
        ]
        async with stores.begin() as work:
            await work.audit.append(*entries)

        async def count(**wanted: Any):
            async with stores.read() as look:
                page = await look.audit.page(organization.id, AuditFilter(**wanted), cursor=None, limit=10)
                return len(page.items)

        assert await count() == 3
        assert await count(what="team:") == 2
        assert await count(what="team:removed") == 1
        assert await count(what="%:") == 0
        assert await count(user_id=somebody) == 1
        assert await count(subject="%_") == 1
        assert await count(since=NOON + timedelta(hours=1)) == 1
        assert await count(until=NOON + timedelta(hours=1)) == 2

    async def test_a_waba_is_one_organisations_even_when_two_ask_at_once(self, stores: Stores) -> None:
        waba_id = WabaId(str(uuid4().int)[:20])
        links = [
            Waba(waba_id=waba_id, organization_id=an_organization().id, connected_at=NOON) for _ in range(4)
        ]

        async def connect(link: Waba):
            async with stores.begin() as work:
                await work.wabas.put(link, b"sealed")

        answers = await asyncio.gather(*(connect(link) for link in links), return_exceptions=True)
        assert sum(answer is None for answer in answers) == 1
        assert sum(isinstance(answer, WabaTaken) for answer in answers) == 3
        winner = links[answers.index(None)]
        async with stores.begin() as work:
            assert await work.wabas.sealed(waba_id) == (winner, b"sealed")
            assert (winner, b"sealed") in await work.wabas.all(None, 1000)
            with pytest.raises(WabaNotFound):
                await work.wabas.remove(OrganizationId(uuid7()), waba_id)
            await work.wabas.put(winner, b"anew")
            await work.wabas.remove(winner.organization_id, waba_id)
            assert await work.wabas.sealed(waba_id) is None
