"""Bringing over what a user had on the platform before ours: people, groups, templates, campaigns, messages.

It only reads there, writes here through the use cases, and may be run again: what is here already stays.
"""

import csv
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from io import StringIO
from typing import Any, TypeVar, cast

from msgspec import Struct
from msgspec.structs import replace

from tidings.adapters.mysql.seed import Row, Seed
from tidings.application.campaigns import NewCampaign
from tidings.application.ports.templates import TemplateFilter
from tidings.application.ports.whatsapp import Begin
from tidings.bootstrap.commands import opened, operator_of
from tidings.bootstrap.container import Container
from tidings.bootstrap.past_campaigns import LOG, PastCampaigns
from tidings.bootstrap.settings import Settings
from tidings.bootstrap.steady import id_of_row, moment_of, sent_at
from tidings.domain.contacts.importing import ImportOptions, Policy
from tidings.domain.errors import Conflict, Fault, Invalid, Refused
from tidings.domain.kernel import Actor, BadPhone, MessageId, Page, PhoneNumberId, Wamid, person_key, phone_of
from tidings.domain.templates.template import Template as OurTemplate
from tidings.domain.whatsapp.content import Content, Template, Text
from tidings.domain.whatsapp.messages import Message, State

T = TypeVar("T")
COLUMNS = {
    "firstName": "first_name",
    "lastName": "last_name",
    "email": "email",
    "phone": "phone",
    "countryCode": "country_code",
    "company": "company",
    "jobTitle": "job_title",
    "notes": "notes",
    "isFavorite": "is_favorite",
}
STATES = {"sent": State.SENT, "delivered": State.DELIVERED, "read": State.READ, "failed": State.FAILED}
"""What became of a message; what was still to be sent there is not taken over, so that nobody sends it."""


class WhichUser(Invalid):
    """There are several users there; name one."""


class NoNumberYet(Conflict):
    """Messages belong to a number: connect the WhatsApp Business Account first."""


class Migrated(Struct, frozen=True, kw_only=True, rename="camel"):
    """What came over, and what did not."""

    people: int = 0
    """Known here after it, new or not."""
    people_left: Sequence[str] = ()
    """Rows that make no sense, with the reason."""
    groups: int = 0
    templates: int = 0
    templates_missing: Sequence[str] = ()
    """Approved there, and not at the connected accounts."""
    templates_asked: str = ""
    """Why Meta could not be asked for them; then what is known here already is what there is."""
    drafts: int = 0
    campaigns: int = 0
    """That had begun there, with what became of each person; nothing of them goes on here."""
    campaigns_left: Sequence[str] = ()
    """Those whose template is not here; what they sent is in the history."""
    messages: int = 0
    messages_left: int = 0
    """Never sent, or to what is no number."""


async def migrate_from(
    settings: Settings, url: str, database: str | None, user: int | None, organization: str | None
) -> Migrated:
    """Raise NoSuchPlatform, SeedUnavailable, WhichUser, NoNumberYet."""
    seed = Seed.at(url, database)
    try:
        chosen = await _user(seed, user)
        async with opened(settings) as container:
            actor = await operator_of(container, organization)
            return await _Move(seed, chosen, container, actor).run()
    finally:
        await seed.close()


async def _user(seed: Seed, wanted: int | None) -> int:
    users = {int(each["id"]): f"{each['id']} ({each['email']})" for each in await seed.users()}
    if wanted in users:
        return wanted
    if wanted is None and len(users) == 1:
        return next(iter(users))
    known = ", ".join(users.values()) or "nobody"
    raise WhichUser("", Fault(field="user", rule="choice", message=f"must be one of {known}"))


class _Move:
    def __init__(self, seed: Seed, user: int, container: Container, actor: Actor) -> None:
        self._seed, self._user, self._container, self._actor = seed, user, container, actor
        self._done = Migrated()

    async def run(self) -> Migrated:
        number = await self._number()
        await self._people()
        templates = await self._templates()
        past = PastCampaigns(self._container, self._actor, number)
        await self._campaigns(templates, past)
        async for rows in self._seed.campaign_messages(self._user):
            await self._messages(await past.take(rows, [self._message(LOG, row, number) for row in rows]))
        async for rows in self._seed.messages(self._user):
            await self._messages([self._message("messages", row, number) for row in rows])
        return self._done

    async def _number(self) -> PhoneNumberId:
        numbers = await self._container.messages().numbers(self._actor)
        if not numbers:
            raise NoNumberYet()
        return numbers[0].phone_number_id

    async def _people(self) -> None:
        imports, groups = self._container.imports(), self._container.groups()
        options = ImportOptions(policy=Policy.MERGE)
        report = await imports.import_file(self._actor, _sheet(self._seed.contacts(self._user)), options)
        made = 0
        for group in await self._seed.groups(self._user):
            ours = await groups.ensure(self._actor, group["name"])
            members = _sheet(self._seed.contacts(self._user, group["id"]))
            await imports.import_file(
                self._actor, members, ImportOptions(policy=Policy.SKIP, group_id=ours.id)
            )
            made += 1
        self._done = replace(
            self._done,
            people=report.rows - report.failed,
            people_left=[f"row {each.row}: {each.field} {each.message}" for each in report.errors],
            groups=made,
        )

    async def _templates(self) -> dict[str, OurTemplate]:
        """What Meta has approved for the accounts that are connected here, by name."""
        try:
            await self._container.keeper().sync(self._actor)
        except Refused as refused:
            self._done = replace(self._done, templates_asked=str(refused))
        asked = self._container.templates().page
        pages = _all(lambda at: asked(self._actor, TemplateFilter(), cursor=at, limit=100))
        ours = {each.name: each async for each in pages}
        theirs = {str(each["name"]) for each in await self._seed.templates(self._user)}
        self._done = replace(
            self._done, templates=len(theirs & ours.keys()), templates_missing=sorted(theirs - ours.keys())
        )
        return ours

    async def _campaigns(self, templates: dict[str, OurTemplate], past: PastCampaigns) -> None:
        """Drafts of what had not begun; everything else as a campaign that is over."""
        campaigns = self._container.campaigns()
        pages = _all(lambda at: campaigns.page(self._actor, cursor=at, limit=100))
        known = {each.name async for each in pages}
        left: list[str] = []
        for each in await self._seed.campaigns(self._user):
            template = templates.get(each["template_name"] or "")
            if template is None:
                left.append(each["name"])
                continue
            if each["status"] not in ("draft", "scheduled"):
                await past.add(each, template)
                self._done = replace(self._done, campaigns=self._done.campaigns + 1)
                continue
            if each["name"] in known:
                continue
            named = each["group_name"]
            group = await self._container.groups().ensure(self._actor, named) if named else None
            await campaigns.create(
                self._actor,
                NewCampaign(
                    name=each["name"],
                    description=each["description"] or "",
                    template_id=template.id,
                    group_id=None if group is None else group.id,
                ),
            )
            self._done = replace(self._done, drafts=self._done.drafts + 1)
        self._done = replace(self._done, campaigns_left=left)

    async def _messages(self, found: Sequence[Message | None]) -> None:
        good = [each for each in found if each is not None]
        begin = cast("Begin", self._container.whatsapp_begin())
        async with begin() as work:
            await work.messages.add(good)
        self._done = replace(
            self._done,
            messages=self._done.messages + len(good),
            messages_left=self._done.messages_left + len(found) - len(good),
        )

    def _message(self, table: str, row: Row, number: PhoneNumberId) -> Message | None:
        state = STATES.get(row["status"])
        try:
            to = phone_of(row["phone_number"] or "", "phone_number")
        except BadPhone:
            return None
        if state is None:
            return None
        at = sent_at(row)
        id = MessageId(id_of_row(self._actor.organization_id, table, row))
        return Message(
            id=id,
            organization_id=self._actor.organization_id,
            phone_number_id=number,
            person=person_key(to),
            to=to,
            content=_content(row),
            state=state,
            created_at=at,
            next_attempt_at=at,
            wamid=Wamid(row["wamid"]) if row["wamid"] else None,
            sent_at=None if state is State.FAILED else at,
            delivered_at=moment_of(row["delivered_at"]),
            read_at=moment_of(row["read_at"]),
            failed_at=at if state is State.FAILED else None,
            reason=(row["error_message"] or None) and str(row["error_message"])[:500],
        )


async def _all(page: Callable[[str | None], Awaitable[Page[T]]]) -> AsyncIterator[T]:
    """Everything of a list that is read page by page."""
    found = await page(None)
    while True:
        for each in found.items:
            yield each
        if found.next_cursor is None:
            return
        found = await page(found.next_cursor)


async def _sheet(pages: AsyncIterator[Sequence[Row]]) -> AsyncIterator[bytes]:
    """Pages of people as a CSV file."""
    out = StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    async for rows in pages:
        writer.writerows([row[name] for name in COLUMNS.values()] for row in rows)
        yield out.getvalue().encode()
        out.seek(0)
        out.truncate()
    yield out.getvalue().encode()


def _content(row: Row) -> Content:
    if row["template_name"]:
        return Template(name=row["template_name"], language="")
    raw = row["content"]
    told: Any = json.loads(raw) if isinstance(raw, str | bytes) and raw else raw
    if isinstance(told, dict):
        fields = cast("dict[str, Any]", told)
        told = fields.get("body") or fields.get("text")
    return Text(body=str(told or f"({row['message_type'] or 'message'})"))
