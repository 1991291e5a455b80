"""Fixtures that every test may use."""

import pytest
from sqlalchemy.engine import make_url

from tests.contracts.bus.rabbit import rabbit_server
from tests.postgres_server import postgres_url
from tests.redis_server import redis_server
from tests.servers import mariadb_server, mysql_server
from tidings.adapters.embedded.system import collect_rarely
from tidings.bootstrap.settings import DATABASES

__all__ = ["mariadb_server", "mysql_server", "postgres_url", "rabbit_server", "redis_server"]


LONG = tuple(f"tests/{name}" for name in ("shapes/", "faults/", "test_harness.py"))
"""Tests of many processes, and of thousands of campaigns."""


def pytest_collection_modifyitems(items):
    """What takes longest begins first: of what is short, others can take over the rest at the end."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))


def pytest_collection_finish(session):
    """Modules and tests stay: to look for cycles among them again and again takes a sixth of the time."""
    collect_rarely()


@pytest.fixture(scope="session")
def anyio_backend():
    return "asyncio"


@pytest.fixture
def on_servers(mysql_server, redis_server):
    """The settings of a platform on MySQL and Redis, with fresh databases."""
    for name in DATABASES.values():
        mysql_server.database(name)
    server = make_url(mysql_server.url)
    return {
        "DB_HOST": server.host,
        "DB_PORT": str(server.port),
        "DB_USER": server.username,
        "DB_PASSWORD": server.password or "",
        "REDIS_URL": redis_server.url,
    }
