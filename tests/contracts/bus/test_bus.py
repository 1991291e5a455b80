"""What every message bus promises, whatever it is made of."""

from tidings.application.ports.bus import SHARDS, shard_of
from tidings.testing.contracts.bus import BusContract
from tidings.testing.contracts.bus_failures import BusFailuresContract


class TestBus(BusContract):
    pass


class TestBusFailures(BusFailuresContract):
    pass


def test_keys_are_dealt_evenly():
    counts = [0] * SHARDS
    for n in range(8_000):
        counts[shard_of(f"key {n}")] += 1
    assert min(counts) > 800
