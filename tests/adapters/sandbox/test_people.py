"""People: the same for the same seed, in the shares that were asked for, and known by more than a number."""

import pytest

from tidings.adapters.sandbox.dice import Dice
from tidings.adapters.sandbox.people import Fate, People, wa_id
from tidings.adapters.sandbox.settings import Behaviour

pytestmark = pytest.mark.anyio


def test_fates_come_in_the_shares_that_were_asked_for():
    people = People(Dice(1), Behaviour())
    fates = [people.person(str(447_700_000_000 + i)).fate for i in range(20_000)]
    for fate, share in (
        (Fate.NOT_ON_WHATSAPP, 0.02),
        (Fate.EXPERIMENT, 0.01),
        (Fate.STOPPED_MARKETING, 0.005),
        (Fate.NEVER_READS, 0.10),
        (Fate.ANSWERS, 0.03),
        (Fate.SAYS_STOP, 0.01),
    ):
        assert fates.count(fate) / len(fates) == pytest.approx(share, rel=0.25)


def test_a_person_is_the_same_with_the_same_seed():
    one, same, other = (People(Dice(seed), Behaviour()) for seed in (1, 1, 2))
    assert one.person("447700900123") == same.person("447700900123")
    assert one.person("447700900123") != other.person("447700900123")


@pytest.mark.parametrize(
    ("dialled", "known"),
    [
        ("447700900123", "447700900123"),
        ("5551912345678", "555112345678"),
        ("5511912345678", "5511912345678"),
        ("525512345678", "5215512345678"),
        ("541112345678", "5491112345678"),
        ("5491112345678", "5491112345678"),
    ],
)
def test_some_countries_have_ids_that_differ_from_what_is_dialled(dialled, known):
    assert wa_id(dialled) == known


async def test_a_rewritten_id_is_told_everywhere(caller, receiver):
    _, body = await caller.hello("+525512345678")
    assert body["contacts"] == [{"input": "+525512345678", "wa_id": "5215512345678"}]
    await caller.quiet()
    assert {s["recipient_id"] for s in receiver.values("statuses")} == {"5215512345678"}
    assert (await caller.control("GET", "accepted"))["messages"][0]["to"] == "525512345678"


async def test_who_hides_the_phone_is_known_by_the_business_scoped_id_alone(caller, receiver):
    said = {"phone": "+447700900123", "hidesPhone": True}
    user_id = (await caller.control("POST", "behaviour", said))["userId"]
    await caller.control("POST", "inbound", {"phone": "+447700900123", "text": "Hello"})
    await caller.quiet()
    (message,) = receiver.values("messages")
    assert message["from_user_id"] == user_id
    assert "from" not in message
    assert all("wa_id" not in contact for contact in receiver.values("contacts"))
    whole = {"messaging_product": "whatsapp", "recipient": user_id, "text": {"body": "Hello"}}
    status, body = await caller.graph("POST", f"{caller.account.phone_number_id}/messages", whole)
    assert (status, body["contacts"]) == (200, [{"input": user_id, "user_id": user_id}])
    await caller.quiet()
    statuses = receiver.values("statuses")
    assert [status["status"] for status in statuses] == ["sent", "delivered", "read"]
    assert all("recipient_id" not in status for status in statuses)


async def test_a_code_needs_a_phone_number(caller):
    components = [
        {"type": "BODY", "add_security_recommendation": True},
        {"type": "FOOTER", "code_expiration_minutes": 5},
        {"type": "BUTTONS", "buttons": [{"type": "OTP", "otp_type": "COPY_CODE", "text": "Copy code"}]},
    ]
    await caller.approved("code", "AUTHENTICATION", components=components)
    text = {"parameters": [{"type": "text", "text": "481920"}]}
    sent = [{"type": "body", **text}, {"type": "button", "sub_type": "url", "index": "0", **text}]
    template = {"name": "code", "language": {"code": "en"}, "components": sent}
    assert (await caller.send(type="template", template=template))[0] == 200
    _, body = await caller.send(to=None, recipient="GB.7f3Kq0012ab", type="template", template=template)
    assert body["error"]["code"] == 131062


async def test_a_person_may_send_a_picture_that_can_be_fetched(caller, receiver):
    await caller.control("POST", "inbound", {"phone": "+447700900123", "content": {"type": "image"}})
    await caller.quiet()
    picture = receiver.values("messages")[0]["image"]
    headers = {"Authorization": f"Bearer {caller.account.access_token}"}
    async with caller.session.get(picture["url"], headers=headers) as answer:
        assert answer.content_type == picture["mime_type"] == "image/png"
        assert (await answer.read()).startswith(b"\x89PNG")
    async with caller.session.get(picture["url"]) as answer:
        assert answer.status == 401
