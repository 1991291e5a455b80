"""What can be said in a message: one tagged union, in our field names, with Meta's limits as rules.

How a kind is spelt on Meta's wire is the business of `adapters/meta`.
"""

from typing import TypeAlias

from msgspec import Struct


class Text(Struct, frozen=True, kw_only=True, tag="text"):
    """Plain text, at most 4096 characters (fact sheet 2.3)."""

    body: str
    preview_url: bool = False


class Parameter(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A value for one placeholder of a template; `name` only where the template's parameters are named."""

    text: str
    name: str | None = None


class TemplateComponent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The values of one component (fact sheet 2.6): `header`, `body`, or `button` with sub-type and index."""

    type: str
    parameters: tuple[Parameter, ...] = ()
    sub_type: str | None = None
    index: int | None = None


class Template(Struct, frozen=True, kw_only=True, tag="template", omit_defaults=True):
    """An approved template with its values filled in."""

    name: str
    language: str
    category: str = "MARKETING"
    components: tuple[TemplateComponent, ...] = ()


Content: TypeAlias = Text | Template
"""Anything that can be sent."""
