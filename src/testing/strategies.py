"""Hypothesis strategies for what comes from outside: people, and Meta's webhooks (fact sheet 5).

`bodies` are whole POSTs as Meta sends them: several statuses and messages in one, in any order, some twice.
Needs the extra `tidings[testing]`.
"""

import hashlib
import hmac
import json
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from tidings.application.contacts.people import NewContact
from tidings.domain.kernel import Phone
from tidings.testing.meta import NUMBER, WABA

PREFIXES = ("+4477009", "+4915112", "+336123", "+3519112", "+15555501", "+55119912", "+52155123", "+9198765")
"""Mobile ranges of some countries, national variants among them; digits follow up to a full number."""
LENGTHS = {"+44": 13, "+49": 14, "+33": 12, "+351": 13, "+1": 12, "+55": 14, "+52": 14, "+91": 13}
STATUSES = ("sent", "delivered", "read", "failed")
CODES = (130472, 131026, 131047, 131049, 131050, 131053)

names: st.SearchStrategy[str] = st.text(
    st.characters(codec="utf-8", exclude_categories=("C",)), min_size=1, max_size=40
).filter(lambda text: bool(text.strip()))
wamids: st.SearchStrategy[str] = st.from_regex(r"wamid\.[A-Za-z0-9]{24}", fullmatch=True)
times: st.SearchStrategy[int] = st.integers(1_760_000_000, 1_800_000_000)


@st.composite
def phones(draw: st.DrawFn) -> Phone:
    """A mobile number in E.164."""
    prefix = draw(st.sampled_from(PREFIXES))
    whole = next(length for code, length in LENGTHS.items() if prefix.startswith(code))
    digits = draw(st.text("0123456789", min_size=whole - len(prefix), max_size=whole - len(prefix)))
    return Phone(prefix + digits)


@st.composite
def new_contacts(draw: st.DrawFn) -> NewContact:
    """Somebody to add, with as much told of them as people tell."""
    return NewContact(
        phone=draw(phones()),
        first_name=draw(st.none() | names),
        last_name=draw(st.none() | names),
        is_favorite=draw(st.booleans()),
    )


@st.composite
def statuses(draw: st.DrawFn, wamid: st.SearchStrategy[str] = wamids) -> dict[str, Any]:
    """One status of one message (fact sheet 5.6)."""
    status = draw(st.sampled_from(STATUSES))
    told: dict[str, Any] = {
        "id": draw(wamid),
        "status": status,
        "timestamp": str(draw(times)),
        "recipient_id": draw(phones()).removeprefix("+"),
    }
    if status == "failed":
        code = draw(st.sampled_from(CODES))
        told["errors"] = [{"code": code, "title": "Refused", "error_data": {"details": draw(names)}}]
    elif draw(st.booleans()):
        told["pricing"] = {
            "billable": draw(st.booleans()),
            "pricing_model": "PMP",
            "category": draw(st.sampled_from(["marketing", "utility", "authentication", "service"])),
            "type": draw(st.sampled_from(["regular", "free_customer_service", "free_entry_point"])),
        }
    return told


@st.composite
def letters(draw: st.DrawFn) -> dict[str, Any]:
    """One message of a person (fact sheet 5.7): a text, or a tap on a button."""
    told: dict[str, Any] = {
        "id": draw(wamids),
        "from": draw(phones()).removeprefix("+"),
        "timestamp": str(draw(times)),
    }
    if draw(st.booleans()):
        return told | {"type": "text", "text": {"body": draw(names)}}
    return told | {"type": "button", "button": {"text": draw(names), "payload": draw(names)}}


@st.composite
def bodies(draw: st.DrawFn, *, number: str = NUMBER, waba: str = WABA) -> bytes:
    """A POST to the webhook: up to a dozen statuses and letters over some changes, some of them twice."""
    told = draw(st.lists(statuses(), max_size=6))
    heard = draw(st.lists(letters(), max_size=6))
    told += draw(st.lists(st.sampled_from(told), max_size=2)) if told else []
    changes = [_change(number, statuses=[each]) for each in told]
    changes += [_change(number, messages=[each], contacts=[_profile(each)]) for each in heard]
    entry = {"id": waba, "time": draw(times), "changes": draw(st.permutations(changes))}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


def signature(body: bytes, secret: str) -> str:
    """The value of `X-Hub-Signature-256` for a body (fact sheet 5.2)."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _change(number: str, **more: Sequence[dict[str, Any]]) -> dict[str, Any]:
    metadata = {"display_phone_number": "442079460958", "phone_number_id": number}
    return {"field": "messages", "value": {"messaging_product": "whatsapp", "metadata": metadata, **more}}


def _profile(letter: dict[str, Any]) -> dict[str, Any]:
    return {"wa_id": letter["from"], "profile": {"name": "Somebody"}}
