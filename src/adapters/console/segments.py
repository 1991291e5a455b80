"""Segments: rules put together by choosing, with the people they choose counted at once."""

from typing import Any
from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from tidings.adapters.console.asking import Asked, api_of, me, typed
from tidings.adapters.console.calls import ApiRefused
from tidings.adapters.console.rendering import page

ROWS = 4
"""Conditions that one page offers; the API takes any tree."""
FIELDS = ("firstName", "lastName", "email", "company", "jobTitle", "phone", "countryCode")
OPS = (
    ("equals", "is"),
    ("not_equals", "is not"),
    ("contains", "contains"),
    ("starts_with", "begins with"),
    ("less_than", "is less than"),
    ("at_most", "is at most"),
    ("more_than", "is more than"),
    ("at_least", "is at least"),
    ("is_set", "is known"),
    ("is_not_set", "is not known"),
)
"""As the API calls them, and as people do."""
DEEDS = (
    ("inbound", "has written to us"),
    ("reached", "was reached by a campaign"),
    ("read", "has read a campaign"),
)


class SegmentPages(Controller):
    path = "/segments"
    include_in_schema = False

    @get("/")
    async def all(self, request: Asked) -> Response[str]:
        return await _segments(request)

    @post("/count")
    async def count(self, request: Asked) -> Response[str]:
        """How many people the conditions choose as they stand."""
        found, error = None, None
        if rule := rule_of(await typed(request)):
            try:
                found = (await api_of(request).ask("POST", "/api/segments/try", body={"rule": rule})).data
            except ApiRefused as refused:
                if refused.status in (401, 403):
                    raise
                error = refused
        return page(request, "segment-count.html", me=None, found=found, error=error)

    @post("/")
    async def add(self, request: Asked) -> Response[Any]:
        form = await typed(request)
        body = {"name": form.get("name", ""), "rule": rule_of(form) or {"type": "all", "rules": []}}
        try:
            await api_of(request).ask("POST", "/api/segments", body=body)
        except ApiRefused as error:
            if error.status in (401, 403):
                raise
            return await _segments(request, form, error)
        return Redirect("/segments", status_code=303)

    @post("/{id:uuid}/delete")
    async def remove(self, request: Asked, id: FromPath[UUID]) -> Redirect:
        await api_of(request).ask("DELETE", f"/api/segments/{id}")
        return Redirect("/segments", status_code=303)


def rule_of(form: dict[str, str]) -> dict[str, Any] | None:
    """The rule that the rows say together; None when none says anything."""
    rules = [rule for n in range(ROWS) if (rule := _condition(form, n)) is not None]
    if not rules:
        return None
    return {"type": "any" if form.get("together") == "any" else "all", "rules": rules}


def _condition(form: dict[str, str], n: int) -> dict[str, Any] | None:
    """`what-0` names what is asked for: a field, an attribute, a group, consent or activity."""
    kind, _, name = form.get(f"what-{n}", "").partition(":")
    value: Any = form.get(f"value-{n}", "")
    op = form.get(f"op-{n}", "equals")
    match kind:
        case "field":
            return {"type": "field", "name": name, "op": op, **_compared(op, value)}
        case "attribute":
            asked, _, sort = name.partition("|")
            return {"type": "attribute", "key": asked, "op": op, **_compared(op, _typed(sort, value))}
        case "group":
            return {"type": "group", "groupId": name}
        case "consent":
            return {"type": "consent", "optedOut": name == "out"}
        case "activity":
            days = {"withinDays": int(value)} if str(value).isdecimal() else {}
            return {"type": "activity", "deed": name, **days}
        case _:
            return None


def _compared(op: str, value: Any) -> dict[str, Any]:
    return {} if op in ("is_set", "is_not_set") else {"value": value}


def _typed(sort: str, value: str) -> Any:
    if sort == "number":
        try:
            return float(value)
        except ValueError:
            return value
    if sort == "boolean":
        return value.lower() in ("yes", "true", "1", "y")
    return value


async def _segments(
    request: Asked, form: dict[str, str] | None = None, error: ApiRefused | None = None
) -> Response[str]:
    api = api_of(request)
    return page(
        request,
        "segments.html",
        status=200 if error is None else 422,
        me=await me(request),
        segments=await api.get("/api/segments", limit=100),
        groups=await api.get("/api/groups", limit=100),
        attributes=await api.get("/api/contacts/attributes"),
        rows=list(range(ROWS)),
        fields=FIELDS,
        ops=OPS,
        deeds=DEEDS,
        form=form or {},
        wrong={} if error is None else error.by_field(),
        error=error,
    )
