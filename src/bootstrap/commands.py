"""What the command line does to a data folder, through the same use cases as everyone."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TextIO, TypeVar, cast
from uuid import UUID

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from tidings.adapters.http.security import endpoints
from tidings.adapters.observing.logs import log_as_json
from tidings.application.campaigns import NewCampaign
from tidings.application.campaigns.reporting import Report
from tidings.application.ports.bus import Unreadable, unpacked
from tidings.application.ports.contacts import ContactFilter
from tidings.application.ports.quotas import Metered
from tidings.application.ports.templates import TemplateFilter
from tidings.application.ports.whatsapp import Begin
from tidings.application.templates import NewTemplate
from tidings.application.users import NewWaba
from tidings.bootstrap.assembly import assembled
from tidings.bootstrap.container import Container
from tidings.bootstrap.platform import Platform, running
from tidings.bootstrap.settings import Settings, read_settings
from tidings.domain.campaigns import Campaign, State
from tidings.domain.contacts.importing import ImportOptions, ImportReport
from tidings.domain.contacts.importing import Progress as Imported
from tidings.domain.contacts.people import ContactView
from tidings.domain.errors import Fault, Invalid
from tidings.domain.kernel import Actor, CampaignId, OrganizationId, Page, Permission, WabaId
from tidings.domain.templates.template import Template
from tidings.domain.users import Waba
from tidings.domain.whatsapp.quotas import Quota

T = TypeVar("T")


class BadFile(Invalid):
    """The file cannot be used."""


class BadId(Invalid):
    """That is no id."""


@asynccontextmanager
async def opened(settings: Settings) -> AsyncGenerator[Container]:
    """The use cases over a data folder, with no loop running."""
    log_as_json(settings.log_level)
    async with assembled(settings) as container:
        platform = Platform(container)
        try:
            await platform.open()
            yield container
        finally:
            await platform.close()


async def operator_of(container: Container, organization: str | None) -> Actor:
    """Who the command line works for. Raise BadId, and what `Accounts.operator` raises."""
    wanted = None if organization is None else OrganizationId(_id(organization))
    return await container.accounts().operator(wanted)


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise BadId(f"{text!r} is no id; ids look like 018f4e2a-7c1b-7def-8a90-1234567890ab.") from error


def _read(path: Path, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except msgspec.DecodeError as error:
        fault = Fault(field=str(path), rule="json", message=str(error))
        raise BadFile("The file is not what this command takes.", fault) from error


async def import_contacts(
    settings: Settings, organization: str | None, file: Path, group: str | None, options: ImportOptions
) -> ImportReport:
    """Import a file with a progress bar on the terminal. Raise what the import refuses."""
    async with opened(settings) as container:
        actor = await operator_of(container, organization)
        if group is not None and not options.dry_run:
            made = await container.groups().ensure(actor, group)
            options = msgspec.structs.replace(options, group_id=made.id)
        console = Console(stderr=True)
        with Progress(
            TextColumn("importing"), BarColumn(), TimeElapsedColumn(), console=console, transient=True
        ) as bar:
            task = bar.add_task("importing", total=None)

            def told(so_far: Imported) -> None:
                bar.update(task, completed=so_far.rows, total=so_far.total)

            return await container.imports().import_file(actor, file, options, told)


async def create_template(settings: Settings, organization: str | None, file: Path) -> object:
    """Submit the template in a file."""
    new = _read(file, NewTemplate)
    async with opened(settings) as container:
        return await container.templates().create(await operator_of(container, organization), new)


async def create_campaign(settings: Settings, organization: str | None, file: Path) -> object:
    """Draft the campaign in a file."""
    new = _read(file, NewCampaign)
    async with opened(settings) as container:
        return await container.campaigns().create(await operator_of(container, organization), new)


async def turn_campaign(settings: Settings, organization: str | None, campaign: str, act: str) -> object:
    """Launch, pause, resume or cancel."""
    id = CampaignId(_id(campaign))
    async with opened(settings) as container:
        actor = await operator_of(container, organization)
        return await getattr(container.campaigns(), act)(actor, id)


async def report_campaign(settings: Settings, organization: str | None, campaign: str) -> Report:
    """Everyone accounted for."""
    id = CampaignId(_id(campaign))
    async with opened(settings) as container:
        return await container.reports().report(await operator_of(container, organization), id)


async def list_contacts(
    settings: Settings, organization: str | None, search: str, *, cursor: str | None, limit: int
) -> Page[ContactView]:
    """People, newest first."""
    wanted = ContactFilter(search=search)
    async with opened(settings) as container:
        actor = await operator_of(container, organization)
        return await container.contacts().page(actor, wanted, cursor=cursor, limit=limit)


async def list_templates(
    settings: Settings, organization: str | None, *, cursor: str | None, limit: int
) -> Page[Template]:
    """Templates, newest first."""
    async with opened(settings) as container:
        actor = await operator_of(container, organization)
        return await container.templates().page(actor, TemplateFilter(), cursor=cursor, limit=limit)


async def list_campaigns(
    settings: Settings, organization: str | None, *, cursor: str | None, limit: int
) -> Page[Campaign]:
    """Campaigns, newest first."""
    async with opened(settings) as container:
        actor = await operator_of(container, organization)
        return await container.campaigns().page(actor, cursor=cursor, limit=limit)


async def list_wabas(settings: Settings, organization: str | None) -> Sequence[Waba]:
    async with opened(settings) as container:
        return await container.wabas().all(await operator_of(container, organization))


async def connect_waba(settings: Settings, organization: str | None, waba_id: str, token: str) -> Waba:
    """Connect an account, or renew its token. Raise BadAccount, WabaTaken."""
    async with opened(settings) as container:
        actor = await operator_of(container, organization)
        new = NewWaba(waba_id=WabaId(waba_id), access_token=token)
        return await container.wabas().connect(actor, new)


async def watch_campaign(
    settings: Settings, organization: str | None, campaign: str, lines: TextIO | None = None
) -> int:
    """Follow a campaign to its end and help it on the way; 0 when everyone is accounted for.

    With `lines`, each moment is written there as a JSON object in place of a bar, and the report at last.
    """
    id = CampaignId(_id(campaign))
    log_as_json(settings.log_level)
    async with assembled(settings) as container, running(container):
        actor = await operator_of(container, organization)
        await container.campaigns().get(actor, id)
        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed}/{task.total}"),
            TextColumn("{task.fields[rate]:.0f} messages/s"),
            TimeRemainingColumn(),
            disable=lines is not None,
        ) as bar:
            task = bar.add_task("planning", total=None, rate=0.0)
            async for moment in container.reports().watch(actor, id):
                if lines is not None:
                    print(msgspec.json.encode(moment).decode(), file=lines, flush=True)
                totals = moment.totals
                speed = bar.tasks[task].speed or 0.0
                bar.update(
                    task,
                    description=moment.state.value,
                    total=totals.planned or None,
                    completed=totals.planned - totals.open,
                    rate=speed,
                )
                if moment.state is State.PAUSED:
                    if lines is None:
                        bar.console.print(f"Paused: {moment.reason or 'by hand'}")
                    return 2
        report = await container.reports().report(actor, id)
        if lines is None:
            Console().print_json(msgspec.json.encode(report.totals).decode())
        else:
            print(msgspec.json.encode(report).decode(), file=lines, flush=True)
        return 0 if report.consistent else 1


async def list_letters(settings: Settings, group: str, limit: int) -> list[dict[str, Any]]:
    """What a consumer group could not deal with."""
    async with opened(settings) as container:
        letters = await container.bus().dead_letters(group, limit=limit)
    return [
        {
            "id": str(each.envelope.id),
            "type": each.envelope.type,
            "occurredAt": each.envelope.occurred_at,
            "attempts": each.attempts,
            "reason": each.reason,
            "event": _readable(each.envelope.body),
        }
        for each in letters
    ]


def _readable(body: bytes) -> msgspec.Raw | str:
    try:
        text = unpacked(body)
        msgspec.json.decode(text)
    except (Unreadable, msgspec.DecodeError):
        return body.decode(errors="replace")
    return msgspec.Raw(text)


async def redrive_letters(settings: Settings, group: str, ids: Sequence[str]) -> dict[str, int]:
    """Put letters back in line; how many there were. Raise BadId."""
    wanted = [_id(each) for each in ids]
    async with opened(settings) as container:
        bus = container.bus()
        if not wanted:
            wanted = [each.envelope.id for each in await bus.dead_letters(group, limit=1000)]
        return {"redriven": await bus.redrive(group, wanted) if wanted else 0}


async def list_quotas(settings: Settings) -> Sequence[Metered]:
    """Who has a quota of their own, or has sent something this month."""
    async with opened(settings) as container:
        return await container.quotas().everybody()


async def set_quota(settings: Settings, organization: str, quota: Quota | None) -> Metered:
    """Raise BadId, and what `Accounts.operator` raises when there is no such organisation."""
    async with opened(settings) as container:
        actor = await operator_of(container, organization)
        return await container.quotas().put(actor.organization_id, quota)


async def list_set_aside(settings: Settings, limit: int) -> list[dict[str, Any]]:
    """What Meta told us and could not be read, or belongs to no number of ours."""
    async with opened(settings) as container:
        read = cast("Begin", container.whatsapp_read())
        async with read() as look:
            found = await look.webhooks.kept_aside(limit)
    return [
        {
            "id": each.id,
            "at": each.at,
            "where": each.where,
            "reason": each.reason,
            "raw": each.raw.decode(errors="replace"),
        }
        for each in found
    ]


async def apply_again(settings: Settings, ids: Sequence[int]) -> dict[str, int]:
    """Let whole bodies that were set aside be applied once more; how many there were."""
    async with opened(settings) as container:
        begin = cast("Begin", container.whatsapp_begin())
        async with begin() as work:
            return {"again": await work.webhooks.again(ids, container.now()())}


async def list_endpoints() -> list[dict[str, str]]:
    """Every endpoint, and who may call it. Raise RuntimeError when one does not say."""
    from tidings.bootstrap.app import create_app

    with TemporaryDirectory() as folder:
        async with assembled(read_settings({}, data=Path(folder))) as container:
            app = create_app(container)
    return [
        {"method": method, "path": path, "who": _who(handler.opt)} for method, path, handler in endpoints(app)
    ]


async def list_events() -> dict[str, Any]:
    """The events between contexts, as AsyncAPI."""
    from tidings.bootstrap.catalogue import asyncapi

    with TemporaryDirectory() as folder:
        async with assembled(read_settings({}, data=Path(folder))) as container:
            return asyncapi(container)


def _who(opt: Mapping[str, object]) -> str:
    permission = opt.get("permission")
    if isinstance(permission, Permission):
        return permission.value
    if opt.get("known"):
        return "anybody with a token or an API key"
    return "anybody" if opt.get("public") else "anybody who is signed in"
