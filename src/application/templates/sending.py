"""What the other contexts may send: approved templates, and what each wants to know."""

from dataclasses import dataclass

from msgspec import Struct

from tidings.application.ports.templates import Reading
from tidings.domain.kernel import OrganizationId, TemplateId, WabaId
from tidings.domain.templates.components import Category, Component
from tidings.domain.templates.slots import Slot, slots
from tidings.domain.templates.template import Quality, Template


class ApprovedTemplate(Struct, frozen=True, kw_only=True, rename="camel"):
    """A template that may be sent now."""

    id: TemplateId
    waba_id: WabaId
    name: str
    language: str
    category: Category
    quality: Quality = Quality.UNKNOWN
    marketing_api: bool = False
    slots: tuple[Slot, ...]
    """What must be given."""
    optional: tuple[Slot, ...] = ()
    """What may be given."""
    components: tuple[Component, ...]
    """For `render`, which turns values into what is sent."""


@dataclass(frozen=True, slots=True)
class Approved:
    """Asked by the machine, on behalf of an organisation."""

    reading: Reading

    async def usable(self, organization: OrganizationId, id: TemplateId) -> ApprovedTemplate:
        """Raise TemplateNotFound, or TemplateNotApproved with status and reason."""
        async with self.reading(organization) as look:
            template = await look.templates.get(id)
        template.require_sendable()
        return _approved(template)

    async def family(self, organization: OrganizationId, id: TemplateId) -> tuple[ApprovedTemplate, ...]:
        """The approved languages of a template, the one asked for first: `languages.nearest` chooses.

        Only languages that ask for nothing beyond what the one asked for can be given take part, so that
        whoever can fill in the one can fill in all. Raise TemplateNotFound, or TemplateNotApproved when the
        one asked for may not be sent.
        """
        async with self.reading(organization) as look:
            template = await look.templates.get(id)
            template.require_sendable()
            family = await look.templates.named(template.waba_id, template.name)
        first = _approved(template)
        given = {slot.key for slot in (*first.slots, *first.optional)}
        others = [_approved(t) for t in family if t.id != id and t.standing.sendable and not t.unreadable]
        return (first, *(t for t in others if {slot.key for slot in t.slots} <= given))


def _approved(template: Template) -> ApprovedTemplate:
    wanted = slots(template.components)
    return ApprovedTemplate(
        id=template.id,
        waba_id=template.waba_id,
        name=template.name,
        language=template.language,
        category=template.category,
        quality=template.quality,
        # Meta may make a utility template of it, which that API does not take.
        marketing_api=template.marketing_api and template.category is Category.MARKETING,
        slots=tuple(s for s in wanted if s.required),
        optional=tuple(s for s in wanted if not s.required),
        components=template.components,
    )
