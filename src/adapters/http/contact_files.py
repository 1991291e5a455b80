"""Files of contacts over HTTP: looked at, brought in at once or as a job, watched, and taken out."""

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, get, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath, FromQuery, QueryParameter
from litestar.response import ServerSentEvent, ServerSentEventMessage, Stream
from msgspec import Struct

from tidings.adapters.http.envelope import Listing, Reply, listing, reply
from tidings.adapters.http.limits import LARGEST_FILE
from tidings.application.contacts.exporting import Exports
from tidings.application.contacts.importing import Imports, Preview
from tidings.application.contacts.jobs import ImportJobs
from tidings.application.ports.contacts import ContactFilter
from tidings.domain.contacts.columns import mapping_of
from tidings.domain.contacts.importing import ImportOptions, ImportReport, Policy
from tidings.domain.contacts.jobs import ImportId, ImportJob
from tidings.domain.kernel import Actor, GroupId, Permission

READ, WRITE = Permission.CONTACTS_READ, Permission.CONTACTS_WRITE
CHUNK = 1 << 18


class Upload(Struct, frozen=True, kw_only=True):
    """A form with a file, and how it is to be brought in.

    `mapping` is JSON: header to field, for the columns that are not guessed right.
    """

    file: UploadFile
    mapping: str = ""
    group_id: GroupId | None = msgspec.field(default=None, name="groupId")
    policy: Policy = Policy.SKIP
    country: str = "+1"
    encoding: str = ""
    dry_run: bool = msgspec.field(default=False, name="dryRun")


Form = Annotated[Upload, Body(media_type=RequestEncodingType.MULTI_PART)]
GroupQuery = Annotated[GroupId | None, QueryParameter(name="groupId")]
OptedOutQuery = Annotated[bool | None, QueryParameter(name="optedOut")]
FormatQuery = Annotated[str, QueryParameter(name="format")]
PolicyQuery = Annotated[Policy | None, QueryParameter(name="policy")]
CountryQuery = Annotated[str | None, QueryParameter(name="country")]
DryRunQuery = Annotated[bool | None, QueryParameter(name="dryRun")]

MEDIA = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


class ContactFileController(Controller):
    path = "/api/contacts"
    tags = ["Contact files"]
    request_max_body_size = LARGEST_FILE

    @post("/import/preview", permission=READ, status_code=200)
    async def preview(
        self, actor: NamedDependency[Actor], imports: NamedDependency[Imports], data: Form
    ) -> Reply[Preview]:
        """What a file is taken for, column by column, before it is brought in."""
        return reply(await imports.preview(actor, _chunks(data.file), _options(data)))

    @post("/import", permission=WRITE, status_code=200)
    async def import_file(
        self,
        actor: NamedDependency[Actor],
        imports: NamedDependency[Imports],
        data: Form,
        group_id: GroupQuery = None,
        policy: PolicyQuery = None,
        country: CountryQuery = None,
        dry_run: DryRunQuery = None,
    ) -> Reply[ImportReport]:
        """Bring a file in while the client waits; rows that make no sense are listed with their reason.

        The choices may stand in the form or in the query.
        """
        told = {"group_id": group_id, "policy": policy, "country": country, "dry_run": dry_run}
        given = {name: value for name, value in told.items() if value is not None}
        options = msgspec.structs.replace(_options(data), **given)
        return reply(await imports.import_file(actor, _chunks(data.file), options))

    @post("/imports", permission=WRITE, status_code=202)
    async def start(
        self, actor: NamedDependency[Actor], import_jobs: NamedDependency[ImportJobs], data: Form
    ) -> Reply[ImportJob]:
        """Take a file in and bring it in in the background; it goes on by itself after a restart."""
        name = data.file.filename
        return reply(
            await import_jobs.start(actor, name, _chunks(data.file), _options(data)), "Import started"
        )

    @get("/imports", permission=READ)
    async def page(
        self,
        actor: NamedDependency[Actor],
        import_jobs: NamedDependency[ImportJobs],
        cursor: FromQuery[str | None] = None,
        limit: FromQuery[int] = 20,
    ) -> Listing[ImportJob]:
        """List imports, newest first."""
        return listing(await import_jobs.page(actor, cursor=cursor, limit=limit), limit=limit)

    @get("/imports/{id:uuid}", permission=READ)
    async def one(
        self, actor: NamedDependency[Actor], import_jobs: NamedDependency[ImportJobs], id: FromPath[UUID]
    ) -> Reply[ImportJob]:
        """How far an import has come."""
        return reply(await import_jobs.get(actor, ImportId(id)))

    @post("/imports/{id:uuid}/cancel", permission=WRITE, status_code=200)
    async def cancel(
        self, actor: NamedDependency[Actor], import_jobs: NamedDependency[ImportJobs], id: FromPath[UUID]
    ) -> Reply[ImportJob]:
        """Stop an import; what was brought in stays."""
        return reply(await import_jobs.cancel(actor, ImportId(id)), "Import cancelled")

    @get("/imports/{id:uuid}/errors.csv", permission=READ)
    async def errors(
        self, actor: NamedDependency[Actor], import_jobs: NamedDependency[ImportJobs], id: FromPath[UUID]
    ) -> Stream:
        """Every error of every row, as a file."""
        return _download(await import_jobs.errors(actor, ImportId(id)), "csv", "errors")

    @get("/imports/{id:uuid}/progress", permission=READ)
    async def progress(
        self, actor: NamedDependency[Actor], import_jobs: NamedDependency[ImportJobs], id: FromPath[UUID]
    ) -> ServerSentEvent:
        """Progress as server-sent events, until the import ends."""
        moments = import_jobs.watch(actor, ImportId(id))
        first = await anext(moments)

        async def stream() -> AsyncGenerator[ServerSentEventMessage]:
            yield _moment(first)
            async for moment in moments:
                yield _moment(moment)

        return ServerSentEvent(stream())

    @get("/export", permission=READ)
    async def export(
        self,
        actor: NamedDependency[Actor],
        exports: NamedDependency[Exports],
        format: FormatQuery = "csv",
        search: FromQuery[str] = "",
        favorite: FromQuery[bool | None] = None,
        group_id: GroupQuery = None,
        opted_out: OptedOutQuery = None,
    ) -> Stream:
        """All contacts, or those that the filter lets through, as a CSV or XLSX file."""
        wanted = ContactFilter(search=search, favorite=favorite, group_id=group_id, opted_out=opted_out)
        return _download(await exports.export(actor, wanted, format), format, "contacts")


def _options(form: Upload) -> ImportOptions:
    """Raise Invalid."""
    return ImportOptions(
        mapping=mapping_of(form.mapping),
        group_id=form.group_id,
        policy=form.policy,
        country=form.country,
        encoding=form.encoding,
        dry_run=form.dry_run,
    )


def _download(pieces: AsyncIterator[bytes], kind: str, name: str) -> Stream:
    disposition = f'attachment; filename="{name}.{kind}"'
    return Stream(pieces, media_type=MEDIA[kind], headers={"content-disposition": disposition})


def _moment(job: ImportJob) -> ServerSentEventMessage:
    return ServerSentEventMessage(event="progress", data=msgspec.json.encode(job).decode())


async def _chunks(file: UploadFile) -> AsyncIterator[bytes]:
    while chunk := await file.read(CHUNK):
        yield chunk
