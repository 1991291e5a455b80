"""The first page: what is going on, or what to do first."""

from typing import Any

from litestar import Controller, Response, get

from tidings.adapters.console.asking import Asked, api_of, me
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
