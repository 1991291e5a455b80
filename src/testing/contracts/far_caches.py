"""What every store of replies that processes share promises: bytes come back as they were, or not at all."""

import asyncio
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidings.application.ports.cache import FarCache


@pytest.mark.anyio
class FarCacheContract:
    """Subclass it beside fixtures `here` and `there` that give a `FarCache` each of the same store."""

    @settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(value=st.binary(max_size=5_000))
    async def test_what_one_keeps_another_reads(self, here: FarCache, there: FarCache, value: bytes) -> None:
        key = uuid4().hex
        assert await there.read(key) is None
        await here.keep(key, value, seconds=60)
        assert await there.read(key) == value
        assert await there.read(key + "x") is None

    async def test_the_last_word_counts(self, here: FarCache, there: FarCache) -> None:
        key = uuid4().hex
        for value in (b"one", b"", b"two"):
            await there.keep(key, value, seconds=60)
            assert await here.read(key) == value

    async def test_nothing_is_kept_for_longer_than_was_said(self, here: FarCache, there: FarCache) -> None:
        key = uuid4().hex
        await here.keep(key, b"short", seconds=0.2)
        await here.keep(key + "long", b"long", seconds=60)
        await asyncio.sleep(0.5)
        assert await there.read(key) is None
        assert await there.read(key + "long") == b"long"

    async def test_many_at_once_each_get_their_own(self, here: FarCache, there: FarCache) -> None:
        keys = [uuid4().hex for _ in range(300)]
        await asyncio.gather(*(here.keep(key, key.encode(), seconds=60) for key in keys))
        assert await asyncio.gather(*(there.read(key) for key in keys)) == [key.encode() for key in keys]
