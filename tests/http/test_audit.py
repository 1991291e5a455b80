"""Every change that a person can make is kept in the audit log, whichever context it is made in."""

import ast
import json
from pathlib import Path

import pytest

from tests.http.checked import numbers, until
from tests.http.test_journey import TEMPLATE

APPLICATION = Path(__file__).parents[2] / "src" / "application"
READING = {"CONTACTS_REVEAL", "CONVERSATIONS_ALL"}
TELLS = {"note", "changed", "_note", "_tell", "_change", "_set", "_link", "_add", "submit", "_turn", "_leave"}
"""What keeps an entry, or is a step within the class that does."""
ITS_OWN_RECORD = {
    ("Messages", "send"): "a message is its own record, with its author and its timeline",
    ("Contacts", "add"): "told of in `Adding`, for all who are stored together: test_contacts_adding.py",
    ("Conversations", "answer"): "so is an answer",
    ("Conversations", "note"): "and a note",
    ("Desk", "send_up"): "a file for one message changes nothing here",
    ("Conversations", "mark_read"): "reading is no change",
    ("Segments", "try_out"): "counts, and keeps nothing",
    ("Rehearsal", "_before"): "only looks",
    ("Invitations", "_check_inviter"): "only looks",
}


def changing_methods():
    for path in APPLICATION.rglob("*.py"):
        for cls in ast.walk(ast.parse(path.read_text())):
            if isinstance(cls, ast.ClassDef):
                for method in cls.body:
                    if isinstance(method, ast.AsyncFunctionDef):
                        yield cls.name, method


def needed(method):
    """The rights that a method asks for and that allow a change."""
    asked = {node.attr for node in ast.walk(method) if isinstance(node, ast.Attribute)} & {
        node.attr
        for node in ast.walk(method)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "Permission"
    }
    return {name for name in asked if not name.endswith("READ")} - READING


def test_no_use_case_changes_something_untold():
    silent = [
        f"{cls}.{method.name}"
        for cls, method in changing_methods()
        if needed(method)
        and (cls, method.name) not in ITS_OWN_RECORD
        and not {
            node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            for node in ast.walk(method)
            if isinstance(node, ast.Call)
        }
        & TELLS
    ]
    assert silent == []


@pytest.mark.anyio
async def test_what_was_done_in_every_context_is_kept_with_who_did_it(signed_in):
    ask, _ = signed_in
    await until(lambda: numbers(ask))
    group = (await ask("POST", "/api/groups", 201, json={"name": "Shoppers"}))["data"]
    person = {"firstName": "Ines", "phone": "+447700900123", "groupId": group["id"]}
    contact = (await ask("POST", "/api/contacts", 201, json=person))["data"]
    await ask("PUT", f"/api/contacts/{contact['id']}", 200, json={"lastName": "Marsh", "isFavorite": True})
    await ask("POST", "/api/contacts/attributes", 201, json={"key": "city"})
    template = (await ask("POST", "/api/templates/create", 201, json=TEMPLATE))["data"]
    new = {"name": "News", "templateId": template["id"], "parameters": {"body.1": {"field": "firstName"}}}
    campaign = (await ask("POST", "/api/campaigns", 201, json=new))["data"]
    await ask("PUT", f"/api/campaigns/{campaign['id']}", 200, json={"name": "Autumn"})
    await ask("PUT", "/api/sending-policy", 200, json={"cap": {"most": 2, "days": 7}})
    await ask("POST", "/api/canned-replies", 201, json={"shortcut": "hi", "text": "Hello!"})
    await ask("DELETE", f"/api/contacts/{contact['id']}", 200)

    told = {
        "group:created",
        "contact:created",
        "contact:changed",
        "contact:removed",
        "attribute:defined",
        "template:submitted",
        "campaign:created",
        "campaign:changed",
        "sending_policy:set",
        "canned_reply:put",
    }

    async def kept():
        found = {each["what"]: each for each in (await ask("GET", "/api/audit?limit=100", 200))["data"]}
        return found if told <= found.keys() else None

    entries = await until(kept)
    me = (await ask("GET", "/api/auth/profile", 200))["data"]["user"]["id"]
    assert {entries[what]["userId"] for what in told} == {me}
    assert all(entries[what]["origin"] for what in told)
    assert entries["campaign:changed"]["before"] == {"name": "News"}
    assert entries["campaign:changed"]["after"]["name"] == "Autumn"
    assert "Ines" not in json.dumps(entries)
    assert "900123" not in json.dumps(entries)
    assert entries["contact:changed"]["after"] == {"last_name": "(private)", "is_favorite": True}
    assert (await ask("GET", "/api/audit/verify", 200))["data"]["intact"]
