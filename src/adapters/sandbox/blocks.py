"""People whom a business blocks (fact sheet 9.1, 11)."""

import msgspec
from msgspec import Struct

from tidings.adapters.sandbox.accounts import Line
from tidings.adapters.sandbox.calls import Call, Reply, answered
from tidings.adapters.sandbox.errors import invalid, missing, unknown_object
from tidings.adapters.sandbox.journeys import WINDOW
from tidings.adapters.sandbox.world import World

_PRODUCT = "whatsapp"


class _User(Struct, frozen=True):
    user: str


class _Wanted(Struct, frozen=True):
    messaging_product: str = ""
    block_users: list[_User] | None = None


class Blocks:
    """`/{phone-number-id}/block_users`."""

    def __init__(self, world: World) -> None:
        self._world = world

    def edge(self, line: Line, call: Call) -> Reply:
        match call.method:
            case "GET":
                users = [{"messaging_product": _PRODUCT, "wa_id": wa_id} for wa_id in line.blocked.values()]
                return answered({"data": users})
            case "POST" | "DELETE":
                return self._change(line, _read(call), add=call.method == "POST")
            case _:
                raise unknown_object(call.method, line.id)

    def _change(self, line: Line, users: list[_User], *, add: bool) -> Reply:
        """Only who wrote within a day can be blocked; one failure makes the whole answer a 400."""
        done: list[dict[str, str]] = []
        failed: list[dict[str, object]] = []
        now = self._world.now()
        for each in users:
            digits = "".join(c for c in each.user if c in "0123456789")
            person = self._world.people.person(digits or each.user)
            said = {"input": each.user, "wa_id": person.phone}
            if not add:
                line.blocked.pop(person.user_id, None)
            elif now - line.talked.get(person.user_id, -WINDOW) < WINDOW:
                line.blocked[person.user_id] = person.phone
            else:
                failed.append({**said, "errors": [_NOT_RECENT]})
                continue
            done.append(said)
        body: dict[str, object] = {"added_users" if add else "removed_users": done}
        if failed:
            body["failed_users"] = failed
        whole = {"messaging_product": _PRODUCT, "block_users": body}
        return answered(whole)._replace(status=400 if failed else 200)


_NOT_RECENT = {
    "message": "(#139103) Internal error",
    "code": 139103,
    "error_data": {"details": "The user did not write within the last 24 hours."},
}


def _read(call: Call) -> list[_User]:
    """Raise GraphError."""
    try:
        said = msgspec.convert(call.json(), _Wanted)
    except msgspec.ValidationError as error:
        raise invalid(str(error)) from None
    if said.messaging_product != _PRODUCT:
        raise missing("messaging_product")
    if not said.block_users:
        raise missing("block_users")
    return said.block_users
