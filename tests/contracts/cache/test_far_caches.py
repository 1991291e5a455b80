"""Redis as a store of replies."""

import time

import pytest

from tidings.adapters.redis.cache import RedisCache
from tidings.adapters.redis.link import Link
from tidings.testing.contracts.far_caches import FarCacheContract


@pytest.fixture
async def links(redis_server):
    links = [Link(redis_server.url, time.monotonic, patience=20.0) for _ in range(2)]
    yield links
    for link in links:
        await link.aclose()


class TestRedisCache(FarCacheContract):
    @pytest.fixture
    def here(self, links):
        return RedisCache(links[0])

    @pytest.fixture
    def there(self, links):
        return RedisCache(links[1])
