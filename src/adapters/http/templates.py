"""Templates over HTTP. Fields of a template are Meta's own (`parameter_format`), replies are camelCase."""

from collections.abc import Sequence
from typing import Annotated, Any

from litestar import Controller, delete, get, post, put
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import Meta, Struct

from tidings.adapters.http.envelope import Done, Listing, Reply, listing, reply
from tidings.application.ports.templates import File, TemplateFilter
from tidings.application.templates import (
    DeliveryWish,
    HeaderFiles,
    Keeper,
    NewTemplate,
    Previewed,
    PreviewRequest,
    SyncReport,
    TemplateChange,
    Templates,
    TemplateView,
    UploadedFile,
    Verdict,
)
from tidings.domain.kernel import Actor, Page, Permission, TemplateId, WabaId
from tidings.domain.templates.components import Category
from tidings.domain.templates.files import LARGEST, FileId, StoredFile
from tidings.domain.templates.template import Status, Template

READ, WRITE = Permission.TEMPLATES_READ, Permission.TEMPLATES_WRITE

Limit = Annotated[int, Meta(ge=1, le=100)]
PageNumber = Annotated[int, Meta(ge=1, le=10_000)]
Search = Annotated[str, Meta(max_length=100)]
LimitQuery = Annotated[int, QueryParameter(ge=1, le=100)]
PageQuery = Annotated[int | None, QueryParameter(ge=1, le=10_000)]
SearchQuery = Annotated[str | None, QueryParameter(max_length=100)]
WabaQuery = Annotated[WabaId | None, QueryParameter(name="wabaId")]


class TemplateList(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Which templates to show, and which page of them."""

    status: Status | None = None
    category: Category | None = None
    language: str | None = None
    search: Search | None = None
    """A part of the name."""
    waba_id: WabaId | None = None
    cursor: str | None = None
    page: PageNumber | None = None
    limit: Limit = 20


class HeaderUpload(Struct, frozen=True, kw_only=True):
    """A form with a picture, film or document."""

    file: UploadFile


class SyncRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Which account to read; may be left out when there is one."""

    waba_id: WabaId | None = None


class TemplateController(Controller):
    path = "/api/templates"
    tags = ["Templates"]

    @post(["/", "/create"], permission=WRITE)
    async def create(
        self,
        actor: NamedDependency[Actor],
        templates: NamedDependency[Templates],
        data: JSONBody[NewTemplate],
    ) -> Reply[Template]:
        """Check a template and hand it in for Meta's review."""
        return reply(await templates.create(actor, data), "Template created")

    @get("/", permission=READ, cached=("templates", 300))
    async def page(
        self,
        actor: NamedDependency[Actor],
        templates: NamedDependency[Templates],
        status: FromQuery[Status | None] = None,
        category: FromQuery[Category | None] = None,
        language: FromQuery[str | None] = None,
        search: SearchQuery = None,
        waba_id: WabaQuery = None,
        cursor: FromQuery[str | None] = None,
        page: PageQuery = None,
        limit: LimitQuery = 20,
    ) -> Listing[Template]:
        """List templates, newest first; deleted ones only by their status."""
        wanted = TemplateList(
            status=status,
            category=category,
            language=language,
            search=search,
            waba_id=waba_id,
            cursor=cursor,
            page=page,
            limit=limit,
        )
        return await _listed(actor, templates, wanted)

    @post("/list", status_code=200, permission=READ)
    async def list(
        self,
        actor: NamedDependency[Actor],
        templates: NamedDependency[Templates],
        data: JSONBody[TemplateList],
    ) -> Listing[Template]:
        """List templates, newest first, by filters in the body."""
        return await _listed(actor, templates, data)

    @post("/validate", status_code=200, permission=READ)
    async def validate(
        self,
        actor: NamedDependency[Actor],
        templates: NamedDependency[Templates],
        data: JSONBody[dict[str, Any]],
    ) -> Reply[Verdict]:
        """Everything Meta would refuse in a template, with its path; nothing is stored or sent."""
        return reply(await templates.validate(actor, data))

    @post("/sync", status_code=200, permission=WRITE)
    async def sync(
        self,
        actor: NamedDependency[Actor],
        keeper: NamedDependency[Keeper],
        data: JSONBody[SyncRequest | None] = None,
    ) -> Reply[SyncReport]:
        """Read every template that Meta has, and what became of those we know."""
        return reply(await keeper.sync(actor, data.waba_id if data else None), "Templates synced")

    @get("/{id:uuid}", permission=READ, cached=("templates", 600))
    async def one(
        self, actor: NamedDependency[Actor], templates: NamedDependency[Templates], id: FromPath[TemplateId]
    ) -> Reply[TemplateView]:
        """A template, what sending it wants to know, and how it looks."""
        return reply(await templates.get(actor, id))

    @get("/{id:uuid}/family", permission=READ)
    async def family(
        self, actor: NamedDependency[Actor], templates: NamedDependency[Templates], id: FromPath[TemplateId]
    ) -> Reply[Sequence[Template]]:
        """The template in all its languages."""
        return reply(await templates.family(actor, id))

    @put("/{id:uuid}", permission=WRITE)
    async def change(
        self,
        actor: NamedDependency[Actor],
        templates: NamedDependency[Templates],
        id: FromPath[TemplateId],
        data: JSONBody[TemplateChange],
    ) -> Reply[Template]:
        """Edit a template; Meta reviews it anew."""
        return reply(await templates.update(actor, id, data), "Template updated")

    @post("/update/{id:uuid}", status_code=200, permission=WRITE)
    async def update(
        self,
        actor: NamedDependency[Actor],
        templates: NamedDependency[Templates],
        id: FromPath[TemplateId],
        data: JSONBody[TemplateChange],
    ) -> Reply[Template]:
        """Edit a template; Meta reviews it anew."""
        return reply(await templates.update(actor, id, data), "Template updated")

    @put("/{id:uuid}/delivery", permission=WRITE)
    async def deliver(
        self,
        actor: NamedDependency[Actor],
        templates: NamedDependency[Templates],
        id: FromPath[TemplateId],
        data: JSONBody[DeliveryWish],
    ) -> Reply[Template]:
        """Choose whether campaigns send it by way of the Marketing Messages API."""
        return reply(await templates.deliver(actor, id, data), "Delivery chosen")

    @post("/{id:uuid}/preview", status_code=200, permission=READ)
    async def preview(
        self,
        actor: NamedDependency[Actor],
        templates: NamedDependency[Templates],
        id: FromPath[TemplateId],
        data: JSONBody[PreviewRequest],
    ) -> Reply[Previewed]:
        """What a person would read with these values, beside what would be sent."""
        return reply(await templates.preview(actor, id, data))

    @delete("/{id:uuid}", status_code=200, permission=WRITE)
    async def remove(
        self, actor: NamedDependency[Actor], templates: NamedDependency[Templates], id: FromPath[TemplateId]
    ) -> Reply[Template]:
        """Delete a template in this language, here and at Meta."""
        return reply(await templates.delete(actor, id), "Template deleted")


class TemplateFileController(Controller):
    path = "/api/templates/media"
    tags = ["Templates"]

    @post("/", permission=WRITE, request_max_body_size=LARGEST + 1_000_000)
    async def add(
        self,
        actor: NamedDependency[Actor],
        header_files: NamedDependency[HeaderFiles],
        data: Annotated[HeaderUpload, Body(media_type=RequestEncodingType.MULTI_PART)],
        waba_id: WabaQuery = None,
    ) -> Reply[UploadedFile]:
        """Keep a file for headers, and show it to Meta as a sample: `headerHandle` goes into the example."""
        file = File(
            name=data.file.filename,
            mime_type=data.file.content_type.partition(";")[0].strip(),
            content=await data.file.read(),
        )
        return reply(await header_files.add(actor, file, waba_id), "File uploaded")

    @get("/", permission=READ, cached=("templates", 300))
    async def newest(
        self,
        actor: NamedDependency[Actor],
        header_files: NamedDependency[HeaderFiles],
        limit: LimitQuery = 100,
    ) -> Reply[Sequence[StoredFile]]:
        """The newest files."""
        return reply(await header_files.page(actor, limit=limit))

    @delete("/{id:uuid}", status_code=200, permission=WRITE)
    async def remove(
        self, actor: NamedDependency[Actor], header_files: NamedDependency[HeaderFiles], id: FromPath[FileId]
    ) -> Done:
        """Forget a file; what was sent with it stays."""
        await header_files.delete(actor, id)
        return Done(message="File deleted")


async def _listed(actor: Actor, templates: Templates, wanted: TemplateList) -> Listing[Template]:
    found: Page[Template] = await templates.page(
        actor,
        TemplateFilter(
            status=wanted.status,
            category=wanted.category,
            language=wanted.language,
            name=wanted.search,
            waba_id=wanted.waba_id,
        ),
        cursor=wanted.cursor,
        limit=wanted.limit,
        number=wanted.page,
    )
    return listing(found, limit=wanted.limit, number=wanted.page)
