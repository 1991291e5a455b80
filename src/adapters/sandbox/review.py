"""Template management over the Graph API (fact sheet 4.1)."""

import base64
import binascii
from typing import cast

import msgspec

from tidings.adapters.sandbox.accounts import Waba
from tidings.adapters.sandbox.calls import SUCCESS, Call, Reply, answered
from tidings.adapters.sandbox.errors import GraphError, invalid, missing, unknown_object
from tidings.adapters.sandbox.moderation import Moderation
from tidings.adapters.sandbox.templates import JsonObject, SandboxTemplate, not_found
from tidings.adapters.sandbox.world import World

PAGE = 25
MOST = 1000
_SHOWN = ("name", "parameter_format", "components", "language", "status", "category", "id")
_FILTERS = ("name", "language", "status", "category")


class Reviews:
    """An account's templates, and each of them."""

    def __init__(self, world: World, moderation: Moderation) -> None:
        self._world = world
        self._moderation = moderation

    def find(self, waba: Waba, id: str) -> SandboxTemplate | None:
        template = self._world.templates.by_id.get(id)
        return template if template is not None and template.waba_id == waba.id else None

    def edge(self, waba: Waba, call: Call) -> Reply:
        match call.method:
            case "GET":
                return self._page(waba, call)
            case "POST":
                made = self._moderation.submit(waba, call.json())
                return answered({"id": made.id, "status": made.status, "category": made.draft.category})
            case "DELETE":
                return self._delete(waba, call)
            case _:
                raise unknown_object(call.method, waba.id)

    def node(self, waba: Waba, template: SandboxTemplate, call: Call) -> Reply:
        match call.method:
            case "GET":
                return answered(_shown(template, call.params.get("fields")))
            case "POST":
                self._world.templates.edit(template, call.json(), self._world.now())
                self._moderation.review(template)
                return SUCCESS
            case "DELETE":
                self._moderation.delete(template)
                return SUCCESS
            case _:
                raise unknown_object(call.method, template.id)

    def upsert(self, waba: Waba, call: Call) -> Reply:
        """`POST /{waba-id}/upsert_message_templates`: a one-time code in many languages at once."""
        said = call.json()
        languages = said.pop("languages", None)
        if str(said.get("category", "")).upper() != "AUTHENTICATION":
            raise invalid("Param category must be AUTHENTICATION.")
        if not isinstance(languages, list) or not languages:
            raise missing("languages")
        made: list[SandboxTemplate] = []
        for language in cast(list[object], languages):
            known = self._world.templates.find(waba.id, str(said.get("name")), str(language))
            if known is None:
                made.append(self._moderation.submit(waba, {**said, "language": language}))
            else:
                self._world.templates.edit(known, said, self._world.now())
                self._moderation.review(known)
                made.append(known)
        return answered(
            {"data": [{"id": t.id, "status": t.status, "language": t.draft.language} for t in made]}
        )

    def unpause(self, template: SandboxTemplate) -> Reply:
        """`POST /{template-id}/unpause`."""
        now = self._world.now()
        if template.status != "PAUSED" or template.by_hand_from is None:
            raise invalid("The template was not paused by pacing.")
        if now < template.by_hand_from:
            raise invalid("The template was paused a short while ago; try again in a few minutes.")
        self._moderation.tell(self._moderation.decide(template, "APPROVED", now, title="UNPAUSE"))
        return SUCCESS

    def _page(self, waba: Waba, call: Call) -> Reply:
        params = call.params
        found = [t for t in self._world.templates.of(waba.id) if _fits(t, params)]
        limit = _limit(params.get("limit"))
        start = _place(params["after"]) + 1 if "after" in params else 0
        if "before" in params:
            stop = _place(params["before"])
            start = max(0, stop - limit)
            limit = stop - start
        page = found[start : start + limit]
        said: JsonObject = {"data": [_shown(t, params.get("fields")) for t in page]}
        if page:
            last = start + len(page) - 1
            paging: JsonObject = {"cursors": {"before": _cursor(start), "after": _cursor(last)}}
            if last + 1 < len(found):
                paging["next"] = f"http://{call.host}{call.path}?limit={limit}&after={_cursor(last)}"
            said["paging"] = paging
        if "summary" in params:
            said["summary"] = {"total_count": len(found), "message_template_count": len(found)}
        return answered(said)

    def _delete(self, waba: Waba, call: Call) -> Reply:
        params = call.params
        if "hsm_ids" in params:
            for template in self._several(waba, params):
                self._moderation.delete(template)
            return SUCCESS
        name = params.get("name")
        if not name:
            raise missing("name")
        found = [t for t in self._world.templates.of(waba.id) if t.draft.name == name]
        if "hsm_id" in params:
            found = [t for t in found if t.id == params["hsm_id"]]
        if not found:
            raise not_found(name)
        for template in found:
            self._moderation.delete(template)
        return SUCCESS

    def _several(self, waba: Waba, params: dict[str, str]) -> list[SandboxTemplate]:
        """One bad id fails the whole request."""
        if "name" in params or "hsm_id" in params:
            raise invalid("Param hsm_ids does not go with name or hsm_id.")
        try:
            ids = msgspec.json.decode(params["hsm_ids"], type=list[str | int])
        except msgspec.MsgspecError:
            raise invalid("Param hsm_ids must be a list of ids.") from None
        if len(ids) > 100:
            raise invalid("Param hsm_ids must have at most 100 ids.")
        found: list[SandboxTemplate] = []
        for id in ids:
            template = self.find(waba, str(id))
            if template is None:
                raise not_found(str(id))
            found.append(template)
        return found


def _fits(template: SandboxTemplate, params: dict[str, str]) -> bool:
    values = {
        "name": template.draft.name,
        "language": template.draft.language,
        "status": template.status,
        "category": template.draft.category,
    }
    if not all(name not in params or params[name].upper() == values[name].upper() for name in _FILTERS):
        return False
    sought = params.get("name_or_content", params.get("content"))
    return sought is None or sought in template.draft.name or sought in str(template.view()["components"])


def _shown(template: SandboxTemplate, fields: str | None) -> JsonObject:
    whole = template.view()
    names = [*fields.split(","), "id"] if fields else _SHOWN
    return {name: whole[name] for name in names if whole.get(name) is not None}


def _limit(said: str | None) -> int:
    if said is None:
        return PAGE
    if not said.isdecimal() or int(said) < 1:
        raise invalid("Param limit must be a positive number.")
    if int(said) > MOST:
        raise GraphError(
            1, message="Please reduce the amount of data you're asking for, then retry your request"
        )
    return int(said)


def _cursor(place: int) -> str:
    return base64.urlsafe_b64encode(f"QVFI{place}".encode()).decode()


def _place(cursor: str) -> int:
    try:
        return int(base64.urlsafe_b64decode(cursor).decode().removeprefix("QVFI"))
    except (binascii.Error, ValueError):
        raise invalid("Invalid cursors values") from None
