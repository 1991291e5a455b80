"""What the suites of the whatsapp context stand on: stores of yours, and messages to put there."""

from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings

from tidings.adapters.embedded.system import uuid7
from tidings.application.ports.whatsapp import Begin, Due, MessageReader
from tidings.domain.kernel import (
    CampaignId,
    MessageId,
    OrganizationId,
    Phone,
    PhoneNumberId,
    WabaId,
    person_key,
)
from tidings.domain.whatsapp.content import Text
from tidings.domain.whatsapp.messages import Message
from tidings.domain.whatsapp.numbers import Number, Run, RunState
from tidings.testing.contracts.organizations import OfAnOrganization

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
some = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Stores(Protocol):
    """Writing transactions, looks that wait for nobody, what is due, and an organisation's history."""

    @property
    def begin(self) -> Begin: ...
    @property
    def read(self) -> Begin: ...
    @property
    def due(self) -> Due: ...
    @property
    def history(self) -> MessageReader: ...


class OfANumber(OfAnOrganization):
    """Each test has an organisation and a sending number of its own."""

    @pytest.fixture
    def lane(self) -> PhoneNumberId:
        """A number that nobody else sends from."""
        return a_lane()


def a_lane() -> PhoneNumberId:
    return PhoneNumberId(f"1{uuid4().int % 10**14:014}")


def a_message(us: OrganizationId, lane: PhoneNumberId, **given: Any) -> Message:
    phone = Phone(f"+4477{uuid4().int % 10**8:08}")
    known: dict[str, Any] = {
        "id": MessageId(uuid7()),
        "organization_id": us,
        "phone_number_id": lane,
        "person": person_key(phone),
        "to": phone,
        "content": Text(body="Hello • there"),
        "created_at": NOON,
        "next_attempt_at": NOON,
    }
    return Message(**known | given)


def a_run(us: OrganizationId, lane: PhoneNumberId, **given: Any) -> Run:
    known: dict[str, Any] = {
        "campaign_id": CampaignId(uuid7()),
        "organization_id": us,
        "phone_number_id": lane,
        "state": RunState.RUNNING,
        "epoch": 1,
    }
    return Run(**known | given)


def a_number(us: OrganizationId, lane: PhoneNumberId, **given: Any) -> Number:
    known: dict[str, Any] = {
        "phone_number_id": lane,
        "organization_id": us,
        "waba_id": WabaId("920000000000101"),
        "display_phone_number": "+44 20 7946 0958",
        "verified_name": "Acme",
        "quality_rating": "GREEN",
        "messages_per_second": 80,
        "connected_at": NOON,
    }
    return Number(**known | given)
