"""A campaign's message from launch to read is one trace, whoever had a part in it."""

from datetime import UTC, datetime
from time import monotonic
from uuid import UUID, uuid4

import httpx
import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.test_library import PASSWORD, approved, soon
from tidings import Tidings
from tidings.adapters.observing.requests import Timed
from tidings.adapters.observing.traces import Spans
from tidings.application.campaigns import NewCampaign
from tidings.application.contacts.people import NewContact
from tidings.application.ports.bus import Envelope, is_deflated, packed
from tidings.bootstrap.app import entrance
from tidings.bootstrap.assembly import assembled
from tidings.bootstrap.observing import traced
from tidings.bootstrap.platform import running
from tidings.bootstrap.settings import read_settings
from tidings.domain.campaigns import Fill
from tidings.domain.events import MessagesMoved, Move

pytestmark = pytest.mark.anyio


async def test_a_campaigns_message_from_launch_to_read_is_in_one_trace(tmp_path):
    told = InMemorySpanExporter()
    settings = read_settings({}, data=tmp_path, traces_share=1.0, sandbox_people=3)
    async with (
        assembled(settings) as container,
        running(container) as platform,
        traced(platform, SimpleSpanProcessor(told)),
    ):
        service = Timed(entrance(container), container.metrics(), monotonic)
        async with Tidings.remote("http://t", transport=httpx.ASGITransport(service)) as t:
            me = await t.sign_up("Rowan", "rowan@example.org", PASSWORD)
            template = await approved(t, me)
            for n in range(8):
                await t.contacts.add(me, NewContact(phone=f"+4477009000{n:02}", country_code="+44"))
            fill = {"body.1": Fill(field="firstName", fallback="there")}
            new = NewCampaign(name="News", template_id=template.id, parameters=fill)
            campaign = await t.campaigns.create(me, new)
            await t.campaigns.launch(me, campaign.id)

            def of_it():
                return [
                    each for each in told.get_finished_spans() if each.context.trace_id == campaign.id.int
                ]

            async def somebody_read():
                read = [each for each in of_it() if each.name == "message read"]
                return read and str(read[0].attributes["tidings.message_id"])

            reader = await soon(somebody_read, 60)
            spans = of_it()
    names = {each.name for each in spans}
    assert {"POST /api/campaigns/{id}/launch", "campaign planning", "campaign running"} <= names
    theirs = {each.name for each in spans if each.attributes.get("tidings.message_id") == reader}
    assert {"send", "message accepted", "message read"} <= theirs
    (first,) = {each.context.span_id for each in spans if each.parent is None}
    assert {each.parent.span_id for each in spans if each.parent is not None} == {first}
    assert [each for each in spans if each.end_time < each.start_time] == []


def envelope(campaign, *moves):
    event = MessagesMoved(organization_id=uuid4(), campaign_id=campaign, moves=moves)
    return Envelope(
        id=uuid4(),
        type=MessagesMoved.__struct_config__.tag,
        key=str(campaign),
        organization_id=event.organization_id,
        occurred_at=moves[0].at,
        body=packed(event),
    )


def test_what_is_told_twice_or_elsewhere_is_the_same_span():
    at = datetime(2026, 11, 26, 12, tzinfo=UTC)
    campaign, message = uuid4(), uuid4()
    seen = set()
    for _ in range(2):
        told = InMemorySpanExporter()
        spans = Spans.to(SimpleSpanProcessor(told), 1.0, lambda: at)
        for _ in range(2):
            spans.published([envelope(campaign, Move(message_id=message, version=4, state="sent", at=at))])
        seen |= {(each.context.trace_id, each.context.span_id) for each in told.get_finished_spans()}
    assert len(seen) == 1


def test_a_long_event_which_leaves_deflated_is_told_of_as_well():
    told, at = InMemorySpanExporter(), datetime(2026, 11, 26, 12, tzinfo=UTC)
    moves = tuple(Move(message_id=uuid4(), version=4, state="sent", at=at) for _ in range(200))
    long = envelope(uuid4(), *moves)
    assert is_deflated(long.body)
    Spans.to(SimpleSpanProcessor(told), 1.0, lambda: at).published([long])
    assert len(told.get_finished_spans()) == 200


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_a_share_of_the_messages_is_told_of_everywhere_alike(share):
    spans = Spans.to(SimpleSpanProcessor(InMemorySpanExporter()), share, lambda: datetime.now(UTC))
    ids = [UUID(int=n * 2654435761 % 2**32) for n in range(4000)]
    chosen = sum(map(spans.chosen, ids))
    assert abs(chosen - share * len(ids)) < 200
