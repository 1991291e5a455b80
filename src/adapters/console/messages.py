"""Messages that went out, and the numbers they left from."""

from uuid import UUID

from litestar import Controller, Response, get
from litestar.params import FromPath, FromQuery

from tidings.adapters.console.asking import Asked, api_of, me
from tidings.adapters.console.rendering import page


class MessagePages(Controller):
    path = "/messages"
    include_in_schema = False

    @get("/")
    async def all(
        self, request: Asked, outcome: FromQuery[str] = "", cursor: FromQuery[str] = ""
    ) -> Response[str]:
        found = await api_of(request).ask("GET", "/api/messages", status=outcome, cursor=cursor, limit=50)
        return page(
            request,
            "message-rows.html" if "hx-request" in request.headers else "messages.html",
            me=await me(request),
            messages=found.data,
            pagination=found.whole["pagination"],
            outcome=outcome,
        )

    @get("/{id:uuid}")
    async def one(self, request: Asked, id: FromPath[UUID]) -> Response[str]:
        message = await api_of(request).get(f"/api/messages/{id}")
        return page(request, "message.html", me=await me(request), message=message)


class NumberPages(Controller):
    path = "/numbers"
    include_in_schema = False

    @get("/")
    async def all(self, request: Asked) -> Response[str]:
        api = api_of(request)
        return page(
            request,
            "numbers.html",
            me=await me(request),
            numbers=await api.get("/api/numbers"),
            wabas=await api.get("/api/wabas"),
        )
