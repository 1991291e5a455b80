"""Fixtures that every test may use."""

import pytest

from tests.contracts.bus.rabbit import rabbit_server
from tests.postgres_server import postgres_url
from tests.redis_server import redis_server
from tests.servers import mariadb_server, mysql_server

__all__ = ["mariadb_server", "mysql_server", "postgres_url", "rabbit_server", "redis_server"]


@pytest.fixture(scope="session")
def anyio_backend():
    return "asyncio"
