"""Meta's webhooks: who may speak, and that every item is heard whatever stands beside it."""

import hmac
import json
import re
import time
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidings.adapters.meta.webhooks import MetaWebhookReader
from tidings.application.ports import meta as facts
from tidings.application.ports.gateway import Verdict
from tidings.application.ports.meta import (
    BadItem,
    BadSignature,
    InboundUpdate,
    OtherUpdate,
    PreferenceUpdate,
    StatusError,
    StatusUpdate,
    TemplateUpdate,
    UnreadableBody,
)

SECRET = "demo_app_secret_0001"
READER = MetaWebhookReader([SECRET])
EMPTY = b'{"object":"whatsapp_business_account","entry":[]}'
METADATA = {"display_phone_number": "442079460958", "phone_number_id": "310000000000202"}
CONTACTS = [{"profile": {"name": "Rowan"}, "wa_id": "447700900123", "user_id": "GB.7f3Kq0012ab"}]
DELIVERED = {
    "id": "wamid.OUT010",
    "status": "delivered",
    "timestamp": "1790000150",
    "recipient_id": "447700900123",
    "recipient_user_id": "GB.7f3Kq0012ab",
    "biz_opaque_callback_data": "a1:0199a0b1c2d37e4f8a5b6c7d8e9f0a1b",
    "pricing": {"billable": True, "pricing_model": "PMP", "type": "regular", "category": "utility"},
}


def body(*changes, time=1790000000, **more) -> bytes:
    entry = {"id": "920000000000101", "time": time, "changes": list(changes)}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]} | more).encode()


def talk(field="messages", **value):
    return {"field": field, "value": {"messaging_product": "whatsapp", "metadata": METADATA} | value}


def read(*changes, **more):
    return READER.read(body(*changes, **more))


def one(*changes, **more):
    (update,) = read(*changes, **more)
    return update


def heard(**message):
    said = {"from": "447700900123", "id": "wamid.IN", "timestamp": "1790000200"} | message
    return one(talk(contacts=CONTACTS, messages=[said]))


# Signatures.


@pytest.mark.parametrize(
    ("raw", "signature"),
    [
        (EMPTY, "590b2c1b8d9e079e5055ba4637a91e95d8b1d183ecb0c9a256e8488166772b61"),
        (rb'{"text":"caf\u00e9"}', "ff93d1d6dc8209a2164b89fba493b3b841b0128ed09432486ce4e7986700e2e7"),
    ],
)
def test_the_signatures_of_the_fact_sheet_are_right(raw, signature):
    READER.verify(f"sha256={signature}", raw)


def sign(raw: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.digest(secret.encode(), raw, "sha256").hex()


@pytest.mark.parametrize(
    "signature",
    [
        None,
        "",
        "sha256=",
        sign(EMPTY)[:-1],
        sign(EMPTY).upper(),
        sign(EMPTY).removeprefix("sha256="),
        sign(EMPTY).replace("sha256", "sha1"),
        sign(EMPTY) + " ",
        sign(EMPTY, "another secret"),
        "sha256=é",
        "sha256=\udcff",
    ],
)
def test_any_other_signature_is_refused(signature):
    with pytest.raises(BadSignature):
        READER.verify(signature, EMPTY)


def test_the_signature_is_that_of_the_bytes_and_not_of_their_meaning():
    with pytest.raises(BadSignature):
        READER.verify(sign(EMPTY), EMPTY + b" ")
    with pytest.raises(BadSignature):
        READER.verify(sign(rb'{"text":"caf\u00e9"}'), '{"text":"café"}'.encode())


def test_while_a_secret_is_changed_both_count():
    reader = MetaWebhookReader(["new", "old"])
    reader.verify(sign(EMPTY, "old"), EMPTY)
    reader.verify(sign(EMPTY, "new"), EMPTY)
    with pytest.raises(BadSignature):
        reader.verify(sign(EMPTY, "older"), EMPTY)


@pytest.mark.parametrize("secrets", [[], [""], ["good", ""]])
def test_there_is_no_reader_without_a_secret(secrets):
    with pytest.raises(ValueError, match="secret"):
        MetaWebhookReader(secrets)


def test_signatures_are_compared_in_constant_time(monkeypatch):
    compared = []
    monkeypatch.setattr(hmac, "compare_digest", lambda a, b: compared.append(a) or True)
    MetaWebhookReader(["a", "b"]).verify("x", EMPTY)
    assert len(compared) == 2


# Statuses.


def test_a_status_is_read_with_everything_it_says():
    update = one(talk(contacts=CONTACTS, statuses=[DELIVERED]))
    assert msgspec.structs.replace(update, raw=msgspec.Raw()) == StatusUpdate(
        phone_number_id="310000000000202",
        wamid="wamid.OUT010",
        status="delivered",
        at=datetime(2026, 9, 21, 14, 15, 50, tzinfo=UTC),
        callback_data="a1:0199a0b1c2d37e4f8a5b6c7d8e9f0a1b",
        recipient_id="447700900123",
        recipient_user_id="GB.7f3Kq0012ab",
        pricing_category="utility",
        pricing_type="regular",
        billable=True,
    )
    assert json.loads(bytes(update.raw)) == DELIVERED


def test_a_failure_comes_with_what_the_catalogue_says_of_it():
    error = {"code": 131049, "title": "Not delivered", "error_data": {"details": "withheld"}, "href": "/x"}
    update = one(
        talk(statuses=[{"id": "w", "status": "failed", "timestamp": "1790000160", "errors": [error]}])
    )
    assert update.error == StatusError(
        code=131049,
        title="Not delivered",
        details="withheld",
        verdict=Verdict.RETRY,
        wait=86400,
        max_attempts=2,
    )


@pytest.mark.parametrize("status", ["sent", "read", "played", "deleted", "something new"])
def test_a_status_word_is_kept_as_it_came(status):
    assert one(talk(statuses=[DELIVERED | {"status": status}])).status == status


@pytest.mark.parametrize(
    "oddity",
    [
        {"pricing": "free"},
        {"errors": "none"},
        {"errors": [7]},
        {"recipient_id": 447700900123},
        {"conversation": []},
    ],
)
def test_an_oddity_beside_a_status_does_not_cost_us_the_status(oddity):
    update = one(talk(statuses=[DELIVERED | oddity]))
    assert (update.status, update.wamid, update.callback_data[:3]) == ("delivered", "wamid.OUT010", "a1:")


def test_a_status_without_a_phone_still_names_the_person():
    said = {name: value for name, value in DELIVERED.items() if name != "recipient_id"}
    update = one(talk(statuses=[said]))
    assert (update.recipient_id, update.recipient_user_id) == (None, "GB.7f3Kq0012ab")


@pytest.mark.parametrize("timestamp", [1790000150, "1790000150", 1790000150000])
def test_a_time_may_be_a_number_or_a_text(timestamp):
    assert one(talk(statuses=[DELIVERED | {"timestamp": timestamp}])).at.year == 2026


# What people write.

TYPES = [
    ({"type": "text", "text": {"body": "Yes please"}}, "Yes please", "", None),
    ({"type": "image", "image": {"id": "1", "caption": "Broken seal"}}, "Broken seal", "", None),
    ({"type": "video", "video": {"id": "1"}}, "", "", None),
    ({"type": "audio", "audio": {"id": "1", "voice": True}}, "", "", None),
    ({"type": "document", "document": {"id": "1", "caption": "Bill", "filename": "b"}}, "Bill", "", None),
    ({"type": "sticker", "sticker": {"id": "1", "animated": False}}, "", "", None),
    (
        {"type": "location", "location": {"latitude": 51.5, "longitude": -0.1, "name": "Depot"}},
        "Depot",
        "",
        None,
    ),
    ({"type": "contacts", "contacts": [{"name": {"formatted_name": "Rowan"}}]}, "Rowan", "", None),
    ({"type": "reaction", "reaction": {"message_id": "wamid.OUT", "emoji": "👍"}}, "👍", "", "wamid.OUT"),
    ({"type": "reaction", "reaction": {"message_id": "wamid.OUT"}}, "", "", "wamid.OUT"),
    (
        {
            "type": "button",
            "button": {"payload": "RESCHEDULE:9F2K", "text": "Change time"},
            "context": {"from": "442079460958", "id": "wamid.OUT010"},
        },
        "Change time",
        "RESCHEDULE:9F2K",
        "wamid.OUT010",
    ),
    (
        {
            "type": "interactive",
            "interactive": {"type": "button_reply", "button_reply": {"id": "in_yes", "title": "Yes"}},
        },
        "Yes",
        "in_yes",
        None,
    ),
    (
        {
            "type": "interactive",
            "interactive": {"type": "list_reply", "list_reply": {"id": "tue_am", "title": "Morning"}},
            "context": {"id": "wamid.OUT011"},
        },
        "Morning",
        "tue_am",
        "wamid.OUT011",
    ),
    (
        {
            "type": "interactive",
            "interactive": {
                "type": "nfm_reply",
                "nfm_reply": {"name": "flow", "body": "Sent", "response_json": '{"rating":"5"}'},
            },
        },
        "Sent",
        '{"rating":"5"}',
        None,
    ),
    (
        {
            "type": "interactive",
            "interactive": {"type": "call_permission_reply", "call_permission_reply": {}},
        },
        "",
        "",
        None,
    ),
    ({"type": "order", "order": {"catalog_id": "1", "text": "Soon", "product_items": []}}, "Soon", "", None),
    (
        {
            "type": "system",
            "system": {"type": "user_changed_number", "body": "moved", "wa_id": "447700900999"},
        },
        "moved",
        "447700900999",
        None,
    ),
    (
        {
            "type": "edit",
            "edit": {
                "original_message_id": "wamid.IN0",
                "message": {"type": "text", "text": {"body": "No"}},
            },
        },
        "No",
        "",
        "wamid.IN0",
    ),
    ({"type": "revoke", "revoke": {"original_message_id": "wamid.IN0"}}, "", "", "wamid.IN0"),
    ({"type": "unsupported", "errors": [{"code": 131051}], "unsupported": {"type": "poll"}}, "", "", None),
    ({"type": "request_welcome"}, "", "", None),
    ({"type": "from_the_future", "from_the_future": {"a": 1}}, "", "", None),
]


@pytest.mark.parametrize(("message", "text", "payload", "about"), TYPES)
def test_any_type_of_message_is_heard_and_kept_whole(message, text, payload, about):
    update = heard(**message)
    assert (update.kind, update.text, update.payload, update.reply_to) == (
        message["type"],
        text,
        payload,
        about,
    )
    assert (update.sender, update.profile_name) == ("447700900123", "Rowan")
    assert json.loads(bytes(update.raw)).items() >= message.items()
    assert json.loads(bytes(update.contact)) == CONTACTS[0]


def test_someone_without_a_phone_is_known_by_their_user_id():
    contacts = [{"profile": {"name": "Rowan", "username": "row"}, "user_id": "GB.7f3Kq0012ab"}]
    said = {"from_user_id": "GB.7f3Kq0012ab", "id": "w", "timestamp": "1790000200", "type": "text"}
    update = one(talk(contacts=contacts, messages=[said]))
    assert (update.sender, update.sender_user_id, update.profile_name) == (None, "GB.7f3Kq0012ab", "Rowan")


@pytest.mark.parametrize("contacts", [None, [], "odd", [7], [{"profile": 7}], [{"wa_id": "999"}]])
def test_an_odd_contact_costs_a_name_and_no_message(contacts):
    said = {"from": "447700900123", "id": "w", "timestamp": "1", "type": "text", "text": {"body": "hi"}}
    update = one(talk(contacts=contacts, messages=[said]))
    assert (update.text, update.profile_name) == ("hi", "")


def test_a_message_whose_content_is_odd_is_still_heard():
    update = heard(type="text", text="not an object")
    assert (update.kind, update.text) == ("text", "")
    assert b"not an object" in bytes(update.raw)


def test_half_an_emoji_in_one_name_does_not_silence_the_others():
    raw = body(talk(contacts=CONTACTS, statuses=[DELIVERED])).replace(b"Rowan", rb"Rowan \ud83d")
    (update,) = READER.read(raw)
    assert update.status == "delivered"


def test_wishes_about_marketing_are_heard():
    said = {
        "wa_id": "447700900123",
        "detail": "asked to stop",
        "category": "marketing_messages",
        "value": "stop",
        "timestamp": 1790000300,
    }
    update = one(talk("user_preferences", contacts=CONTACTS, user_preferences=[said]))
    assert isinstance(update, PreferenceUpdate)
    assert (update.wa_id, update.value, update.at.year) == ("447700900123", "stop", 2026)


# Templates, numbers, accounts.


def template_change(field, **value):
    return {
        "field": field,
        "value": {
            "message_template_id": 1200000000000777,
            "message_template_name": "delivery_eta_v2",
            "message_template_language": "en-GB",
        }
        | value,
    }


def test_a_verdict_on_a_template_names_reason_and_advice():
    update = one(
        template_change(
            "message_template_status_update",
            event="REJECTED",
            reason="INVALID_FORMAT",
            rejection_info={"reason": "Two variables touch.", "recommendation": "Part them."},
        )
    )
    assert isinstance(update, TemplateUpdate)
    assert (update.waba_id, update.meta_template_id) == ("920000000000101", "1200000000000777")
    assert (update.language, update.event, update.reason) == ("en_GB", "REJECTED", "INVALID_FORMAT")
    assert update.details == "Two variables touch. Part them."
    assert update.at == datetime.fromtimestamp(1790000000, UTC)


@pytest.mark.parametrize("reason", ["NONE", None])
def test_no_reason_is_no_reason(reason):
    change = template_change("message_template_status_update", event="APPROVED", reason=reason)
    assert one(change).reason is None


NOTICES = [
    (
        template_change(
            "message_template_quality_update", previous_quality_score="GREEN", new_quality_score="RED"
        ),
        facts.TemplateQualityUpdate,
        {"quality": "RED", "previous": "GREEN", "meta_template_id": "1200000000000777"},
    ),
    (
        template_change("message_template_status_update", new_quality_score="RED"),
        facts.TemplateQualityUpdate,
        {"quality": "RED"},
    ),
    (
        template_change("template_category_update", new_category="UTILITY", correct_category="MARKETING"),
        facts.TemplateCategoryUpdate,
        {"category": "UTILITY", "next_category": "MARKETING"},
    ),
    (
        template_change("template_category_update", previous_category="UTILITY", new_category="MARKETING"),
        facts.TemplateCategoryUpdate,
        {"category": "MARKETING", "previous_category": "UTILITY", "next_category": None},
    ),
    (
        {
            "field": "phone_number_quality_update",
            "value": {
                "display_phone_number": "+44 20 7946 0958",
                "event": "THROUGHPUT_UPGRADE",
                "max_daily_conversations_per_business": "TIER_UNLIMITED",
            },
        },
        facts.NumberUpdate,
        {"display_phone_number": "442079460958", "event": "THROUGHPUT_UPGRADE", "limit": "TIER_UNLIMITED"},
    ),
    (
        {
            "field": "phone_number_name_update",
            "value": {
                "display_phone_number": "442079460958",
                "decision": "REJECTED",
                "requested_verified_name": "Hale",
                "rejection_reason": None,
            },
        },
        facts.NumberNameUpdate,
        {"decision": "REJECTED", "name": "Hale", "reason": None},
    ),
    (
        {
            "field": "security",
            "value": {"display_phone_number": "442079460958", "event": "PIN_CHANGED", "requester": "7"},
        },
        facts.NumberSecurityUpdate,
        {"event": "PIN_CHANGED", "requester": "7"},
    ),
    (
        {"field": "account_update", "value": {"event": "ACCOUNT_RESTRICTION", "restriction_info": []}},
        facts.AccountUpdate,
        {"event": "ACCOUNT_RESTRICTION"},
    ),
    (
        {"field": "account_review_update", "value": {"decision": "APPROVED"}},
        facts.AccountReviewUpdate,
        {"decision": "APPROVED"},
    ),
    (
        {
            "field": "account_alerts",
            "value": {
                "entity_type": "BUSINESS",
                "entity_id": 7,
                "alert_info": {"alert_severity": "CRITICAL", "alert_status": "ACTIVE", "alert_type": "X"},
            },
        },
        facts.AccountAlert,
        {"entity_id": "7", "kind": "X", "severity": "CRITICAL"},
    ),
    (
        {
            "field": "business_capability_update",
            "value": {"max_daily_conversations_per_business": 2000, "max_phone_numbers_per_waba": 20},
        },
        facts.CapabilityUpdate,
        {"messaging_limit": "2000", "numbers_of_waba": 20, "numbers_of_business": None},
    ),
]


@pytest.mark.parametrize(("change", "kind", "fields"), NOTICES)
def test_what_meta_says_of_templates_numbers_and_accounts_is_understood_and_kept(change, kind, fields):
    update = one(change)
    assert type(update) is kind
    assert {name: getattr(update, name) for name in fields} == fields
    assert isinstance(update, OtherUpdate)
    assert json.loads(bytes(update.value)) == change["value"]
    assert update.field == change["field"]


@pytest.mark.parametrize(
    "field", [change["field"] for change, _, _ in NOTICES] + ["flows", "calls", "new", ""]
)
@pytest.mark.parametrize("value", [{"odd": [1, {"x": None}]}, {}, [1], "text", 7, None])
def test_what_is_not_understood_is_kept_whole(field, value):
    update = one({"field": field, "value": value})
    assert type(update) is OtherUpdate
    assert json.loads(bytes(update.value)) == value


def test_members_that_are_new_beside_messages_are_kept():
    updates = read(talk(statuses=[DELIVERED], errors=[{"code": 130429}], calls=[{"id": "c"}]))
    others = {u.field: json.loads(bytes(u.value)) for u in updates if isinstance(u, OtherUpdate)}
    assert others == {"messages.errors": [{"code": 130429}], "messages.calls": [{"id": "c"}]}
    assert len(updates) == 3


# One bad item.


def test_a_bad_item_hurts_none_of_its_neighbours():
    good = {"from": "447700900123", "id": "w1", "timestamp": "1", "type": "text", "text": {"body": "hi"}}
    bad = [7, {"id": 7}, {"id": "w", "timestamp": "noon", "type": "text"}, {"id": "w"}, None, []]
    updates = read(
        7,
        {"field": "messages"},
        {"field": "messages", "value": 7},
        {"field": "messages", "value": {"statuses": [DELIVERED]}},
        talk(messages=[good, *bad, good], statuses="odd"),
        talk(statuses=[{"id": "w"}, DELIVERED]),
    )
    assert [type(u) for u in updates if not isinstance(u, BadItem)] == [
        InboundUpdate,
        InboundUpdate,
        StatusUpdate,
    ]
    assert [u.where for u in updates if isinstance(u, BadItem)] == [
        "entry[0].changes[0]",
        "entry[0].changes[1]",
        "entry[0].changes[2]",
        "entry[0].changes[3]",
        *(f"entry[0].changes[4].messages[{i}]" for i in range(1, 7)),
        "entry[0].changes[4].statuses",
        "entry[0].changes[5].statuses[0]",
    ]
    assert all(u.reason and u.raw for u in updates if isinstance(u, BadItem))


@pytest.mark.parametrize("entry", [7, {"a": 1}, "x", None])
def test_an_entry_that_is_none_is_set_aside(entry):
    good = {"id": "9", "changes": [talk(statuses=[DELIVERED])]}
    raw = json.dumps({"entry": [entry, good]}).encode()
    updates = READER.read(raw)
    assert isinstance(updates[0], BadItem)
    assert isinstance(updates[1], StatusUpdate)
    assert isinstance(READER.read(json.dumps({"entry": entry}).encode())[0], BadItem)


def test_an_empty_envelope_says_nothing():
    assert READER.read(EMPTY) == []
    assert READER.read(b'{"entry":[{"id":"1","changes":[]}]}') == []


def test_an_object_without_entries_is_set_aside():
    (update,) = READER.read(b'{"object":"page"}')
    assert isinstance(update, BadItem)


@pytest.mark.parametrize("raw", [b"", b"[]", b"7", b'"x"', b"null", b"{", b'{"entry":', b"\xff", b"<html>"])
def test_what_is_no_object_is_refused(raw):
    with pytest.raises(UnreadableBody):
        READER.read(raw)


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_no_depth_of_nesting_breaks_the_reader(opening):
    for raw in (opening * 200_000, b'{"entry":' + opening * 200_000, b'{"entry":[' + b"[" * 200_000):
        with pytest.raises(UnreadableBody):
            READER.read(raw)


# Any bytes at all.


def never_falls_over(raw: bytes) -> None:
    try:
        updates = READER.read(raw)
    except UnreadableBody:
        return
    for update in updates:
        msgspec.json.encode(update)


@given(st.binary(max_size=300))
def test_any_bytes_give_updates_or_a_typed_refusal(raw):
    never_falls_over(raw)


@given(st.integers(0, 10**6), st.binary(min_size=1, max_size=4))
def test_a_true_body_with_any_bytes_changed_gives_updates_or_a_typed_refusal(place, noise):
    message = {"from": "1", "id": "w", "timestamp": "1", "type": "text", "text": {"body": "hi"}}
    raw = body(talk(contacts=CONTACTS, statuses=[DELIVERED], messages=[message]))
    place %= len(raw)
    never_falls_over(raw[:place] + noise + raw[place + len(noise) :])


WORDS = st.sampled_from(
    re.findall(
        r"\w+",
        """entry changes id time field value messages statuses contacts metadata phone_number_id timestamp
        status type text body errors code pricing from interactive system account_update event
        message_template_status_update user_preferences""",
    )
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6)
    | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=300)
@given(JSON, JSON, JSON, WORDS)
def test_any_json_in_any_place_gives_updates_or_a_typed_refusal(a, b, c, field):
    never_falls_over(json.dumps({"entry": a}).encode())
    never_falls_over(body({"field": field, "value": b}, time=c))
    never_falls_over(body(talk(messages=[a, b], statuses=[c, DELIVERED | {"timestamp": a}], contacts=b)))
    updates = read(talk(messages=[a, b], statuses=[c, DELIVERED]))
    assert any(isinstance(u, StatusUpdate) and u.wamid == "wamid.OUT010" for u in updates)


def test_a_thousand_updates_are_read_at_once():
    raw = body(talk(contacts=CONTACTS, statuses=[DELIVERED] * 1000))
    began = time.process_time()
    updates = READER.read(raw)
    assert len(updates) == 1000
    assert time.process_time() - began < 0.1
