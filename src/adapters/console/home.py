"""The first page: what is going on, or what to do first; and a demo to watch where Meta is played."""

import asyncio
from typing import Any

from litestar import Controller, Response, get, post
from litestar.response import Redirect

from tidings.adapters.console.asking import Asked, api_of, me
from tidings.adapters.console.calls import Api, ApiRefused
from tidings.adapters.console.forms import multipart
from tidings.adapters.console.rendering import page


class HomePages(Controller):
    include_in_schema = False

    @get("/")
    async def home(self, request: Asked) -> Response[str]:
        person, api = await me(request), api_of(request)
        rights = person["permissions"]
        campaigns: list[dict[str, Any]] = []
        templates: list[dict[str, Any]] = []
        numbers: list[dict[str, Any]] = []
        people = 0
        if "campaigns:read" in rights:
            campaigns = await api.get("/api/campaigns", limit=5)
        if "contacts:read" in rights:
            found = await api.ask("GET", "/api/contacts", limit=1, page=1)
            people = found.whole["pagination"]["total"]
        if "templates:read" in rights:
            templates = await api.get("/api/templates", limit=100)
        if "wabas:read" in rights:
            numbers = await api.get("/api/numbers")
        approved = sum(each["status"] == "APPROVED" for each in templates)
        return page(
            request,
            "home.html",
            me=person,
            campaigns=campaigns,
            people=people,
            templates=approved,
            numbers=numbers,
        )

    @post("/demo")
    async def demo(self, request: Asked) -> Redirect:
        """People who do not exist, a template, and a campaign under way: on an empty platform alone."""
        api = api_of(request)
        there = await api.ask("GET", "/api/contacts", limit=1, page=1)
        if request.app.state.get("sandbox") is None or there.whole["pagination"]["total"]:
            raise ApiRefused(409, {"message": "The demo is for an empty platform in the sandbox."})
        file = ("demo.csv", _people().encode())
        body, kind = multipart({}, file)
        await api.ask("POST", "/api/contacts/import", raw=body, content_type=kind)
        made = (await api.ask("POST", "/api/templates/create", body=TEMPLATE)).data
        await _approved(api, made["id"])
        new = {
            "name": "Demo",
            "templateId": made["id"],
            "parameters": {"body.1": {"field": "firstName", "fallback": "there"}},
        }
        campaign = (await api.ask("POST", "/api/campaigns", body=new)).data
        await api.ask("POST", f"/api/campaigns/{campaign['id']}/launch")
        return Redirect(f"/campaigns/{campaign['id']}", status_code=303)


PEOPLE = 2000
TEMPLATE = {
    "name": "demo_opening",
    "language": "en_GB",
    "category": "MARKETING",
    "components": [
        {
            "type": "BODY",
            "text": "Hello {{1}}, our shop opens on Saturday. Come and see it!",
            "example": {"body_text": [["Ada"]]},
        }
    ],
}
NAMES = ("Ada", "Ben", "Chidi", "Dana", "Emre", "Fay", "Goran", "Hana", "Ines", "Jun")
PATIENCE = 200
"""Looks for the template's approval, a tenth of a second apart."""


def _people() -> str:
    rows = (f"{NAMES[n % len(NAMES)]},+44770090{n:04}" for n in range(PEOPLE))
    return "\n".join(["firstName,phone", *rows])


async def _approved(api: Api, id: str) -> None:
    for _ in range(PATIENCE):
        found = await api.get(f"/api/templates/{id}")
        if found["status"] == "APPROVED":
            return
        await asyncio.sleep(0.1)
    raise ApiRefused(503, {"message": "The sandbox has not approved the template yet; try again."})
