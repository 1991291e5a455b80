"""The director: what people do, what Meta decides and how fast time goes, by Python and over HTTP."""

import asyncio
from datetime import UTC, datetime

import pytest

from tests.adapters.sandbox.conftest import SETTINGS, sandbox_at
from tidings.adapters.sandbox.director import AccountChange, Misdirected, NumberChange, Unknown
from tidings.adapters.sandbox.prices import OCTOBER_2026, priced, refer
from tidings.adapters.sandbox.server import Sandbox
from tidings.adapters.sandbox.settings import Fate, SandboxSettings, Script

pytestmark = pytest.mark.anyio
ADA, BEN = "+447700900123", "+447700900124"


async def test_a_person_does_what_the_script_says(caller, receiver):
    caller.sandbox.director.person(ADA, {"failsWith": 131026})
    await caller.hello(ADA)
    await caller.hello(BEN)
    await caller.quiet()
    said = {status["recipient_id"]: status for status in receiver.values("statuses") if "errors" in status}
    assert set(said) == {ADA[1:]}
    assert said[ADA[1:]]["errors"][0]["code"] == 131026


async def test_a_call_is_refused_for_one_person_and_for_all_whose_number_ends_so(caller):
    await caller.control("POST", "behaviour", {"phone": ADA, "refusedWith": 131005})
    await caller.control("POST", "behaviour", {"endsWith": "24", "refusedWith": 131009})
    codes = [(await caller.hello(to))[1].get("error", {}).get("code") for to in (ADA, BEN, "+447700900125")]
    assert codes == [131005, 131009, None]
    await caller.control("POST", "behaviour", {"phone": ADA})
    assert (await caller.hello(ADA))[0] == 200


async def test_a_number_and_an_account_refuse_until_told_otherwise(caller):
    line, director = caller.account.phone_number_id, caller.sandbox.director
    director.number(line, NumberChange(refuses=133010))
    assert (await caller.hello())[1]["error"]["code"] == 133010
    director.number(line, NumberChange(refuses=None))
    director.account(caller.account.waba_id, AccountChange(refuses=131031))
    assert (await caller.hello())[1]["error"]["code"] == 131031
    director.account(caller.account.waba_id, AccountChange(refuses=None, allowed=[BEN]))
    assert (await caller.hello(ADA))[1]["error"]["code"] == 131030
    assert (await caller.hello(BEN))[0] == 200


async def test_time_is_put_forward_over_http_and_what_is_due_happens(receiver):
    slow = SandboxSettings(behaviour=SETTINGS.behaviour, review_delay=3600.0, batch_window=0.01)
    async with sandbox_at(slow, receiver.url) as caller:
        _, made = await caller.make_template()
        path = f"{made['id']}?fields=status"
        assert (await caller.graph("GET", path))[1]["status"] == "PENDING"
        before = (await caller.control("GET", "clock"))["now"]
        turned = await caller.control("POST", "clock", {"advance": 3601})
        assert turned["now"] >= before + 3601
        for _ in range(200):
            if (await caller.graph("GET", path))[1]["status"] != "PENDING":
                break
            await asyncio.sleep(0.02)
        assert (await caller.graph("GET", path))[1]["status"] in ("APPROVED", "REJECTED")


async def test_another_seed_makes_other_people_and_the_first_seed_the_first_again(caller):
    def fates():
        people = caller.sandbox.world.people
        return [people.person(str(447_700_900_000 + n)).chances for n in range(50)]

    first, user_id = fates(), caller.sandbox.world.people.user_id(ADA[1:])
    await caller.control("POST", "seed", {"seed": 99})
    assert fates() != first
    assert (await caller.control("GET", "state"))["seed"] == 99
    assert caller.sandbox.world.people.user_id(ADA[1:]) == user_id
    await caller.control("POST", "seed", {"seed": 1})
    assert fates() == first


async def test_what_cannot_be_played_is_refused_and_changes_nothing(caller):
    director = caller.sandbox.director
    with pytest.raises(Unknown):
        director.number("nothing", NumberChange(quality="RED"))
    with pytest.raises(Unknown):
        director.judge("nothing", "approve")
    with pytest.raises(Misdirected):
        director.person("no digits", {"fate": "reads"})
    for path, said, status in (
        ("clock", {"advance": -1}, 400),
        ("clock", {"spede": 2}, 400),
        ("seed", {"seed": 2**130}, 400),
        ("seed", {}, 400),
        ("behaviour", {"phone": ADA, "fate": "dances"}, 400),
        ("numbers/1", {}, 404),
        ("nothing", {}, 404),
    ):
        answer, body = await caller("POST", f"/_sandbox/{path}", said)
        assert (answer, bool(body["error"])) == (status, True), path


async def test_only_who_wrote_within_a_day_can_be_blocked(caller):
    number = caller.account.phone_number_id
    said = {"messaging_product": "whatsapp", "block_users": [{"user": ADA}]}
    status, body = await caller.graph("POST", f"{number}/block_users", said)
    assert (status, body["block_users"]["failed_users"][0]["errors"][0]["code"]) == (400, 139103)
    await caller.control("POST", "inbound", {"phone": ADA, "text": "Hello"})
    await caller.quiet()
    assert (await caller.graph("POST", f"{number}/block_users", said))[0] == 200
    _, listed = await caller.graph("GET", f"{number}/block_users")
    assert [each["wa_id"] for each in listed["data"]] == [ADA[1:]]
    assert (await caller.graph("DELETE", f"{number}/block_users", said))[0] == 200
    assert (await caller.graph("GET", f"{number}/block_users"))[1]["data"] == []


def _line_and_person(settings=None):
    sandbox = Sandbox(settings or SandboxSettings())
    sandbox.open_account()
    return sandbox.world.ordered[0], sandbox.world.people.person("447700900123")


BEFORE, SINCE = OCTOBER_2026 - 3600, OCTOBER_2026 + 3600


@pytest.mark.parametrize(
    ("category", "at", "in_window", "kind"),
    [
        ("marketing", BEFORE, True, "regular"),
        ("utility", BEFORE, True, "free_customer_service"),
        ("utility", BEFORE, False, "regular"),
        ("service", BEFORE, True, "free_customer_service"),
        ("utility", SINCE, True, "regular"),
        ("service", SINCE, True, "free_customer_service"),
        ("authentication", SINCE, True, "regular"),
    ],
)
def test_what_is_free_depends_on_the_day(category, at, in_window, kind):
    line, person = _line_and_person()
    assert priced(line, person, category, at, in_window=in_window, allowance=1000).kind == kind


def test_since_october_2026_a_number_has_so_many_free_answers_in_a_month():
    line, person = _line_and_person()

    def kind(at):
        return priced(line, person, "service", at, in_window=True, allowance=2).kind

    assert [kind(SINCE) for _ in range(3)] == ["free_customer_service"] * 2 + ["regular"]
    november = datetime(2026, 11, 1, tzinfo=UTC).timestamp()
    assert kind(november) == "free_customer_service"


def test_an_answer_to_an_advertisement_opens_three_free_days():
    line, person = _line_and_person()
    refer(line, person, SINCE)
    opened = priced(line, person, "marketing", SINCE + 3600, in_window=True, allowance=0)
    assert (opened.kind, opened.ends) == ("free_entry_point", SINCE + 3600 + 72 * 3600)
    later = priced(line, person, "marketing", opened.ends - 1, in_window=False, allowance=0)
    assert later.kind == "free_entry_point"
    over = priced(line, person, "marketing", opened.ends + 1, in_window=False, allowance=0)
    assert over.kind == "regular"


async def test_scripts_by_ending_hold_from_the_start_and_the_longest_counts():
    endings = {"3": Script(fate=Fate.NEVER_READS), "23": Script(fate=Fate.NOT_ON_WHATSAPP)}
    sandbox = Sandbox(SandboxSettings(endings=endings))
    people = sandbox.world.people
    assert people.person("447700900123").fate is Fate.NOT_ON_WHATSAPP
    assert people.person("447700900133").fate is Fate.NEVER_READS
