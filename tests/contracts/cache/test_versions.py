"""Our own sources of versions, and what Redis's may cost when it is gone."""

import asyncio
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from tests.redis_server import RedisServer
from tidings.adapters.embedded.sqlite import sqlite_database
from tidings.adapters.embedded.versions import FileVersions
from tidings.adapters.redis.cache import SILENCE, RedisCache, RedisVersions
from tidings.adapters.redis.link import REST, Link
from tidings.domain.kernel import OrganizationId
from tidings.testing.contracts.versions import US, VersionsContract

pytestmark = pytest.mark.anyio
THEM = OrganizationId(uuid4())


@dataclass
class Place:
    """Two processes that look, and a change that one of them makes."""

    here: Any
    there: Any
    change: Any


@asynccontextmanager
async def _files(tmp_path):
    path = tmp_path / "contacts.db"
    database = sqlite_database(path)
    async with database.begin() as connection:
        await connection.exec_driver_sql("CREATE TABLE things (n INTEGER)")
    here, there = FileVersions({"contacts": path}), FileVersions({"contacts": path})

    async def change(organization):
        async with database.begin() as connection:
            await connection.exec_driver_sql("INSERT INTO things VALUES (1)")

    yield Place(here, there, change)
    here.close()
    there.close()
    await database.close()


@asynccontextmanager
async def _listening(url):
    versions = RedisVersions(Link(url, time.monotonic, patience=20.0), uuid4)
    stop = asyncio.Event()
    running = asyncio.create_task(versions.run(stop))
    try:
        await _heard(versions)
        yield versions
    finally:
        stop.set()
        await running
        await versions.link.aclose()


async def _heard(versions):
    async with asyncio.timeout(10):
        while await versions.of("contacts", OrganizationId(uuid4())) is None:
            await asyncio.sleep(0.02)


@asynccontextmanager
async def _redis(url):
    async with _listening(url) as here, _listening(url) as there:

        async def change(organization):
            await there.changing("contacts", organization)
            await there.changed("contacts", organization)
            # News takes a moment from process to process.
            await asyncio.sleep(0.1)

        yield Place(here, there, change)


@pytest.fixture(params=["files", "redis"])
async def place(request, tmp_path):
    if request.param == "files":
        async with _files(tmp_path) as place:
            yield place
    else:
        async with _redis(request.getfixturevalue("redis_server").url) as place:
            yield place


class TestVersions(VersionsContract):
    pass


async def test_one_who_changes_sees_it_without_waiting_for_news(redis_server):
    async with _redis(redis_server.url) as place:
        for _ in range(20):
            before = await place.here.of("contacts", US)
            await place.here.changing("contacts", US)
            assert await place.here.of("contacts", US) is None
            await place.here.changed("contacts", US)
            assert await place.here.of("contacts", US) not in (None, before)


async def test_other_organisations_keep_their_version(redis_server):
    async with _redis(redis_server.url) as place:
        before = await place.here.of("contacts", THEM)
        await place.change(US)
        assert await place.here.of("contacts", THEM) == before


async def test_a_writer_that_dies_in_between_lets_nothing_be_kept(redis_server):
    dying = OrganizationId(uuid4())
    async with _redis(redis_server.url) as place:
        await place.there.changing("contacts", dying)
        await asyncio.sleep(0.1)
        assert await place.here.of("contacts", dying) is None
        assert await place.here.of("contacts", THEM) is not None


async def test_what_is_kept_is_read_by_others_until_its_time_is_over(redis_server):
    link = Link(redis_server.url, time.monotonic)
    cache, key = RedisCache(link), uuid4().hex
    assert await cache.read(key) is None
    await cache.keep(key, b"\x00{}", seconds=0.3)
    assert await cache.read(key) == b"\x00{}"
    await asyncio.sleep(0.4)
    assert await cache.read(key) is None
    await link.aclose()


@pytest.mark.parametrize("gone", ["killed", "frozen"])
async def test_a_redis_that_is_gone_costs_little_and_comes_back(redis_server: RedisServer, gone):
    if not redis_server.ours:
        pytest.skip("the Redis of REDIS_URL is not ours to kill")
    async with _listening(redis_server.url) as versions:
        cache = RedisCache(versions.link)
        try:
            redis_server.kill() if gone == "killed" else redis_server.freeze()
            assert await cache.read("anything") is None
            await cache.keep("anything", b"", seconds=1)
            await versions.changed("contacts", US)
            # After one command's patience the others are not even tried.
            assert not versions.link.open
            assert await versions.of("contacts", US) is None
            await asyncio.sleep(SILENCE + 0.5)
            assert await versions.of("contacts", THEM) is None
        finally:
            redis_server.start() if gone == "killed" else redis_server.thaw()
        await asyncio.sleep(REST)
        await _heard(versions)
        await cache.keep("anything", b"again", seconds=5)
        assert await cache.read("anything") == b"again"


async def test_emptying_redis_costs_misses_only(redis_server):
    async with _redis(redis_server.url) as place:
        before = await place.here.of("contacts", US)
        await place.here.link.ask(lambda line: line.flushall())
        await place.change(US)
        assert await place.here.of("contacts", US) not in (None, before)
