"""All that the sandbox says while its tests run, held against Meta's file and our schema of what is newer."""

import json
import re
from dataclasses import dataclass, field

from tests.contracts.meta.newer import newer_faults
from tests.contracts.meta.spec import WEBHOOKS, faults, specification

NUMBER, ACCOUNT = "/{Version}/{Phone-Number-ID}", "/{Version}/{WABA-ID}"
TEMPLATE, FILE = "/{Version}/{TEMPLATE_ID}", "/{Version}/{Media-ID}"

OURS = {
    f"POST {NUMBER}/messages": "sent",
    f"POST {NUMBER}/marketing_messages": "sent",
    f"GET {NUMBER}/whatsapp_business_profile": "profile",
    f"POST {ACCOUNT}/message_templates": "templateMade",
    f"GET {ACCOUNT}/phone_numbers": "numbers",
    f"GET {NUMBER}/block_users": "blocked",
    f"POST {NUMBER}/block_users": "block",
    f"DELETE {NUMBER}/block_users": "block",
    f"GET {ACCOUNT}/message_template_previews": "list",
    f"POST {ACCOUNT}/upsert_message_templates": "list",
    f"POST {TEMPLATE}/unpause": "done",
    "POST /{Version}/{Application-ID}/uploads": "upload",
    "POST /{Version}/{Upload-ID}": "handle",
    "GET /{Version}/{Upload-ID}": "upload",
    "GET /{Version}/oauth/access_token": "token",
    "GET /{Version}/debug_token": "tokenFacts",
    "POST /{Version}/{Application-ID}/subscriptions": "done",
    "GET /{Version}/{Application-ID}/subscriptions": "list",
    "DELETE /{Version}/{Application-ID}/subscriptions": "done",
}
"""Calls that Meta's file does not know, or whose answers have grown since, by our names for the answers."""

FILE_IS_WRONG = {
    # A list of numbers without their `status`, which the file asks for and whose usual word it does not know.
    f"GET {ACCOUNT}/phone_numbers",
    # The profile came to be flat, and to hold only what is set (fact sheet 11).
    f"GET {NUMBER}/whatsapp_business_profile",
}

_PARTICULAR = re.compile(rb"wamid\.[\w+/=]+|[A-Z]{2}\.\w{8,}|\d+|\"\w{20,}\"")


@dataclass
class Traffic:
    """Checks every answer and every webhook; alike ones once, for schemas are slow."""

    wrong: dict[str, str] = field(default_factory=dict)
    calls: set[str] = field(default_factory=set)
    """Every operation that was answered with success."""
    codes: set[int] = field(default_factory=set)
    """Every error that was given."""
    fields: set[str] = field(default_factory=set)
    """Every field that webhooks told of."""
    _seen: set[tuple] = field(default_factory=set)

    def answered(self, world, call, reply) -> None:
        """An answer of the Graph API. Broken ones (faults that a test asked for) are not JSON."""
        if reply.dropped or not reply.content_type.startswith("application/json"):
            return
        if call.path.startswith("/_sandbox/"):
            return  # nothing there is Meta's
        if call.path.startswith("/_media/") and reply.status == 200:
            return
        operation = f"{call.method} {operation_of(world, call)}"
        if self._known((operation, reply.status, _PARTICULAR.sub(b"0", reply.body))):
            return
        try:
            said = json.loads(reply.body)
        except ValueError:
            if not world.faults.half_after:
                self.wrong[operation] = f"not JSON: {reply.body[:80]!r}"
            return
        if reply.status == 200:
            self.calls.add(operation)
            self._note(operation, self._success(operation, call, said))
        else:
            if "error" in said:
                self.codes.add(said["error"].get("code"))
            self._note(f"{operation} {reply.status}", self._refusal(operation, reply.status, said))

    def told(self, body: bytes) -> None:
        """A webhook."""
        if self._known((_PARTICULAR.sub(b"0", body),)):
            return
        said = json.loads(body)
        fields = {change["field"] for entry in said["entry"] for change in entry["changes"]}
        self.fields |= fields
        self._note(f"webhook {sorted(fields)}", newer_faults("webhook", said) or webhook_faults(said))
        if any(byte > 127 for byte in body):
            self.wrong["webhook"] = "Meta escapes what is not ASCII"

    def _known(self, shape: tuple) -> bool:
        if shape in self._seen:
            return True
        self._seen.add(shape)
        return False

    def _note(self, what: str, fault: str | None) -> None:
        if fault:
            self.wrong.setdefault(what, fault)

    def _success(self, operation: str, call, said) -> str | None:
        method, path = operation.split(" ")
        name = OURS.get(operation)
        if name and said != {"success": True} and (fault := newer_faults(name, said)):
            return fault
        known = method.lower() in specification()["paths"].get(path, {})
        if not known:
            return None if name else "neither Meta's file nor our schema knows this call"
        if operation in FILE_IS_WRONG or "fields" in call.params:
            return None  # who asks for some fields gets only these
        return faults(path, method.lower(), said, status="200")

    def _refusal(self, operation: str, status: int, said) -> str | None:
        if operation.endswith("/block_users") and "block_users" in said:
            return newer_faults("block", said)
        if fault := newer_faults("refused", said):
            return fault
        method, path = operation.split(" ")
        responses = specification()["paths"].get(path, {}).get(method.lower(), {}).get("responses", {})
        return faults(path, method.lower(), said, status=str(status)) if str(status) in responses else None


def operation_of(world, call) -> str:
    """The path as the file writes it: which object an id is of, only the world knows."""
    _, *parts = call.path.strip("/").split("/")
    if parts[1:] in (["uploads"], ["subscriptions"]):
        parts[0] = "{Application-ID}"
    return "/".join(["", "{Version}", *(_kind(world, part) for part in parts)])


def _kind(world, part: str) -> str:
    if part in world.wabas:
        return "{WABA-ID}"
    if part in world.lines:
        return "{Phone-Number-ID}"
    if part in world.templates.by_id:
        return "{TEMPLATE_ID}"
    if part.startswith("upload:"):
        return "{Upload-ID}"
    return "{Media-ID}" if part.isdecimal() else part


def webhook_faults(said) -> str | None:
    """What Meta's file has against a webhook; it knows what comes with the field `messages`."""
    entries = [
        {**entry, "changes": [change for change in entry["changes"] if change["field"] == "messages"]}
        for entry in said["entry"]
    ]
    told = [entry for entry in entries if entry["changes"]]
    return faults(WEBHOOKS, "post", {**said, "entry": told}) if told else None
