"""Templates: handed in, looked at, told of, edited and deleted."""

import pytest
from msgspec.structs import replace

from tests.adapters.sandbox.conftest import SETTINGS, sandbox_at
from tidings.adapters.sandbox.server import Sandbox

pytestmark = pytest.mark.anyio


async def test_a_template_is_pending_and_then_approved_by_webhook(caller, receiver):
    status, made = await caller.make_template()
    assert status == 200
    assert made["status"] == "PENDING"
    assert made["category"] == "MARKETING"
    await caller.quiet()
    (notice,) = receiver.notices("message_template_status_update")
    assert notice["event"] == "APPROVED"
    assert notice["reason"] == "NONE"
    assert notice["message_template_id"] == int(made["id"])
    _, found = await caller.graph("GET", f"{made['id']}?fields=status,name")
    assert found == {"status": "APPROVED", "name": "offer", "id": made["id"]}


@pytest.mark.parametrize(
    ("change", "subcode"),
    [
        ({"name": "Bad Name"}, 2388046),
        ({"language": "xx"}, 2388049),
        ({"components": [{"type": "BODY", "text": "Hello {{1}} and welcome to all."}]}, 2388043),
        (
            {
                "components": [
                    {"type": "BODY", "text": "{{1}} is here for you now.", "example": {"body_text": [["x"]]}}
                ]
            },
            2388299,
        ),
        ({"components": [{"type": "BODY", "text": "x" * 1025}]}, 2388040),
    ],
)
async def test_a_faulty_template_is_refused_with_its_subcode(caller, change, subcode):
    status, body = await caller.make_template(**change)
    assert status == 400
    error = body["error"]
    assert (error["code"], error["error_subcode"]) == (100, subcode)
    assert error["error_user_msg"]
    assert "details" not in error.get("error_data", {})


async def test_a_name_is_taken_once_in_each_language(caller):
    await caller.make_template()
    _, body = await caller.make_template()
    assert body["error"]["error_subcode"] == 2388024
    assert (await caller.make_template(language="de"))[0] == 200


async def test_a_deleted_name_is_not_free_at_once(caller):
    await caller.approved()
    path = f"{caller.account.waba_id}/message_templates?name=offer"
    assert await caller.graph("DELETE", path) == (200, {"success": True})
    _, body = await caller.make_template()
    assert body["error"]["error_subcode"] == 2388023
    _, body = await caller.graph("DELETE", path)
    assert body["error"]["error_subcode"] == 2593002


async def test_the_sample_stays(caller):
    path = f"{caller.account.waba_id}/message_templates?name=hello_world"
    _, body = await caller.graph("DELETE", path)
    assert body["error"]["error_subcode"] == 2388094


async def test_pages_lead_through_all_templates(caller):
    names = [f"offer_{i}" for i in range(7)]
    for name in names:
        await caller.make_template(name)
    found, path = [], f"{caller.account.waba_id}/message_templates?limit=3&fields=name"
    while True:
        _, body = await caller.graph("GET", path)
        found += [template["name"] for template in body["data"]]
        if "next" not in body["paging"]:
            break
        after = body["paging"]["cursors"]["after"]
        path = f"{caller.account.waba_id}/message_templates?limit=3&fields=name&after={after}"
    assert found == ["hello_world", *names]


async def test_an_approved_template_is_edited_once_a_day(caller):
    id = await caller.approved()
    change = {"components": [{"type": "BODY", "text": "Another text, for everybody here."}]}
    assert await caller.graph("POST", id, change) == (200, {"success": True})
    await caller.control("POST", f"templates/{id}/approve")
    _, body = await caller.graph("POST", id, change)
    assert body["error"]["error_subcode"] == 2388039


async def test_review_may_turn_a_template_down(caller, receiver):
    _, made = await caller.make_template()
    await caller.control("POST", f"templates/{made['id']}/reject", {"reason": "PROMOTIONAL"})
    await caller.quiet()
    assert receiver.notices("message_template_status_update")[-1]["reason"] == "PROMOTIONAL"
    _, found = await caller.graph("GET", f"{made['id']}?fields=status,rejected_reason")
    assert (found["status"], found["rejected_reason"]) == ("REJECTED", "PROMOTIONAL")


async def test_accounts_and_templates_outlive_the_process(tmp_path):
    settings = replace(SETTINGS, snapshot=str(tmp_path / "sandbox.json"))
    async with sandbox_at(settings) as caller:
        await caller.approved()
        account = caller.account
    again = Sandbox(settings)
    assert list(again.accounts) == [account]
    templates = {t.draft.name: t.status for t in again.world.templates.of(account.waba_id)}
    assert templates == {"hello_world": "APPROVED", "offer": "APPROVED"}
