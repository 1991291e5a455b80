"""Keeping templates in step with Meta: by sync, all pages, and by what webhooks report."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from tidings.application.auditing import difference, note
from tidings.application.ports.common import NewId, Now
from tidings.application.ports.templates import Begin, DueAccounts, Review, Wabas, Work
from tidings.application.templates.merging import GIVEN_UP, SETTLED, Changes, compare
from tidings.application.templates.telling import save
from tidings.domain.errors import Refused, Throttled
from tidings.domain.events import TemplateRemarked, TemplateReported, WabaConnected
from tidings.domain.kernel import Actor, OrganizationId, Permission, WabaId
from tidings.domain.templates.languages import canonical
from tidings.domain.templates.template import News, Status, Template, event_status, quality_of

GROUP = "templates"
EVERY = timedelta(hours=6)
"""Between two syncs when nothing asks for one sooner."""
WHILE_PENDING = timedelta(hours=1)
"""Should the webhook with Meta's verdict be lost."""
AGAIN = timedelta(minutes=15)
"""After a sync that Meta refused."""
HELD = timedelta(minutes=10)


class SyncReport(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a sync found."""

    fetched: int
    created: int
    updated: int
    deleted: int
    unreadable: tuple[str, ...] = ()
    """Names of templates with parts that this version does not know."""


@dataclass(frozen=True, slots=True)
class Keeper:
    """Keeps our templates as Meta has them."""

    begin: Begin
    review: Review
    wabas: Wabas
    due: DueAccounts
    now: Now
    new_id: NewId

    async def sync(self, actor: Actor, waba_id: WabaId | None = None) -> SyncReport:
        """Read everything Meta has, now. Raise NoWaba, SeveralWabas, or what the review raises."""
        organization = actor.require(Permission.TEMPLATES_WRITE)
        if waba_id is None:
            waba_id = await self.wabas.only(organization)
        else:
            await self.wabas.require(organization, waba_id)
        report = await self._sync(organization, waba_id)
        async with self.begin(organization) as work:
            told = difference(None, report)
            await note(work, actor, self.now(), "templates:synced", waba_id, told)
        return report

    async def tick(self, limit: int = 10) -> int:
        """Sync the accounts that are due; how many there were. Safe in any number of processes."""
        now = self.now()
        accounts = await self.due.claim(now, now + HELD, limit)
        for account in accounts:
            try:
                await self._sync(account.organization_id, account.waba_id)
            except Refused as refused:
                wait = AGAIN
                if isinstance(refused, Throttled) and refused.retry_after:
                    wait = timedelta(seconds=refused.retry_after)
                async with self.begin(account.organization_id) as work:
                    await work.accounts.postpone(account.waba_id, self.now() + wait)
        return len(accounts)

    async def connected(self, event_id: UUID, event: WabaConnected) -> None:
        """An account is new: read what it has."""
        async with self.begin(event.organization_id) as work:
            if await work.inbox.first_time(GROUP, event_id):
                await work.accounts.want(event.waba_id, self.now())

    async def reported(self, event_id: UUID, event: TemplateReported) -> None:
        """Take over what Meta said of a template. What nobody here knows asks for a sync."""
        status = event_status(event.event)
        async with self.begin(event.organization_id) as work:
            if not await work.inbox.first_time(GROUP, event_id):
                return
            before = await _meant(work, event)
            if before is None or status is None:
                await work.accounts.want(event.waba_id, self.now())
                return
            if before.meta_template_id is None:
                # Known by its name alone, and the news may be old: whether Meta has it still is looked at.
                await work.accounts.want(event.waba_id, self.now() + SETTLED)
            named = replace(before, meta_template_id=event.meta_template_id)
            after = named.hear(News(status=status, at=event.at, reason=event.reason))
            if after != before:
                await save(work, (before, replace(after, updated_at=self.now())))

    async def remarked(self, event_id: UUID, event: TemplateRemarked) -> None:
        """Take over a quality; after a change of category or content, look at Meta's copy."""
        async with self.begin(event.organization_id) as work:
            if not await work.inbox.first_time(GROUP, event_id):
                return
            before = await _meant(work, event)
            if before is None or event.what != "quality":
                await work.accounts.want(event.waba_id, self.now())
                return
            after = before.rate(quality_of(event.value), event.at)
            await save(work, (before, after))

    async def _sync(self, organization: OrganizationId, waba_id: WabaId) -> SyncReport:
        started = self.now()
        remotes = [remote async for remote in self.review.every(waba_id)]
        async with self.begin(organization) as work:
            local = await work.templates.of_account(waba_id)
            changes = compare(
                local,
                remotes,
                organization=organization,
                waba_id=waba_id,
                at=started,
                new_id=self.new_id,
            )
            await save(work, *changes.changed)
            await work.templates.add(*changes.created)
            await work.accounts.synced(waba_id, started, started + _interval(local, changes))
        return SyncReport(
            fetched=len(remotes),
            created=len(changes.created),
            updated=len(changes.changed) - changes.deleted,
            deleted=changes.deleted,
            unreadable=tuple(sorted({r.name for r in remotes if r.unreadable})),
        )


async def _meant(work: Work, event: TemplateReported | TemplateRemarked) -> Template | None:
    """The template of ours that the event speaks of, by Meta's id, or by name when we have not got an id."""
    known = await work.templates.known(event.waba_id, event.meta_template_id)
    if known is not None:
        return known
    named = await work.templates.find(event.waba_id, event.name, canonical(event.language))
    return named if named is not None and named.meta_template_id is None else None


def _interval(local: Sequence[Template], changes: Changes) -> timedelta:
    now = (
        {t.id: t for t in local} | {t.id: t for t in changes.created} | {t.id: t for _, t in changes.changed}
    )
    found = {t.status for t in now.values()}
    if Status.SUBMITTING in found:
        return GIVEN_UP
    return WHILE_PENDING if found & {Status.PENDING, Status.IN_APPEAL} else EVERY
