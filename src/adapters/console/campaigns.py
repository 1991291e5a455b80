"""Campaigns: made in a few steps, watched live, and explained person by person."""

import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Stream

from tidings.adapters.console.asking import Asked, api_of, me, some_people, typed
from tidings.adapters.console.calls import ApiRefused
from tidings.adapters.console.live import events
from tidings.adapters.console.rendering import page

LAUNCH = "campaigns:launch"
ACTS = ("launch", "pause", "resume", "cancel", "approve")
SOURCES = ("firstName", "lastName", "company", "jobTitle", "email")
FUNNEL = ("planned", "accepted", "sent", "delivered", "read")
PAGE = 50


def funnel(totals: dict[str, int]) -> list[dict[str, Any]]:
    """How many people came how far: who read a message was also sent it."""
    reached = {
        "planned": totals["planned"],
        "accepted": totals["accepted"] + totals["sent"] + totals["delivered"] + totals["read"],
        "sent": totals["sent"] + totals["delivered"] + totals["read"],
        "delivered": totals["delivered"] + totals["read"],
        "read": totals["read"],
    }
    whole = max(totals["planned"], 1)
    return [
        {"name": name, "count": reached[name], "width": round(100 * reached[name] / whole, 2), "y": 34 * n}
        for n, name in enumerate(FUNNEL)
    ]


def done(totals: dict[str, int]) -> int:
    """People with whom nothing more will be done."""
    return totals["planned"] - totals["pending"] - totals["sending"]


class CampaignPages(Controller):
    path = "/campaigns"
    include_in_schema = False

    @get("/")
    async def all(self, request: Asked, cursor: FromQuery[str] = "") -> Response[str]:
        found = await api_of(request).ask("GET", "/api/campaigns", cursor=cursor, limit=20)
        return page(
            request,
            "campaigns.html",
            me=await me(request),
            campaigns=found.data,
            pagination=found.whole["pagination"],
        )

    @get("/new")
    async def new(self, request: Asked, template: FromQuery[str] = "") -> Response[str]:
        return await _wizard(request, {"templateId": template})

    @get("/slots")
    async def slots(self, request: Asked) -> Response[str]:
        """What the chosen template wants to know, and how it looks."""
        id = request.query_params.get("templateId", "")
        template = await api_of(request).get(f"/api/templates/{id}") if id else None
        return page(
            request,
            "campaign-slots.html",
            me=None,
            template=template,
            form=dict(request.query_params),
            sources=SOURCES,
            wrong={},
        )

    @post("/new")
    async def add(self, request: Asked) -> Response[Any]:
        form = await typed(request)
        body: dict[str, Any] = {
            name: form[name] for name in ("name", "templateId", "groupId", "missing") if form.get(name)
        }
        body["parameters"] = _parameters(form)
        body |= _care(form)
        try:
            made = (await api_of(request).ask("POST", "/api/campaigns", body=body)).data
        except ApiRefused as error:
            if error.status in (401, 403):
                raise
            return await _wizard(request, form, error)
        return Redirect(f"/campaigns/{made['id']}", status_code=303)

    @get("/{id:uuid}")
    async def one(self, request: Asked, id: FromPath[UUID]) -> Response[str]:
        return await shown_campaign(request, str(id), None)

    @post("/{id:uuid}/{act:str}")
    async def act(self, request: Asked, id: FromPath[UUID], act: FromPath[str]) -> Response[Any]:
        if act not in ACTS:
            raise ApiRefused(404, {"message": "There is nothing at this address."})
        try:
            await api_of(request).ask("POST", f"/api/campaigns/{id}/{act}")
        except ApiRefused as error:
            if error.status in (401, 403, 404):
                raise
            return await shown_campaign(request, str(id), error)
        return Redirect(f"/campaigns/{id}", status_code=303)

    @get("/{id:uuid}/live")
    async def live(self, request: Asked, id: FromPath[UUID]) -> Stream:
        """The totals, as a piece of the page each time they change."""
        pace, person = Pace(), await me(request)

        async def piece(_: dict[str, Any]) -> Response[str]:
            return await _totals(request, id, person, pace)

        return events(api_of(request), f"/api/campaigns/{id}/progress", piece)

    @get("/{id:uuid}/totals")
    async def totals(self, request: Asked, id: FromPath[UUID]) -> Response[str]:
        """Of a campaign that is over: people still read, and some messages fail late."""
        return await _totals(request, id, await me(request))

    @get("/{id:uuid}/people")
    async def people(
        self,
        request: Asked,
        id: FromPath[UUID],
        outcome: FromQuery[str] = "",
        cursor: FromQuery[str] = "",
    ) -> Response[str]:
        found = await api_of(request).ask(
            "GET", f"/api/campaigns/{id}/recipients", state=outcome, cursor=cursor, limit=PAGE
        )
        return page(
            request,
            "campaign-people.html",
            me=None,
            id=str(id),
            people=found.data,
            pagination=found.whole["pagination"],
            outcome=outcome,
        )

    @get("/{id:uuid}/people/{person:uuid}")
    async def why(self, request: Asked, id: FromPath[UUID], person: FromPath[UUID]) -> Response[str]:
        """Everything that happened with one person, and why."""
        api = api_of(request)
        told = await api.get(f"/api/campaigns/{id}/recipients/{person}")
        campaign = await api.get(f"/api/campaigns/{id}")
        return page(request, "why.html", me=await me(request), campaign=campaign, **told)


@dataclass(slots=True)
class Pace:
    """How many messages a second Meta took between two looks."""

    at: float = 0.0
    accepted: int = 0

    def of(self, accepted: int) -> float | None:
        now = time.monotonic()
        before, self.at, known, self.accepted = self.at, now, self.accepted, accepted
        return None if not before or now == before else round(max(accepted - known, 0) / (now - before), 1)


async def _totals(
    request: Asked, id: UUID, person: dict[str, Any], pace: Pace | None = None
) -> Response[str]:
    """The numbers of a campaign as a piece of its page."""
    report = await api_of(request).get(f"/api/campaigns/{id}/report")
    numbers = _numbers(report)
    return page(
        request,
        "campaign-totals.html",
        me=None,
        may_launch=LAUNCH in person["permissions"],
        rate=pace.of(numbers["funnel"][1]["count"]) if pace else None,
        line=await _line(request, report["campaign"]),
        **numbers,
    )


async def _line(request: Asked, campaign: dict[str, Any]) -> dict[str, Any] | None:
    """The limits in force of the number that it sends from."""
    numbers = await api_of(request).get("/api/numbers")
    return next((each for each in numbers if each["phoneNumberId"] == campaign.get("phoneNumberId")), None)


def _parameters(form: dict[str, str]) -> dict[str, Any]:
    """`from:body.1` names the field that fills a slot, `else:body.1` what stands in, or is said to all."""
    filled: dict[str, Any] = {}
    for name, source in form.items():
        if not name.startswith("from:"):
            continue
        slot = name.removeprefix("from:")
        instead = form.get(f"else:{slot}", "")
        if source == "text":
            filled[slot] = {"text": instead}
        else:
            filled[slot] = {"field": source, **({"fallback": instead} if instead else {})}
    return filled


def _care(form: dict[str, str]) -> dict[str, Any]:
    """A careful start, a guard, and the language of each: what the wizard's third step says."""
    chosen: dict[str, Any] = {}
    if form.get("inTheirLanguage"):
        chosen["inTheirLanguage"] = True
    if form.get("canary"):
        chosen["rollout"] = {"steps": [0.01, 0.1], "watch": 60 * _number(form.get("watch", ""), 10)}
    guard = {
        name: _number(form[name], 0) / 100 for name in ("failed", "optedOut") if form.get(name, "").strip()
    }
    if guard:
        chosen["guard"] = guard
    return chosen


def _number(said: str, otherwise: int) -> float:
    """What was typed; what is no number goes on to the API as nothing that it would take."""
    try:
        return float(said.replace(",", "."))
    except ValueError:
        return -1 if said else otherwise


def hourly(hours: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """People in each hour that saw any, as bars of a chart a hundred wide and thirty high."""
    counts: dict[str, int] = {}
    for each in hours:
        counts[each["hour"]] = counts.get(each["hour"], 0) + each["count"]
    shown = sorted(counts.items())[-48:]
    most = max((count for _, count in shown), default=1)
    wide = 100 / max(len(shown), 1)
    return [
        {
            "hour": hour,
            "count": count,
            "x": round(n * wide, 2),
            "width": round(wide * 0.8, 2),
            "height": round(30 * count / most, 2),
            "y": round(30 - 30 * count / most, 2),
        }
        for n, (hour, count) in enumerate(shown)
    ]


def _numbers(report: dict[str, Any]) -> dict[str, Any]:
    totals = report["totals"]
    return {
        "campaign": report["campaign"],
        "totals": totals,
        "funnel": funnel(totals),
        "done": done(totals),
        "reasons": [each for each in report["reasons"] if each["reason"]],
        "hours": hourly(report["hours"]),
        "waiting": report["waiting"],
        "cost": report["cost"],
        "responses": report["responses"],
    }


async def shown_campaign(
    request: Asked,
    id: str,
    error: ApiRefused | None,
    form: dict[str, str] | None = None,
    *,
    tried: dict[str, Any] | None = None,
) -> Response[str]:
    """A campaign's page; with `error`, what stood in the way of what was asked on it.

    `tried` is the recipient of a test.
    """
    api = api_of(request)
    report = await api.get(f"/api/campaigns/{id}/report")
    try:
        template = await api.get(f"/api/templates/{report['campaign']['templateId']}")
    except ApiRefused as missing:
        if missing.status != 404:
            raise
        template = None
    person = await me(request)
    still = report["campaign"]["state"] in ("draft", "scheduled")
    may_launch = LAUNCH in person["permissions"]
    return page(
        request,
        "campaign.html",
        status=200 if error is None else 422,
        me=person,
        may_launch=may_launch,
        people=await some_people(request) if may_launch and still else [],
        tried=tried,
        template=template,
        error=error,
        form=form or {},
        wrong={} if error is None else error.by_field(),
        line=await _line(request, report["campaign"]),
        approval=(await api.get("/api/campaigns/approval"))["needed"],
        id=id,
        **_numbers(report),
    )


async def _wizard(request: Asked, form: dict[str, str], error: ApiRefused | None = None) -> Response[str]:
    api = api_of(request)
    templates = await api.get("/api/templates", limit=100)
    chosen = next((each for each in templates if each["id"] == form.get("templateId")), None)
    template = await api.get(f"/api/templates/{chosen['id']}") if chosen else None
    total = (await api.ask("GET", "/api/contacts", limit=1, page=1)).whole["pagination"]["total"]
    return page(
        request,
        "campaign-form.html",
        status=200 if error is None else 422,
        me=await me(request),
        form=form,
        wrong={} if error is None else error.by_field(),
        error=error,
        templates=[each for each in templates if each["status"] == "APPROVED"],
        template=template,
        groups=await api.get("/api/groups", limit=100),
        segments=await api.get("/api/segments", limit=100),
        everyone=total,
        sources=SOURCES,
    )
