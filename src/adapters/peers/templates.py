"""What other contexts ask of templates, answered in this process."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import msgspec

from tidings.application.ports.campaigns import SendableTemplate, Slot, Templates
from tidings.application.templates import Approved, ApprovedTemplate, HeaderFiles
from tidings.domain.errors import Fault
from tidings.domain.kernel import OrganizationId, PhoneNumberId, TemplateId, WabaId
from tidings.domain.templates.components import Component
from tidings.domain.templates.filling import MissingValues, Mould, mould, render
from tidings.domain.templates.languages import nearest
from tidings.domain.whatsapp.content import Template
from tidings.domain.whatsapp.values import TemplateComponent


class _Filling:
    """The part of the Templates port that waits for nothing, and is done where it is asked."""

    def faults(self, template: SendableTemplate, values: Mapping[str, str]) -> Sequence[Fault]:
        return _faults(template, values)

    def filled(self, template: SendableTemplate, values: Mapping[str, str]) -> msgspec.Raw:
        return msgspec.Raw(msgspec.json.encode(say(template, mould_of(template), values)))

    def for_reader(self, template: SendableTemplate, language: str | None) -> SendableTemplate:
        if not language or not template.translations:
            return template
        family = {each.language: each for each in (template, *template.translations)}
        return family[nearest(language, family, template.language) or template.language]


@dataclass(frozen=True)
class LocalTemplates(_Filling):
    """The Templates port of campaigns."""

    approved: Approved
    files: HeaderFiles

    async def sendable(self, organization: OrganizationId, id: TemplateId) -> SendableTemplate:
        first, *others = await self.approved.family(organization, id)
        return _sendable(first, tuple(_sendable(each) for each in others))

    async def media_ids(
        self, organization: OrganizationId, waba: WabaId, number: PhoneNumberId, values: Sequence[str]
    ) -> dict[str, str]:
        return await self.files.media_ids(organization, waba, number, values)


@dataclass(frozen=True)
class RemoteTemplates(_Filling):
    """The Templates port of campaigns, where templates run elsewhere: filling is done here all the same."""

    service: Templates

    async def sendable(self, organization: OrganizationId, id: TemplateId) -> SendableTemplate:
        return await self.service.sendable(organization, id)

    async def media_ids(
        self, organization: OrganizationId, waba: WabaId, number: PhoneNumberId, values: Sequence[str]
    ) -> dict[str, str]:
        return await self.service.media_ids(organization, waba, number, values)


def _sendable(found: ApprovedTemplate, translations: tuple[SendableTemplate, ...] = ()) -> SendableTemplate:
    return SendableTemplate(
        id=found.id,
        waba_id=found.waba_id,
        name=found.name,
        language=found.language,
        category=found.category.value,
        quality=found.quality.value,
        marketing_api=found.marketing_api,
        slots=tuple(Slot(key=slot.key, what=slot.what) for slot in found.slots),
        optional=tuple(Slot(key=slot.key, what=slot.what) for slot in found.optional),
        components=msgspec.Raw(msgspec.json.encode(found.components)),
        translations=translations,
    )


def _faults(template: SendableTemplate, values: Mapping[str, str]) -> Sequence[Fault]:
    ready = mould_of(template)
    if ready.fits(values):
        return ()
    try:
        render(ready, values)
    except MissingValues as missing:
        return missing.faults
    return ()


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
        marketing_api=template.marketing_api,
        components=msgspec.convert(filled, tuple[TemplateComponent, ...]),
    )
