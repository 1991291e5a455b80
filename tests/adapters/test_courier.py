"""The courier reaches the public internet alone: decided where the connection is made."""

import socket

import pytest
from aiohttp.abc import AbstractResolver

from tidings.adapters.courier import HttpCourier, PublicResolver, is_global

pytestmark = pytest.mark.anyio


class Names(AbstractResolver):
    """Resolves every name to these addresses."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses

    async def resolve(self, host, port=0, family=socket.AF_INET):
        return [
            {"hostname": host, "host": each, "port": port, "family": family, "proto": 0, "flags": 0}
            for each in self.addresses
        ]

    async def close(self) -> None: ...


INSIDE = """127.0.0.1 10.1.2.3 192.168.1.1 169.254.169.254 100.64.0.1 0.0.0.0 224.0.0.1 ::1 fe80::1 fd00::1
::ffff:127.0.0.1 2002:7f00:1:: 64:ff9b::a00:1 64:ff9b:1::1"""


@pytest.mark.parametrize("address", INSIDE.split())
def test_addresses_inside_are_not_global(address):
    assert not is_global(address)


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
def test_addresses_of_the_internet_are(address):
    assert is_global(address)


async def test_only_public_addresses_of_a_name_are_kept():
    found = await PublicResolver(Names("10.0.0.1", "93.184.215.14")).resolve("shop.example.com")
    assert [each["host"] for each in found] == ["93.184.215.14"]


async def test_a_name_that_leads_inside_is_not_called():
    """Also when it was public while it was looked at before: what counts is where the connection goes."""
    courier = HttpCourier(resolver=Names("169.254.169.254"))
    try:
        answer = await courier.bring("https://shop.example.com/hook", {}, b"{}")
    finally:
        await courier.aclose()
    assert answer.status is None
    assert "no public address" in answer.error


async def test_a_number_in_place_of_a_name_is_not_called():
    courier = HttpCourier()
    answer = await courier.bring("https://127.0.0.1/hook", {}, b"{}")
    await courier.aclose()
    assert (answer.status, answer.error) == (None, "this is no public address")
