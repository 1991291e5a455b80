"""What every gateway promises: one message is one request at most, and what came of it is told as it is.

The suite plays Meta on loopback (`tidings.testing.other_side`), so it runs against whatever speaks HTTP.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import get_args
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tidings.application.ports.gateway import (
    Accepted,
    Gateway,
    NotSent,
    Outgoing,
    Rejected,
    Unclear,
    Verdict,
    callback_data,
)
from tidings.domain.kernel import AttemptId, Phone, Wamid
from tidings.domain.whatsapp.content import Content, Text
from tidings.testing.contracts.played_meta import HTML, NUMBER, WABA, PlayedMeta, Tokens, refused
from tidings.testing.other_side import Heard, Mishap, OtherSide, Said, Turn, said
from tidings.testing.strategies_domain import of

TAKEN = Wamid("wamid.TAKEN")


def taken(heard: Heard) -> Said:
    """Meta's yes, with a wamid of this very message (fact sheet 2.2)."""
    wamid = f"wamid.{heard.said['biz_opaque_callback_data']}"
    return said({"contacts": [{"input": "x", "wa_id": "447700900123"}], "messages": [{"id": wamid}]})


def taken_and_closed(heard: Heard) -> Said:
    return replace(taken(heard), closing=True)


HALF = Said(body=b'{"messages":[{"id":"wamid.LOST"}]}', cut=True)
UNCLEAR: "tuple[Turn, ...]" = (
    HTML,
    HALF,
    Mishap.HANG_UP,
    Said(),
    said({"success": True}),
    said({"messages": []}),
    refused(1, 500),
    refused(131000, 500),
)
"""After any of these the message may be on its way, or not."""
REFUSALS = {
    131056: Verdict.PAIR_WAIT,
    130429: Verdict.SLOW_DOWN,
    131016: Verdict.RETRY,
    131026: Verdict.GIVE_UP,
    131050: Verdict.SUPPRESS,
    132015: Verdict.STOP_TEMPLATE,
    131048: Verdict.STOP_NUMBER,
    368: Verdict.STOP_ACCOUNT,
    190: Verdict.RENEW_TOKEN,
}
"""One code of each kind, and what it asks of us (fact sheet 7.5)."""


contents: st.SearchStrategy[Content] = st.one_of(*(of(each) for each in get_args(Content)))


def an_outgoing(content: Content | None = None) -> Outgoing:
    return Outgoing(
        attempt_id=AttemptId(uuid4()),
        waba_id=WABA,
        phone_number_id=NUMBER,
        to=Phone("+447700900123"),
        content=content or Text(body="Your parcel is at the depot."),
    )


@pytest.mark.anyio
class GatewayContract(PlayedMeta):
    """Subclass it beside a fixture `gateway` that gives a `Gateway` of your own: it finds Meta at the address
    `meta.url`, and tokens with `tokens`, fixtures of this suite that yours may ask for."""

    @pytest.fixture
    async def meta(self) -> AsyncIterator[OtherSide]:
        async with OtherSide([taken]) as meta:
            yield meta

    async def test_what_is_taken_has_a_wamid_and_carries_the_attempt(
        self, gateway: Gateway, meta: OtherSide
    ) -> None:
        message = an_outgoing()
        told = await gateway.send(message)
        wamid = Wamid(f"wamid.{callback_data(message.attempt_id)}")
        assert told == Accepted(wamid=wamid, wa_id="447700900123")
        [heard] = meta.heard
        assert (heard.method, heard.path.rsplit("/", 2)[1:]) == ("POST", [NUMBER, "messages"])
        assert heard.headers["authorization"] == "Bearer EAATOKEN"
        assert heard.said["to"].removeprefix("+") == "447700900123"
        assert heard.said["text"]["body"] == "Your parcel is at the depot."

    async def test_everybody_of_many_at_once_gets_their_own_answer(
        self, gateway: Gateway, meta: OtherSide
    ) -> None:
        many = [an_outgoing() for _ in range(100)]
        told = await asyncio.gather(*(gateway.send(each) for each in many))
        wamids = [each.wamid for each in told if isinstance(each, Accepted)]
        assert wamids == [f"wamid.{callback_data(each.attempt_id)}" for each in many]
        assert len(meta.heard) == len(many)

    @pytest.mark.parametrize("turn", UNCLEAR, ids=range(len(UNCLEAR)))
    async def test_where_nobody_knows_it_says_so_and_asks_once(
        self, gateway: Gateway, meta: OtherSide, turn: Turn
    ) -> None:
        meta.turns = [turn, taken]
        assert isinstance(await gateway.send(an_outgoing()), Unclear)
        assert len(meta.heard) == 1

    @pytest.mark.parametrize(("code", "verdict"), REFUSALS.items())
    async def test_a_refusal_says_what_to_do(
        self, gateway: Gateway, meta: OtherSide, code: int, verdict: Verdict
    ) -> None:
        meta.turns = [refused(code), taken]
        told = await gateway.send(an_outgoing())
        assert isinstance(told, Rejected)
        assert (told.code, told.verdict, told.fbtrace_id) == (code, verdict, "Ab")
        assert told.message
        assert len(meta.heard) == 1

    async def test_what_never_left_is_said_not_to_have_been_sent(
        self, gateway: Gateway, meta: OtherSide, tokens: Tokens
    ) -> None:
        kept, tokens.token_of = tokens.token_of, {}
        assert isinstance(await gateway.send(an_outgoing()), NotSent)
        assert meta.heard == []
        tokens.token_of = kept
        await meta.leave()
        assert isinstance(await gateway.send(an_outgoing()), NotSent)

    async def test_a_new_token_is_used_at_once(
        self, gateway: Gateway, meta: OtherSide, tokens: Tokens
    ) -> None:
        await gateway.send(an_outgoing())
        tokens.token_of[WABA] = "EAANEW"
        await gateway.send(an_outgoing())
        assert [each.headers["authorization"][-6:] for each in meta.heard] == ["ATOKEN", "EAANEW"]

    async def test_whoever_gives_up_waiting_is_let_go_and_the_next_is_served(
        self, gateway: Gateway, meta: OtherSide
    ) -> None:
        arrived = asyncio.Event()

        def silence(_: Heard) -> Mishap:
            arrived.set()
            return Mishap.SILENCE

        meta.turns = [silence, taken]
        waiting = asyncio.create_task(gateway.send(an_outgoing()))
        await arrived.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert isinstance(await gateway.send(an_outgoing()), Accepted)

    @settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(turns=st.lists(st.sampled_from([*UNCLEAR, taken, taken_and_closed, refused(131026)]), max_size=12))
    async def test_connections_that_break_or_close_at_any_time_send_nothing_twice(
        self, gateway: Gateway, meta: OtherSide, turns: "list[Turn]"
    ) -> None:
        meta.heard.clear()
        for turn in turns:
            meta.turns = [turn]
            message = an_outgoing()
            told = await gateway.send(message)
            data = callback_data(message.attempt_id)
            arrived = [each for each in meta.heard if each.said["biz_opaque_callback_data"] == data]
            assert len(arrived) <= 1
            if isinstance(told, Accepted | Rejected):
                assert arrived
            if isinstance(told, NotSent):
                assert not arrived

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(content=contents)
    async def test_whatever_is_sent_the_answer_is_no_exception(
        self, gateway: Gateway, meta: OtherSide, content: Content
    ) -> None:
        meta.turns = [taken]
        told = await gateway.send(an_outgoing(content))
        assert isinstance(told, Accepted | Rejected | NotSent | Unclear)
