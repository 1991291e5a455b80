"""The inbox: who wrote, whose turn it is, and answering them while the window is open, or with a template."""

from mimetypes import guess_type
from typing import Any
from uuid import UUID

import msgspec
from litestar import Controller, Response, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Stream

from tidings.adapters.console.asking import Asked, api_of, me, typed, uploaded
from tidings.adapters.console.calls import Api, ApiRefused
from tidings.adapters.console.forms import multipart
from tidings.adapters.console.live import events
from tidings.adapters.console.rendering import page

VIEWS: dict[str, dict[str, Any]] = {
    "open": {"stage": "open"},
    "mine": {"stage": "open", "mine": "true"},
    "unassigned": {"stage": "open", "unassigned": "true"},
    "closed": {"stage": "closed"},
}
ROWS, LINES = 30, 50
KINDS = {"image": "image", "video": "video", "audio": "audio"}
"""What a file is sent as, by the first part of its type; everything else is a document."""


class InboxPages(Controller):
    path = "/inbox"
    include_in_schema = False

    @get("/")
    async def all(
        self, request: Asked, view: FromQuery[str] = "open", cursor: FromQuery[str] = ""
    ) -> Response[str]:
        part = "hx-request" in request.headers
        rows = await _rows(api_of(request), view, cursor)
        name = "inbox-rows.html" if part else "inbox.html"
        return page(request, name, me=await me(request), views=[*VIEWS], **rows)

    @get("/live")
    async def live(self, request: Asked, view: FromQuery[str] = "open") -> Stream:
        """The list anew whenever a conversation in sight is touched."""
        api = api_of(request)

        async def piece(_: dict[str, Any]) -> Response[str]:
            return page(request, "inbox-rows.html", me=None, **await _rows(api, view, ""))

        return events(api, "/api/conversations/live", piece)

    @post("/next")
    async def take_next(self, request: Asked) -> Response[Any]:
        """The longest wait, to exactly one of all who press this."""
        try:
            taken = (await api_of(request).ask("POST", "/api/conversations/take-next")).data
        except ApiRefused as refused:
            if refused.status != 404:
                raise
            rows = await _rows(api_of(request), "open", "")
            return page(
                request,
                "inbox.html",
                status=422,
                me=await me(request),
                views=[*VIEWS],
                error=refused,
                **rows,
            )
        return Redirect(f"/inbox/{taken['id']}", status_code=303)

    @get("/{id:uuid}")
    async def one(self, request: Asked, id: FromPath[UUID]) -> Response[str]:
        return await _shown(request, str(id))

    @get("/{id:uuid}/thread")
    async def thread(self, request: Asked, id: FromPath[UUID]) -> Response[str]:
        """The thread as it is: how far our own words have come is no news of the conversation."""
        return page(request, "inbox-thread.html", me=None, **await _thread(api_of(request), str(id)))

    @get("/{id:uuid}/live")
    async def live_thread(self, request: Asked, id: FromPath[UUID]) -> Stream:
        """The thread anew whenever something happens in it."""
        api = api_of(request)

        async def piece(touched: dict[str, Any]) -> Response[str] | None:
            if touched.get("id") != str(id):
                return None
            return page(request, "inbox-thread.html", me=None, **await _thread(api, str(id)))

        return events(api, "/api/conversations/live", piece)

    @post("/{id:uuid}/read")
    async def read(self, request: Asked, id: FromPath[UUID]) -> Response[str]:
        """It was opened: nothing is unread any more, and the person sees it."""
        try:
            await api_of(request).ask("POST", f"/api/conversations/{id}/read")
        except ApiRefused as refused:
            if refused.status not in (403, 502, 503):
                raise
        return Response("", status_code=204)

    @get("/{id:uuid}/template")
    async def template(self, request: Asked, id: FromPath[UUID]) -> Response[str]:
        """What the chosen template wants to know, and how it looks."""
        chosen = request.query_params.get("templateId", "")
        found = await api_of(request).get(f"/api/templates/{chosen}") if chosen else None
        form = dict(request.query_params)
        return page(request, "inbox-slots.html", me=None, template=found, form=form)

    @post("/{id:uuid}/answer")
    async def answer(self, request: Asked, id: FromPath[UUID]) -> Response[Any]:
        """Say something: a text, a canned one, a file, or a template with its values."""
        form = await typed(request)
        api = api_of(request)
        try:
            content = await _content(request, api, str(id), form)
            await api.ask("POST", f"/api/conversations/{id}/messages", body={"content": content})
        except ApiRefused as refused:
            if refused.status in (401, 403, 404):
                raise
            return await _shown(request, str(id), form, refused)
        return Redirect(f"/inbox/{id}", status_code=303)

    @post("/{id:uuid}/note")
    async def note(self, request: Asked, id: FromPath[UUID]) -> Response[Any]:
        form = await typed(request)
        return await _done(request, str(id), "notes", {"text": form.get("note", "")}, form)

    @post("/{id:uuid}/assign")
    async def assign(self, request: Asked, id: FromPath[UUID]) -> Response[Any]:
        form = await typed(request)
        who = {"teamId": form.get("teamId") or None, "userId": form.get("userId") or None}
        return await _done(request, str(id), "assign", who, form)

    @post("/{id:uuid}/{act:str}")
    async def turn(self, request: Asked, id: FromPath[UUID], act: FromPath[str]) -> Response[Any]:
        """`close`, `reopen`, or `hand-back` to the bot."""
        if act not in ("close", "reopen", "hand-back"):
            raise ApiRefused(404, {"message": "There is nothing at this address."})
        return await _done(request, str(id), act, None, {})

    @get("/{id:uuid}/files/{message:uuid}")
    async def file(self, request: Asked, id: FromPath[UUID], message: FromPath[UUID]) -> Response[bytes]:
        """What a person sent, as a file to keep."""
        answer = await api_of(request).ask("GET", f"/api/conversations/{id}/messages/{message}/file")
        kept = ("content-type", "content-disposition", "content-security-policy", "x-content-type-options")
        headers = {name: answer.headers[name] for name in kept if name in answer.headers}
        return Response(answer.body, headers=headers, media_type=headers.get("content-type"))


async def _rows(api: Api, view: str, cursor: str) -> dict[str, Any]:
    wanted = VIEWS.get(view, VIEWS["open"])
    found = await api.ask("GET", "/api/conversations", limit=ROWS, cursor=cursor, **wanted)
    return {"view": view, "rows": found.data, "pagination": found.whole["pagination"], "error": None}


async def _thread(api: Api, id: str) -> dict[str, Any]:
    """Oldest first, as one reads."""
    found = (await api.ask("GET", f"/api/conversations/{id}/messages", limit=LINES)).data
    return {"id": id, "lines": found[::-1]}


async def _shown(
    request: Asked, id: str, form: dict[str, str] | None = None, error: ApiRefused | None = None
) -> Response[str]:
    api, who = api_of(request), await me(request)
    rights = who["permissions"]
    conversation = await api.get(f"/api/conversations/{id}")
    templates: list[dict[str, Any]] = []
    if "templates:read" in rights:
        templates = await api.get("/api/templates", limit=100)
    return page(
        request,
        "conversation.html",
        status=200 if error is None else 422,
        me=who,
        conversation=conversation,
        canned=await api.get("/api/canned-replies"),
        templates=[each for each in templates if each["status"] == "APPROVED"],
        teams=await api.get("/api/teams", limit=100) if "teams:read" in rights else [],
        members=await api.get("/api/organization/members", limit=100) if "members:read" in rights else [],
        form=form or {},
        error=error,
        **await _thread(api, id),
    )


async def _done(request: Asked, id: str, act: str, body: object, form: dict[str, str]) -> Response[Any]:
    try:
        await api_of(request).ask("POST", f"/api/conversations/{id}/{act}", body=body)
    except ApiRefused as refused:
        if refused.status in (401, 403, 404):
            raise
        return await _shown(request, id, form, refused)
    return Redirect(f"/inbox/{id}", status_code=303)


async def _content(request: Asked, api: Api, id: str, form: dict[str, str]) -> dict[str, Any]:
    """What was meant by the form. Raise ApiRefused."""
    if form.get("templateId"):
        return await _template(api, form)
    if file := await uploaded(request, "file"):
        conversation = await api.get(f"/api/conversations/{id}")
        raw, kind = multipart({"phoneNumberId": conversation["phoneNumberId"]}, file)
        media = (await api.ask("POST", "/api/media", raw=raw, content_type=kind)).data
        return _file(file[0], media["id"], form.get("body", ""))
    return {"type": "text", "body": form.get("body") or form.get("canned", "")}


def _file(name: str, media: str, caption: str) -> dict[str, Any]:
    kind = KINDS.get((guess_type(name)[0] or "").partition("/")[0], "document")
    said: dict[str, Any] = {"type": kind, "id": media}
    if kind == "document":
        said["filename"] = name
    if caption and kind != "audio":
        said["caption"] = caption
    return said


async def _template(api: Api, form: dict[str, str]) -> dict[str, Any]:
    path = f"/api/templates/{form['templateId']}"
    template = await api.get(path)
    values = {name.removeprefix("value:"): text for name, text in form.items() if name.startswith("value:")}
    given = {"values": values, "examples": False}
    looked = (await api.ask("POST", f"{path}/preview", body=given)).data
    return {
        "type": "template",
        "name": template["name"],
        "language": template["language"],
        "category": template["category"],
        "components": msgspec.to_builtins(looked["components"]),
    }
