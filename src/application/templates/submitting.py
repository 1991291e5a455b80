"""Handing a template in: our row first, then Meta, then the answer into our row.

A crash, or an answer that never came, leaves the row SUBMITTING. Handing the same template in again, or a
sync, then finds out whether Meta has it: nothing is lost, and nothing is there twice.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from msgspec.structs import replace

from tidings.application.auditing import difference, note
from tidings.application.ports.common import NewId, Now
from tidings.application.ports.templates import Begin, RemoteTemplate, Review, Work
from tidings.application.templates.merging import GIVEN_UP, merged
from tidings.application.templates.telling import save
from tidings.domain.errors import Fault, Refused
from tidings.domain.kernel import Actor, OrganizationId, TemplateId, WabaId
from tidings.domain.templates.components import Draft
from tidings.domain.templates.likeness import for_submission, same_words, wording
from tidings.domain.templates.refusals import (
    NameTaken,
    ReviewUnavailable,
    StillSubmitting,
    TemplateInvalid,
    TooManySubmissions,
)
from tidings.domain.templates.template import News, Status, Template, whole_second

IN_HAND = timedelta(seconds=60)
"""For so long a submission may be under way in another request."""
SOON = timedelta(minutes=5)
HOUR = timedelta(hours=1)
AN_HOUR = 100
"""New templates that Meta takes of an account."""
LOST = GIVEN_UP + timedelta(minutes=1)
UNCONFIRMED = "unconfirmed"


@dataclass(frozen=True, slots=True)
class Submission:
    """The two-phase way of a new template to Meta."""

    begin: Begin
    review: Review
    now: Now
    new_id: NewId

    async def submit(self, actor: Actor, waba_id: WabaId, draft: Draft) -> Template:
        """Raise TemplateInvalid, NameTaken, StillSubmitting, TooManySubmissions, or as the review does."""
        started = self.now()
        template, resumed = await self._claim(actor, waba_id, draft, started)
        if resumed and (adopted := await self._adopt(template, draft)) is not None:
            return adopted
        try:
            answer = await self.review.submit(waba_id, _outgoing(draft))
        except NameTaken as taken:
            if (adopted := await self._adopt(template, draft)) is not None:
                return adopted
            await self._back_to_draft(template, str(taken))
            raise
        except ReviewUnavailable:
            await self._unconfirmed(template)
            raise
        except Refused as refused:
            await self._back_to_draft(template, str(refused))
            raise
        async with self.begin(actor.organization_id) as work:
            before = await work.templates.get(template.id)
            known = replace(
                before,
                meta_template_id=answer.meta_template_id,
                category=answer.category,
                updated_at=self.now(),
            )
            # A webhook may have been faster than the answer: then it stays.
            after = known.hear(News(status=answer.status, at=_unheard(started)))
            await save(work, (before, after))
            await work.accounts.want(waba_id, self.now() + SOON)
        return after

    async def _claim(
        self, actor: Actor, waba_id: WabaId, draft: Draft, now: datetime
    ) -> tuple[Template, bool]:
        """Our row, SUBMITTING; and whether an earlier try may have reached Meta."""
        organization = actor.organization_id
        async with self.begin(organization) as work:
            # Should this be the last that we hear of it, a sync finds out.
            await work.accounts.want(waba_id, now + LOST)
            await self._require_new_words(work, waba_id, draft)
            before = await work.templates.find(waba_id, draft.name, draft.language)
            if before is None:
                if await work.templates.submitted_since(waba_id, now - HOUR) >= AN_HOUR:
                    raise TooManySubmissions(retry_after=HOUR.total_seconds())
                template = _new(TemplateId(self.new_id()), organization, waba_id, draft, now)
                await work.templates.add(template)
                await note(work, actor, now, "template:submitted", template.id, difference(None, template))
                return template, False
            resumed = before.status is Status.SUBMITTING
            if resumed and before.reason != UNCONFIRMED and now - before.updated_at < IN_HAND:
                raise StillSubmitting()
            if before.status not in (Status.DRAFT, Status.SUBMITTING):
                raise NameTaken()
            template = replace(
                _new(before.id, organization, waba_id, draft, now), created_at=before.created_at
            )
            await work.templates.save(template)
            told = difference(before, template)
            await note(work, actor, now, "template:submitted", template.id, told)
            return template, resumed

    async def _require_new_words(self, work: Work, waba_id: WabaId, draft: Draft) -> None:
        """Meta rejects what says the same as another template in its language."""
        said = wording(draft.category, draft.components)
        twin = said is not None and await work.templates.twin(waba_id, draft.language, said)
        if twin and twin.name != draft.name:
            message = f"says in body and footer what {twin.name} says, and Meta rejects the second of two"
            raise TemplateInvalid("", Fault(field="components", rule="duplicate", message=message))

    async def _at_meta(self, template: Template) -> RemoteTemplate | None:
        async for remote in self.review.every(template.waba_id, name=template.name):
            if remote.language == template.language:
                return remote
        return None

    async def _adopt(self, template: Template, draft: Draft) -> Template | None:
        """Meta may have it: from an earlier try of ours, or made by somebody else, which is then told."""
        asked = self.now()
        remote = await self._at_meta(template)
        if remote is None:
            return None
        async with self.begin(template.organization_id) as work:
            before = await work.templates.get(template.id)
            after = merged(before, remote, asked)
            await save(work, (before, after))
        if not same_words(draft.category, draft.components, after.components):
            raise NameTaken("Meta has another template of this name in this language; it is listed now.")
        return after

    async def _back_to_draft(self, template: Template, reason: str) -> None:
        await self._note(template, Status.DRAFT, reason[:500])

    async def _unconfirmed(self, template: Template) -> None:
        await self._note(template, Status.SUBMITTING, UNCONFIRMED)

    async def _note(self, template: Template, status: Status, reason: str) -> None:
        async with self.begin(template.organization_id) as work:
            before = await work.templates.get(template.id)
            if before.status is Status.SUBMITTING:
                await save(work, (before, replace(before, status=status, reason=reason)))
            if status is Status.SUBMITTING:
                await work.accounts.want(template.waba_id, self.now())


def _new(
    id: TemplateId, organization: OrganizationId, waba_id: WabaId, draft: Draft, now: datetime
) -> Template:
    return Template(
        id=id,
        organization_id=organization,
        waba_id=waba_id,
        name=draft.name,
        language=draft.language,
        category=draft.category,
        components=draft.components,
        parameter_format=draft.parameter_format,
        message_send_ttl_seconds=draft.message_send_ttl_seconds,
        status=Status.SUBMITTING,
        status_at=_unheard(now),
        created_at=now,
        updated_at=now,
    )


def _unheard(started: datetime) -> datetime:
    """Before any news of a template that Meta did not have: clocks may differ, but not by a minute."""
    return whole_second(started - timedelta(minutes=1))


def _outgoing(draft: Draft) -> Draft:
    return replace(draft, components=for_submission(draft.category, draft.components))
