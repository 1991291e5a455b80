"""Message templates: written with what they will look like beside them, and what Meta would say."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Controller, Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from tidings.adapters.console.asking import Asked, api_of, me, some_people, typed
from tidings.adapters.console.calls import ApiRefused
from tidings.adapters.console.rendering import page

CATEGORIES = ("MARKETING", "UTILITY")
PLACEHOLDERS = 10
MOST_BUTTONS = 3


def _components(form: dict[str, str]) -> list[dict[str, Any]]:
    """Meta's components from the fields of the form."""
    body = form.get("body", "")
    components: list[dict[str, Any]] = []
    if header := form.get("header"):
        components.append({"type": "HEADER", "format": "TEXT", "text": header})
    told: dict[str, Any] = {"type": "BODY", "text": body}
    examples = [
        form.get(f"example{n}") or f"example {n}"
        for n in range(1, PLACEHOLDERS + 1)
        if "{{" + str(n) + "}}" in body
    ]
    if examples:
        told["example"] = {"body_text": [examples]}
    components.append(told)
    if footer := form.get("footer"):
        components.append({"type": "FOOTER", "text": footer})
    buttons = [
        {"type": "QUICK_REPLY", "text": form[f"button{n}"]}
        for n in range(1, MOST_BUTTONS + 1)
        if form.get(f"button{n}")
    ]
    if buttons:
        components.append({"type": "BUTTONS", "buttons": buttons})
    return components


def _body(form: dict[str, str]) -> dict[str, Any]:
    return {
        "name": form.get("name", ""),
        "language": form.get("language", ""),
        "category": form.get("category", ""),
        "components": _components(form),
    }


FIELDS = ("firstName", "lastName", "company", "email")
"""What a placeholder may stand for when the message is looked at for a contact."""


def _look(form: dict[str, str], contact: dict[str, Any] | None = None) -> dict[str, Any]:
    """The message as it will appear, as far as it is written; for a contact, with what is known of them."""
    body = form.get("body", "")
    for n in range(1, PLACEHOLDERS + 1):
        told = contact.get(form.get(f"field{n}", "")) if contact else None
        body = body.replace("{{" + str(n) + "}}", told or form.get(f"example{n}") or f"example {n}")
    buttons = [form[f"button{n}"] for n in range(1, MOST_BUTTONS + 1) if form.get(f"button{n}")]
    return {
        "header": form.get("header"),
        "body": body,
        "footer": form.get("footer"),
        "buttons": [{"text": text} for text in buttons],
    }


def _slots(form: dict[str, str]) -> list[int]:
    return [n for n in range(1, PLACEHOLDERS + 1) if "{{" + str(n) + "}}" in form.get("body", "")]


class TemplatePages(Controller):
    path = "/templates"
    include_in_schema = False

    @get("/")
    async def all(self, request: Asked) -> Response[str]:
        templates = await api_of(request).get("/api/templates", limit=100)
        return page(request, "templates.html", me=await me(request), templates=templates)

    @get("/new")
    async def new(self, request: Asked) -> Response[str]:
        form = {"language": "en", "category": "MARKETING"}
        return page(
            request,
            "template-form.html",
            me=await me(request),
            form=form,
            wrong={},
            people=await some_people(request),
            categories=CATEGORIES,
            look=_look(form),
            slots=[],
        )

    @post("/look")
    async def look(self, request: Asked) -> Response[str]:
        """While it is being written: the look, and everything Meta would object to."""
        form = await typed(request)
        verdict = await _verdict(request, form)
        contact = None
        if id := form.get("contactId"):
            contact = await api_of(request).get(f"/api/contacts/{id}")
        return page(
            request,
            "template-look.html",
            me=None,
            look=_look(form, contact),
            form=form,
            slots=_slots(form),
            fields=FIELDS,
            contact=contact,
            errors=verdict,
            written=bool(form.get("body")),
        )

    @post("/new")
    async def add(self, request: Asked) -> Response[Any]:
        form = await typed(request)
        try:
            made = (await api_of(request).ask("POST", "/api/templates", body=_body(form))).data
        except ApiRefused as error:
            if error.status in (401, 403):
                raise
            return page(
                request,
                "template-form.html",
                status=422,
                me=await me(request),
                form=form,
                wrong=error.by_field(),
                error=error,
                people=await some_people(request),
                categories=CATEGORIES,
                look=_look(form),
                slots=_slots(form),
            )
        return Redirect(f"/templates/{made['id']}", status_code=303)

    @get("/{id:uuid}")
    async def one(self, request: Asked, id: FromPath[UUID]) -> Response[str]:
        api = api_of(request)
        template = await api.get(f"/api/templates/{id}")
        return page(
            request,
            "template.html",
            me=await me(request),
            template=template,
            components=msgspec.json.format(msgspec.json.encode(template["components"])).decode(),
        )

    @post("/{id:uuid}/delete")
    async def remove(self, request: Asked, id: FromPath[UUID]) -> Redirect:
        await api_of(request).ask("DELETE", f"/api/templates/{id}")
        return Redirect("/templates", status_code=303)


async def _verdict(request: Asked, form: dict[str, str]) -> list[dict[str, str]]:
    try:
        verdict = (await api_of(request).ask("POST", "/api/templates/validate", body=_body(form))).data
    except ApiRefused as error:
        if error.status in (401, 403):
            raise
        return [dict(each) for each in error.details]
    return verdict["errors"]
