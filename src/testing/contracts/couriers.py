"""What every courier promises: a body is brought once, as it is, to that address alone."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidings.application.ports.users.subscriptions import Courier
from tidings.testing.other_side import Mishap, OtherSide, Said, Turn

LONG = b"no " * 1_000_000


@pytest.mark.anyio
class CourierContract:
    """Subclass it beside a fixture `courier` that gives a `Courier` of your own which may bring to one's own
    network: receivers of this suite are on loopback."""

    @pytest.fixture
    async def receiver(self) -> AsyncIterator[OtherSide]:
        async with OtherSide([Said()]) as receiver:
            yield receiver

    @settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(body=st.binary(max_size=2_000))
    async def test_a_body_arrives_as_it_is_with_its_headers(
        self, courier: Courier, receiver: OtherSide, body: bytes
    ) -> None:
        receiver.heard.clear()
        given = {"content-type": "application/json", "webhook-signature": "v1,abc="}
        told = await courier.bring(f"{receiver.url}/hook?of=us", given, body)
        assert (told.status, told.error) == (200, "")
        assert told.took_ms >= 0
        [heard] = receiver.heard
        assert (heard.method, heard.path, heard.query, heard.body) == ("POST", "/hook", {"of": "us"}, body)
        assert given.items() <= heard.headers.items()

    @pytest.mark.parametrize("status", [204, 301, 400, 410, 500])
    async def test_an_answer_is_told_and_never_followed(
        self, courier: Courier, receiver: OtherSide, status: int
    ) -> None:
        leading = {"location": f"{receiver.url}/elsewhere"} if status == 301 else {}
        receiver.turns = [Said(status=status, headers=leading)]
        told = await courier.bring(receiver.url, {}, b"{}")
        assert told.status == status
        assert bool(told.error) == (status != 204)
        assert len(receiver.heard) == 1

    @pytest.mark.parametrize("turn", [Mishap.HANG_UP, Said(body=b"x" * 9_000, cut=True, status=500)])
    async def test_what_breaks_off_is_an_answer_too_and_is_not_repeated(
        self, courier: Courier, receiver: OtherSide, turn: Turn
    ) -> None:
        receiver.turns = [turn]
        told = await courier.bring(receiver.url, {}, b"{}")
        assert told.status in (None, 500)
        assert told.error
        assert len(receiver.heard) == 1

    async def test_nobody_there_is_an_answer_without_a_status(
        self, courier: Courier, receiver: OtherSide
    ) -> None:
        await receiver.leave()
        told = await courier.bring(receiver.url, {}, b"{}")
        assert told.status is None
        assert told.error

    async def test_of_a_long_answer_little_is_kept(self, courier: Courier, receiver: OtherSide) -> None:
        receiver.turns = [Said(status=500, body=LONG)]
        told = await courier.bring(receiver.url, {}, b"{}")
        assert told.status == 500
        assert len(told.error) < 1_000
