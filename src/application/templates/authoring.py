"""What people do with templates: write, look at, list, edit, delete."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from msgspec import UNSET, Struct, UnsetType, field
from msgspec.structs import asdict, replace

from tidings.application.auditing import difference, note
from tidings.application.ports.common import NewId, Now
from tidings.application.ports.templates import Begin, Edit, Reading, Review, TemplateFilter, Wabas
from tidings.application.templates.submitting import SOON, Submission
from tidings.application.templates.telling import save
from tidings.domain.errors import Fault, Refused
from tidings.domain.kernel import Actor, OrganizationId, Page, Permission, TemplateId, WabaId
from tidings.domain.templates.components import (
    Category,
    Component,
    Draft,
    ParameterFormat,
    read_draft,
)
from tidings.domain.templates.filled import Filled
from tidings.domain.templates.filling import render
from tidings.domain.templates.likeness import for_submission
from tidings.domain.templates.preview import Preview, samples, shown
from tidings.domain.templates.refusals import (
    GoneAtMeta,
    MissingValues,
    NothingToChange,
    NotMarketing,
    ReviewUnavailable,
    TemplateInvalid,
    TemplateNotEditable,
)
from tidings.domain.templates.rules import check
from tidings.domain.templates.slots import Slot, slots
from tidings.domain.templates.template import News, Status, Template


class NewTemplate(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A template to hand in: the body of Meta's own request, and which account it is for."""

    name: str
    language: str
    category: Category
    components: tuple[Component, ...]
    parameter_format: ParameterFormat = ParameterFormat.POSITIONAL
    message_send_ttl_seconds: int | None = None
    waba_id: WabaId | None = field(default=None, name="wabaId")
    """May be left out when the organisation has one account."""
    camel_format: ParameterFormat | None = field(default=None, name="parameterFormat")
    """The same as `parameter_format`, as our replies spell it."""
    camel_ttl: int | None = field(default=None, name="messageSendTtlSeconds")
    """The same as `message_send_ttl_seconds`."""

    @property
    def draft(self) -> Draft:
        return Draft(
            name=self.name,
            language=self.language,
            category=self.category,
            components=self.components,
            parameter_format=self.camel_format or self.parameter_format,
            message_send_ttl_seconds=self.message_send_ttl_seconds
            if self.camel_ttl is None
            else self.camel_ttl,
        )


class TemplateChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What to change; what is not mentioned stays. Components are replaced as a whole."""

    category: Category | UnsetType = UNSET
    components: tuple[Component, ...] | UnsetType = UNSET
    message_send_ttl_seconds: int | UnsetType = UNSET
    camel_ttl: int | UnsetType = field(default=UNSET, name="messageSendTtlSeconds")
    """The same as `message_send_ttl_seconds`, as our replies spell it."""


class DeliveryWish(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """How a template is to be sent; nothing that Meta reviews."""

    marketing_api: bool


class PreviewRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Values to look at a template with, by slot."""

    values: dict[str, str] = {}
    examples: bool = True
    """Where a value is missing, show the template's own example."""


class TemplateView(Template, frozen=True, kw_only=True, rename="camel"):
    """A template with what sending it wants to know, and how it looks with its own examples."""

    slots: tuple[Slot, ...]
    preview: Preview | None = None


class Previewed(Struct, frozen=True, kw_only=True, rename="camel"):
    """How a message looks, beside the components that would be sent for it."""

    preview: Preview
    components: tuple[Filled, ...]


class Verdict(Struct, frozen=True, kw_only=True, rename="camel"):
    """Whether Meta would take a template, and everything that stands in the way."""

    is_valid: bool
    errors: tuple[Fault, ...]
    slots: tuple[Slot, ...] = ()


@dataclass(frozen=True, slots=True)
class Templates:
    begin: Begin
    reading: Reading
    review: Review
    wabas: Wabas
    now: Now
    new_id: NewId

    async def create(self, actor: Actor, new: NewTemplate) -> Template:
        """Check, and hand in for review.

        Raise TemplateInvalid with every fault, NoWaba, SeveralWabas, NameTaken, StillSubmitting,
        TooManySubmissions, or what Meta's review raises. After ReviewUnavailable the same may be asked again.
        """
        organization = actor.require(Permission.TEMPLATES_WRITE)
        _require_valid(new.draft)
        waba_id = await self._account(organization, new.waba_id)
        return await self._submission.submit(actor, waba_id, new.draft)

    async def validate(self, actor: Actor, raw: object) -> Verdict:
        """Say everything that is wrong with a draft as it comes; nothing is sent or stored."""
        actor.require(Permission.TEMPLATES_READ)
        draft, faults = read_draft(raw)
        if draft is None:
            return Verdict(is_valid=False, errors=faults)
        errors = tuple(found.fault for found in check(draft))
        return Verdict(is_valid=not errors, errors=errors, slots=slots(draft.components))

    async def page(
        self,
        actor: Actor,
        wanted: TemplateFilter,
        *,
        cursor: str | None = None,
        limit: int = 20,
        number: int | None = None,
    ) -> Page[Template]:
        """Newest first. Raise BadCursor."""
        async with self.reading(actor.require(Permission.TEMPLATES_READ)) as look:
            return await look.templates.page(wanted, cursor=cursor, limit=limit, number=number)

    async def get(self, actor: Actor, id: TemplateId) -> TemplateView:
        """Raise TemplateNotFound."""
        template = await self._look(actor, id)
        wanted = slots(template.components)
        return TemplateView(**asdict(template), slots=wanted, preview=_example(template))

    async def family(self, actor: Actor, id: TemplateId) -> Sequence[Template]:
        """The template in all its languages, whatever their standing. Raise TemplateNotFound."""
        async with self.reading(actor.require(Permission.TEMPLATES_READ)) as look:
            template = await look.templates.get(id)
            return await look.templates.named(template.waba_id, template.name)

    async def preview(self, actor: Actor, id: TemplateId, request: PreviewRequest) -> Previewed:
        """What a person would read, and what would be sent. Raise TemplateNotFound or MissingValues."""
        template = await self._look(actor, id)
        values = dict(request.values)
        if request.examples:
            values |= samples(template.components, beside=request.values)
        return _previewed(template, values)

    async def update(self, actor: Actor, id: TemplateId, change: TemplateChange) -> Template:
        """Edit at Meta, which reviews anew; a draft is handed in.

        Raise TemplateNotFound, NothingToChange, TemplateInvalid, TemplateNotEditable, EditQuotaReached, or
        what Meta's review raises.
        """
        actor.require(Permission.TEMPLATES_WRITE)
        template = await self._look(actor, id)
        wanted = _changed(template.draft, change)
        if wanted == template.draft and template.status is not Status.DRAFT:
            raise NothingToChange()
        _require_valid(wanted)
        if template.status is Status.DRAFT:
            return await self._submission.submit(actor, template.waba_id, wanted)
        return await self._edit(actor, template, wanted)

    async def deliver(self, actor: Actor, id: TemplateId, wish: DeliveryWish) -> Template:
        """Choose the API by which campaigns send it. Raise TemplateNotFound, NotMarketing."""
        async with self.begin(actor.require(Permission.TEMPLATES_WRITE)) as work:
            before = await work.templates.get(id)
            if wish.marketing_api and before.category is not Category.MARKETING:
                raise NotMarketing()
            after = replace(before, marketing_api=wish.marketing_api, updated_at=self.now())
            await save(work, (before, after))
            await note(work, actor, self.now(), "template:delivery_set", id, difference(before, after))
        return after

    async def delete(self, actor: Actor, id: TemplateId) -> Template:
        """Delete in this language, here and at Meta. Asking twice changes nothing.

        Raise TemplateNotFound, TemplateNotDeletable, or what Meta's review raises.
        """
        organization = actor.require(Permission.TEMPLATES_WRITE)
        template = await self._look(actor, id)
        if template.status is Status.DELETED:
            return template
        template.require_deletable()
        started = self.now()
        if template.meta_template_id is not None:
            await self._delete_at_meta(template, template.meta_template_id)
        async with self.begin(organization) as work:
            before = await work.templates.get(id)
            after = before.hear(News(status=Status.DELETED, at=max(started, before.status_at)))
            await save(work, (before, replace(after, updated_at=self.now())))
            await note(work, actor, self.now(), "template:deleted", id, difference(before, after))
        return after

    @property
    def _submission(self) -> Submission:
        return Submission(self.begin, self.review, self.now, self.new_id)

    async def _account(self, organization: OrganizationId, wanted: WabaId | None) -> WabaId:
        if wanted is None:
            return await self.wabas.only(organization)
        await self.wabas.require(organization, wanted)
        return wanted

    async def _look(self, actor: Actor, id: TemplateId) -> Template:
        async with self.reading(actor.require(Permission.TEMPLATES_READ)) as look:
            return await look.templates.get(id)

    async def _edit(self, actor: Actor, template: Template, wanted: Draft) -> Template:
        started = self.now()
        template.require_editable(wanted.category, started)
        if template.meta_template_id is None:
            raise TemplateNotEditable("Meta has not confirmed this template yet.")
        try:
            await self.review.edit(template.waba_id, template.meta_template_id, _edit(template, wanted))
        except (GoneAtMeta, TemplateNotEditable, ReviewUnavailable):
            # Meta knows better than we do, or did it without our hearing: look.
            await self._sync_soon(template)
            raise
        async with self.begin(template.organization_id) as work:
            before = await work.templates.get(template.id)
            after = replace(
                before.edited(started),
                category=wanted.category,
                components=wanted.components,
                message_send_ttl_seconds=wanted.message_send_ttl_seconds,
                updated_at=self.now(),
            )
            await save(work, (before, after))
            await note(work, actor, self.now(), "template:edited", template.id, difference(before, after))
            await work.accounts.want(template.waba_id, self.now() + SOON)
        return after

    async def _delete_at_meta(self, template: Template, meta_template_id: str) -> None:
        try:
            await self.review.delete(template.waba_id, template.name, meta_template_id)
        except GoneAtMeta:
            return
        except Refused:
            await self._sync_soon(template)
            raise

    async def _sync_soon(self, template: Template) -> None:
        async with self.begin(template.organization_id) as work:
            await work.accounts.want(template.waba_id, self.now())


def _require_valid(draft: Draft) -> None:
    if faults := check(draft):
        raise TemplateInvalid("", *(found.fault for found in faults))


def _changed(draft: Draft, change: TemplateChange) -> Draft:
    given = {k: v for k, v in asdict(change).items() if v is not UNSET}
    if "camel_ttl" in given:
        given["message_send_ttl_seconds"] = given.pop("camel_ttl")
    return replace(draft, **given)


def _edit(template: Template, wanted: Draft) -> Edit:
    """Only what differs: Meta refuses an unchanged category of an approved template."""
    ttl = wanted.message_send_ttl_seconds
    return Edit(
        category=None if wanted.category is template.category else wanted.category,
        components=None
        if wanted.components == template.components
        else for_submission(wanted.category, wanted.components),
        message_send_ttl_seconds=None if ttl == template.message_send_ttl_seconds else ttl,
    )


def _example(template: Template) -> Preview | None:
    """How it looks with its own examples, when they fit."""
    try:
        return _previewed(template, samples(template.components)).preview
    except MissingValues:
        return None


def _previewed(template: Template, values: Mapping[str, str]) -> Previewed:
    components = render(template.components, values)
    return Previewed(preview=shown(template.components, components), components=components)
