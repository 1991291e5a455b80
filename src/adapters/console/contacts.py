"""People, their groups, and files of them."""

from typing import Any
from urllib.parse import quote
from uuid import UUID

import msgspec
from litestar import Controller, Response, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Stream

from tidings.adapters.console.asking import Asked, api_of, me, typed, uploaded
from tidings.adapters.console.calls import ApiRefused
from tidings.adapters.console.forms import multipart
from tidings.adapters.console.live import events
from tidings.adapters.console.rendering import page

FIELDS = ("firstName", "lastName", "phone", "email", "company", "jobTitle", "notes")
CHANGED = tuple(name for name in FIELDS if name != "phone")
PAGE = 50
POLICIES = ("skip", "update", "merge")


class ContactPages(Controller):
    path = "/contacts"
    include_in_schema = False

    @get("/")
    async def all(
        self, request: Asked, q: FromQuery[str] = "", group: FromQuery[str] = "", cursor: FromQuery[str] = ""
    ) -> Response[str]:
        api, person = api_of(request), await me(request)
        if cursor:
            found = await api.ask("GET", "/api/contacts", search=q, groupId=group, cursor=cursor, limit=PAGE)
        else:
            found = await api.ask("GET", "/api/contacts", search=q, groupId=group, page=1, limit=PAGE)
        groups = await api.get("/api/groups", limit=100)
        return page(
            request,
            "contact-rows.html" if "hx-request" in request.headers else "contacts.html",
            me=person,
            contacts=found.data,
            pagination=found.whole["pagination"],
            groups=groups,
            q=q,
            group=group,
        )

    @get("/new")
    async def new(self, request: Asked) -> Response[str]:
        groups = await api_of(request).get("/api/groups", limit=100)
        return page(request, "contact-form.html", me=await me(request), form={}, wrong={}, groups=groups)

    @post("/new")
    async def add(self, request: Asked) -> Response[Any]:
        form, api = await typed(request), api_of(request)
        body = {name: form[name] for name in (*FIELDS, "countryCode", "groupId") if form.get(name)}
        try:
            made = (await api.ask("POST", "/api/contacts", body=body)).data
        except ApiRefused as error:
            groups = await api.get("/api/groups", limit=100)
            return page(
                request,
                "contact-form.html",
                status=422,
                me=await me(request),
                form=form,
                wrong=error.by_field(),
                error=error,
                groups=groups,
            )
        return Redirect(f"/contacts/{made['id']}", status_code=303)

    @get("/{id:uuid}")
    async def one(self, request: Asked, id: FromPath[UUID]) -> Response[str]:
        return await _person(request, str(id))

    @post("/{id:uuid}")
    async def change(self, request: Asked, id: FromPath[UUID]) -> Response[Any]:
        form = await typed(request)
        body: dict[str, Any] = {name: form[name] for name in CHANGED if name in form}
        attributes = {
            name.removeprefix("attribute:"): value
            for name, value in form.items()
            if name.startswith("attribute:") and value
        }
        if attributes:
            body["attributes"] = attributes
        try:
            await api_of(request).ask("PUT", f"/api/contacts/{id}", body=body)
        except ApiRefused as error:
            if error.status in (401, 403, 404):
                raise
            return await _person(request, str(id), form=form, error=error)
        return Redirect(f"/contacts/{id}", status_code=303)

    @post("/{id:uuid}/merges/{merge:uuid}/undo")
    async def part(self, request: Asked, id: FromPath[UUID], merge: FromPath[UUID]) -> Redirect:
        await api_of(request).ask("POST", f"/api/contacts/merges/{merge}/undo")
        return Redirect(f"/contacts/{id}", status_code=303)

    @post("/{id:uuid}/groups")
    async def put_in(self, request: Asked, id: FromPath[UUID]) -> Redirect:
        if group := (await typed(request)).get("groupId"):
            body = {"contactIds": [str(id)]}
            await api_of(request).ask("POST", f"/api/groups/{quote(group, safe='')}/contacts", body=body)
        return Redirect(f"/contacts/{id}", status_code=303)

    @post("/{id:uuid}/groups/{group:uuid}/leave")
    async def take_out(self, request: Asked, id: FromPath[UUID], group: FromPath[UUID]) -> Redirect:
        body = {"contactIds": [str(id)]}
        await api_of(request).ask("DELETE", f"/api/groups/{group}/contacts", body=body)
        return Redirect(f"/contacts/{id}", status_code=303)

    @post("/{id:uuid}/{act:str}")
    async def act(self, request: Asked, id: FromPath[UUID], act: FromPath[str]) -> Redirect:
        """What buttons on a person's page do."""
        calls = {
            "favorite": ("PATCH", f"/api/contacts/{id}/favorite"),
            "opt-out": ("POST", f"/api/contacts/{id}/opt-out"),
            "opt-in": ("POST", f"/api/contacts/{id}/opt-in"),
            "erase": ("POST", f"/api/contacts/{id}/erase"),
            "delete": ("DELETE", f"/api/contacts/{id}"),
        }
        if act not in calls:
            raise ApiRefused(404, {"message": "There is nothing at this address."})
        method, path = calls[act]
        await api_of(request).ask(method, path, body={} if act.startswith("opt") else None)
        return Redirect("/contacts" if act in ("delete", "erase") else f"/contacts/{id}", status_code=303)


async def _person(
    request: Asked, id: str, *, form: dict[str, str] | None = None, error: ApiRefused | None = None
) -> Response[str]:
    api = api_of(request)
    contact = await api.get(f"/api/contacts/{id}")
    ledger = await api.get(f"/api/contacts/{id}/consent")
    person = await me(request)
    messages: list[dict[str, Any]] = []
    if "messages:read" in person["permissions"] and contact["phone"].startswith("+"):
        messages = await api.get("/api/messages", to=contact["phone"], limit=20)
    known: dict[str, Any] = {"numbers": [], "activity": []}
    if "contacts:reveal" in person["permissions"]:
        known = await api.get(f"/api/contacts/{id}/personal-data")
    return page(
        request,
        "contact.html",
        known=known,
        merges=await api.get(f"/api/contacts/{id}/merges"),
        attributes=await api.get("/api/contacts/attributes"),
        groups=await api.get("/api/groups", limit=100),
        status=200 if error is None else 422,
        me=person,
        contact=contact,
        ledger=ledger,
        messages=messages,
        form={**contact, **(form or {})},
        wrong={} if error is None else error.by_field(),
        error=error,
    )


class GroupPages(Controller):
    path = "/groups"
    include_in_schema = False

    @get("/")
    async def all(self, request: Asked) -> Response[str]:
        return await _groups(request)

    @post("/")
    async def add(self, request: Asked) -> Response[Any]:
        form = await typed(request)
        body = {name: form[name] for name in ("name", "description") if form.get(name)}
        try:
            await api_of(request).ask("POST", "/api/groups", body=body)
        except ApiRefused as error:
            if error.status in (401, 403):
                raise
            return await _groups(request, form=form, error=error)
        return Redirect("/groups", status_code=303)

    @post("/{id:uuid}/delete")
    async def remove(self, request: Asked, id: FromPath[UUID]) -> Redirect:
        await api_of(request).ask("DELETE", f"/api/groups/{id}")
        return Redirect("/groups", status_code=303)


async def _groups(
    request: Asked, form: dict[str, str] | None = None, error: ApiRefused | None = None
) -> Response[str]:
    groups = await api_of(request).get("/api/groups", limit=100)
    return page(
        request,
        "groups.html",
        status=200 if error is None else 422,
        me=await me(request),
        groups=groups,
        form=form or {},
        wrong={} if error is None else error.by_field(),
        error=error,
    )


class ImportPages(Controller):
    path = "/imports"
    include_in_schema = False

    @get("/")
    async def all(self, request: Asked) -> Response[str]:
        api = api_of(request)
        return page(
            request,
            "imports.html",
            me=await me(request),
            jobs=await api.get("/api/contacts/imports"),
            groups=await api.get("/api/groups", limit=100),
            policies=POLICIES,
            form={"country": "+44", "policy": "skip"},
            wrong={},
        )

    @post("/preview")
    async def preview(self, request: Asked) -> Response[str]:
        """How the file is read, before anything is brought in."""
        form, chosen = await typed(request), await uploaded(request, "file")
        if chosen is None:
            return page(request, "import-preview.html", me=None, preview=None)
        try:
            preview = await self._send(request, "/api/contacts/import/preview", form, chosen)
        except ApiRefused as error:
            return page(request, "import-preview.html", me=None, error=error)
        return page(request, "import-preview.html", me=None, preview=preview)

    @post("/")
    async def start(self, request: Asked) -> Response[Any]:
        """Asked by script, a refusal is a part of the page, so that the file stays chosen."""
        form, chosen, api = await typed(request), await uploaded(request, "file"), api_of(request)
        by_script = "hx-request" in request.headers
        error: ApiRefused | None = None
        if chosen is None:
            wants = {"field": "file", "rule": "required", "message": "choose a file"}
            error = ApiRefused(422, {"message": "Choose a file.", "details": [wants]})
        else:
            try:
                job = await self._send(request, "/api/contacts/imports", form, chosen)
                there = f"/imports/{job['id']}"
                if by_script:
                    return Response("", status_code=200, headers={"hx-redirect": there})
                return Redirect(there, status_code=303)
            except ApiRefused as refused:
                error = refused
        wrong = error.by_field()
        if by_script:
            return page(
                request, "import-refused.html", status=422, me=None, form=form, wrong=wrong, error=error
            )
        return page(
            request,
            "imports.html",
            status=422,
            me=await me(request),
            jobs=await api.get("/api/contacts/imports"),
            groups=await api.get("/api/groups", limit=100),
            policies=POLICIES,
            form=form,
            wrong=wrong,
            error=error,
        )

    @get("/{id:uuid}")
    async def one(self, request: Asked, id: FromPath[UUID]) -> Response[str]:
        job = await api_of(request).get(f"/api/contacts/imports/{id}")
        return page(request, "import.html", me=await me(request), job=job)

    @get("/{id:uuid}/live")
    async def live(self, request: Asked, id: FromPath[UUID]) -> Stream:
        """The progress, as a piece of the page each time it changes."""
        path = f"/api/contacts/imports/{id}"

        async def piece(_: dict[str, Any]) -> Response[str]:
            return page(request, "import-progress.html", me=None, job=await api_of(request).get(path))

        return events(api_of(request), f"{path}/progress", piece)

    @get("/{id:uuid}/errors.csv")
    async def errors(self, request: Asked, id: FromPath[UUID]) -> Stream:
        api = api_of(request)
        # A refusal is a page; what comes after it is a file.
        await api.get(f"/api/contacts/imports/{id}")
        return Stream(
            api.stream(f"/api/contacts/imports/{id}/errors.csv"),
            media_type="text/csv; charset=utf-8",
            headers={"content-disposition": 'attachment; filename="errors.csv"'},
        )

    @post("/{id:uuid}/cancel")
    async def cancel(self, request: Asked, id: FromPath[UUID]) -> Redirect:
        await api_of(request).ask("POST", f"/api/contacts/imports/{id}/cancel")
        return Redirect(f"/imports/{id}", status_code=303)

    async def _send(self, request: Asked, path: str, form: dict[str, str], chosen: tuple[str, bytes]) -> Any:
        mapping = {
            name.removeprefix("map:"): field or None
            for name, field in form.items()
            if name.startswith("map:")
        }
        options = {name: form[name] for name in ("groupId", "policy", "country") if form.get(name)}
        if mapping:
            options["mapping"] = msgspec.json.encode(mapping).decode()
        if form.get("dryRun"):
            options["dryRun"] = "true"
        body, content_type = multipart(options, chosen)
        return (await api_of(request).ask("POST", path, raw=body, content_type=content_type)).data
