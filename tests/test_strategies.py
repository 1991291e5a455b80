"""What the harness draws is what the platform takes: numbers that parse, and bodies that Meta could send."""

import json

import pytest
from hypothesis import given, settings

from tidings.adapters.meta.webhooks import MetaWebhookReader
from tidings.adapters.numbering import WorldNumbering
from tidings.application.ports.meta import BadItem, BadSignature, InboundUpdate, StatusUpdate
from tidings.domain.kernel import person_key
from tidings.testing import strategies

SECRET = "an app secret"
READER = MetaWebhookReader((SECRET,))


@settings(deadline=None)
@given(strategies.new_contacts())
def test_every_number_is_one(contact):
    parsed = WorldNumbering().parse(contact.phone, "+44")
    assert parsed.person == person_key(contact.phone)


@settings(deadline=None)
@given(strategies.bodies())
def test_every_body_is_read_whole(body):
    READER.verify(strategies.signature(body, SECRET), body)
    with pytest.raises(BadSignature):
        READER.verify(strategies.signature(body, "another"), body)
    updates = READER.read(body)
    assert not [each for each in updates if isinstance(each, BadItem)]
    told = [change["value"] for change in json.loads(body)["entry"][0]["changes"]]
    wanted = sorted(
        each["id"] for value in told for name in ("statuses", "messages") for each in value.get(name, [])
    )
    assert sorted(each.wamid for each in updates if isinstance(each, StatusUpdate | InboundUpdate)) == wanted
