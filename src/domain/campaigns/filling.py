"""Where the values of a template come from, and who lacks one."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from tidings.domain.errors import Fault, Invalid


class CannotFill(Invalid):
    """Some people lack a value that the template needs; nothing was sent."""


class Fill(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel", forbid_unknown_fields=True):
    """Where a template's value comes from: a field of the contact, a fixed text, or a link of their own."""

    field: str | None = None
    text: str | None = None
    link: Annotated[str, Meta(pattern=r"^https?://[^\s/]", max_length=2000)] | None = None
    """An address that is followed by way of us, so that it is known who did. For a button the value is what
    stands behind the button's own address, for other slots a whole address."""
    fallback: str | None = None
    """What stands in for a field that is empty."""

    def value(self, fields: Mapping[str, str]) -> str | None:
        """The value for a person with these fields; None when there is none."""
        if self.text is not None:
            return self.text
        return (fields.get(self.field, "").strip() if self.field else "") or self.fallback


class Missing(StrEnum):
    """What to do about people who lack a value."""

    REFUSE = "refuse"
    """Launch nothing."""
    SKIP = "skip"
    """Leave them out, with the reason."""


def check_parameters(
    required: Mapping[str, str], optional: Mapping[str, str], parameters: Mapping[str, Fill]
) -> tuple[Fault, ...]:
    """What is wrong with where values come from, for a template with these slots (key → what it is)."""
    faults = [
        Fault(field=f"parameters.{key}", rule="required", message=f"the template needs a value for {what}")
        for key, what in required.items()
        if key not in parameters
    ]
    faults += [
        Fault(field=f"parameters.{key}", rule="unknown", message="the template has no such parameter")
        for key in parameters
        if key not in required and key not in optional
    ]
    faults += [
        Fault(field=f"parameters.{key}", rule="one_of", message="give one of field, text, link")
        for key, fill in parameters.items()
        if sum(source is not None for source in (fill.field, fill.text, fill.link)) != 1
    ]
    return tuple(faults)


def fill(
    parameters: Mapping[str, Fill], fields: Mapping[str, str], links: Mapping[str, str]
) -> dict[str, str]:
    """The values for a person with these fields and links; slots for which there is none are absent."""
    values = {key: source.value(fields) for key, source in parameters.items()}
    return {key: value for key, value in {**values, **links}.items() if value}
