"""Worlds on an engine of each kind."""

import pytest

from tests.servers import ENGINES, server_of
from tidings.testing.world import World


@pytest.fixture(params=ENGINES)
async def make_world(request, tmp_path):
    """Worlds on an engine of each kind."""
    made = []

    async def make(**how):
        if request.param == "sqlite":
            world = World.on_sqlite(tmp_path, **how)
        else:
            server = server_of(request)
            world = World(server.database("whatsapp_service"), server.database("campaign_service"), **how)
        made.append(world)
        await world.start()
        return world

    yield make
    for world in made:
        await world.close()
