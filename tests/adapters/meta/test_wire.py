"""Our words in Meta's JSON."""

import json

import msgspec
import pytest
from hypothesis import given, settings

from tests.adapters.meta.conftest import ATTEMPT, outgoing
from tests.adapters.meta.samples import SAMPLES
from tests.adapters.meta.saying import CONTENTS, heard
from tidings.adapters.meta.wire import encode, encode_receipt
from tidings.application.ports.gateway import parse_callback_data
from tidings.domain.whatsapp.content import Content
from tidings.domain.whatsapp.limits import check


@pytest.mark.parametrize("name", SAMPLES)
def test_every_kind_of_message_is_spelt_as_in_metas_own_pages(name):
    content, said = SAMPLES[name]
    assert json.loads(encode(outgoing(content))) == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": "+447700900123",
        "biz_opaque_callback_data": f"a1:{ATTEMPT.hex}",
        **said,
    }


@pytest.mark.parametrize("name", SAMPLES)
def test_none_of_metas_own_samples_is_refused_by_our_limits(name):
    assert check(SAMPLES[name][0]) == ()


def test_a_person_without_a_phone_is_reached_by_their_user_id():
    said = json.loads(encode(outgoing(to=None, recipient="GB.7f3Kq0012ab")))
    assert said["recipient"] == "GB.7f3Kq0012ab"
    assert "to" not in said


def test_an_answer_quotes_what_it_answers():
    said = json.loads(encode(outgoing(reply_to="wamid.INBOUND001")))
    assert said["context"] == {"message_id": "wamid.INBOUND001"}


def test_the_attempt_travels_with_the_message_and_is_known_again():
    said = json.loads(encode(outgoing()))
    assert len(said["biz_opaque_callback_data"]) == 35
    assert parse_callback_data(said["biz_opaque_callback_data"]) == ATTEMPT


def test_a_receipt_may_show_that_an_answer_is_being_written():
    assert encode_receipt("wamid.IN", typing=True) == {
        "messaging_product": "whatsapp",
        "status": "read",
        "message_id": "wamid.IN",
        "typing_indicator": {"type": "text"},
    }
    assert "typing_indicator" not in encode_receipt("wamid.IN")


@settings(max_examples=300)
@given(CONTENTS)
def test_any_valid_message_comes_through_the_wire_as_it_was_meant(content):
    assert check(content) == ()
    assert heard(json.loads(encode(outgoing(content)))) == content


@given(CONTENTS)
def test_any_message_comes_back_from_where_it_is_kept(content):
    assert msgspec.json.decode(msgspec.json.encode(content), type=Content) == content
