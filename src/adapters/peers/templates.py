"""What other contexts ask of templates, answered in this process."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import msgspec

from tidings.application.ports.campaigns import SendableTemplate, Slot, Templates
from tidings.application.templates import Approved
from tidings.domain.errors import Fault
from tidings.domain.kernel import OrganizationId, TemplateId
from tidings.domain.templates.components import Component
from tidings.domain.templates.filling import MissingValues, Mould, mould, render
from tidings.domain.whatsapp.content import Template
from tidings.domain.whatsapp.values import TemplateComponent


@dataclass(frozen=True, slots=True)
class LocalTemplates:
    """The Templates port of campaigns."""

    approved: Approved

    async def sendable(self, organization: OrganizationId, id: TemplateId) -> SendableTemplate:
        found = await self.approved.usable(organization, id)
        return SendableTemplate(
            id=found.id,
            waba_id=found.waba_id,
            name=found.name,
            language=found.language,
            category=found.category.value,
            quality=found.quality.value,
            slots=tuple(Slot(key=slot.key, what=slot.what) for slot in found.slots),
            optional=tuple(Slot(key=slot.key, what=slot.what) for slot in found.optional),
            components=msgspec.Raw(msgspec.json.encode(found.components)),
        )

    def faults(self, template: SendableTemplate, values: Mapping[str, str]) -> Sequence[Fault]:
        return _faults(template, values)

    def filled(self, template: SendableTemplate, values: Mapping[str, str]) -> msgspec.Raw:
        return _filled(template, values)


@dataclass(frozen=True, slots=True)
class RemoteTemplates:
    """The Templates port of campaigns, where templates run elsewhere: filling is done here all the same."""

    service: Templates

    async def sendable(self, organization: OrganizationId, id: TemplateId) -> SendableTemplate:
        return await self.service.sendable(organization, id)

    def faults(self, template: SendableTemplate, values: Mapping[str, str]) -> Sequence[Fault]:
        return _faults(template, values)

    def filled(self, template: SendableTemplate, values: Mapping[str, str]) -> msgspec.Raw:
        return _filled(template, values)


def _faults(template: SendableTemplate, values: Mapping[str, str]) -> Sequence[Fault]:
    try:
        render(mould_of(template), values)
    except MissingValues as missing:
        return missing.faults
    return ()


def _filled(template: SendableTemplate, values: Mapping[str, str]) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(say(template, mould_of(template), values)))


def mould_of(template: SendableTemplate) -> Mould:
    """The template made ready to be filled in for many people."""
    return _mould(bytes(template.components))


@lru_cache(maxsize=64)
def _mould(components: bytes) -> Mould:
    return mould(msgspec.json.decode(components, type=tuple[Component, ...]))


def say(template: SendableTemplate, form: Mould, values: Mapping[str, str]) -> Template:
    """The message for a person with these values. Raise MissingValues."""
    filled = msgspec.to_builtins(render(form, values))
    return Template(
        name=template.name,
        language=template.language,
        category=template.category,
        components=msgspec.convert(filled, tuple[TemplateComponent, ...]),
    )
