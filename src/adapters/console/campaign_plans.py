"""What can be known and decided of a campaign before it starts, and its file afterwards."""

from typing import Any
from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect, Stream

from tidings.adapters.console.asking import Asked, api_of, typed
from tidings.adapters.console.calls import ApiRefused
from tidings.adapters.console.campaigns import shown_campaign
from tidings.adapters.console.rendering import page

PEOPLE = 10
"""Of whom the dry run shows what each would get."""


class PlanPages(Controller):
    path = "/campaigns"
    include_in_schema = False

    @get("/{id:uuid}/forecast")
    async def forecast(self, request: Asked, id: FromPath[UUID]) -> Response[str]:
        """What a launch would do now: people, cost, finish, and what some would get."""
        api, told, some, error = api_of(request), None, list[Any](), None
        try:
            told = await api.get(f"/api/campaigns/{id}/forecast")
            some = await api.get(f"/api/campaigns/{id}/dry-run", limit=PEOPLE)
        except ApiRefused as refused:
            if refused.status in (401, 403, 404):
                raise
            error = refused
        return page(request, "campaign-forecast.html", me=None, forecast=told, people=some, error=error)

    @post("/{id:uuid}/schedule")
    async def schedule(self, request: Asked, id: FromPath[UUID]) -> Response[Any]:
        form = await typed(request)
        at = form.get("at", "")
        body = {
            "at": f"{at}:00" if len(at) == len("2026-11-25T09:00") else at,
            "zone": form.get("zone", ""),
            "repeat": form.get("repeat", "once"),
        }
        try:
            await api_of(request).ask("POST", f"/api/campaigns/{id}/schedule", body=body)
        except ApiRefused as error:
            if error.status in (401, 403, 404):
                raise
            return await shown_campaign(request, str(id), error, form)
        return Redirect(f"/campaigns/{id}", status_code=303)

    @post("/{id:uuid}/unschedule")
    async def unschedule(self, request: Asked, id: FromPath[UUID]) -> Redirect:
        await api_of(request).ask("DELETE", f"/api/campaigns/{id}/schedule")
        return Redirect(f"/campaigns/{id}", status_code=303)

    @post("/{id:uuid}/test")
    async def test(self, request: Asked, id: FromPath[UUID]) -> Response[Any]:
        form = await typed(request)
        body = {"contactIds": [form.get("contactId", "")]}
        try:
            sent = (await api_of(request).ask("POST", f"/api/campaigns/{id}/test", body=body)).data
        except ApiRefused as error:
            if error.status in (401, 403, 404):
                raise
            return await shown_campaign(request, str(id), error, form)
        return await shown_campaign(request, str(id), None, form, tried=sent[0])

    @post("/{id:uuid}/retry-failed")
    async def retry(self, request: Asked, id: FromPath[UUID]) -> Response[Any]:
        try:
            made = await api_of(request).ask("POST", f"/api/campaigns/{id}/retry-failed")
        except ApiRefused as error:
            if error.status in (401, 403, 404):
                raise
            return await shown_campaign(request, str(id), error)
        return Redirect(f"/campaigns/{made.data['id']}", status_code=303)

    @get("/{id:uuid}/export")
    async def export(self, request: Asked, id: FromPath[UUID]) -> Stream:
        """Everyone with what became of them."""
        api = api_of(request)
        # A refusal is a page; what comes after it is a file.
        await api.get(f"/api/campaigns/{id}")
        return Stream(
            api.stream(f"/api/campaigns/{id}/recipients/export"),
            media_type="text/csv; charset=utf-8",
            headers={"content-disposition": f'attachment; filename="campaign-{id}.csv"'},
        )
