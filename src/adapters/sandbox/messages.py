"""`POST /{phone-number-id}/messages`, read and checked as Meta does before it accepts (fact sheet 2)."""

import re
from collections.abc import Callable, Iterable
from typing import TypeVar, cast

import msgspec
from msgspec import Struct

from tidings.adapters.sandbox.accounts import Line
from tidings.adapters.sandbox.content import (
    MEDIA,
    check_contacts,
    check_interactive,
    check_location,
    check_media,
    check_reaction,
)
from tidings.adapters.sandbox.errors import GraphError, invalid, missing
from tidings.adapters.sandbox.ids import is_wamid
from tidings.adapters.sandbox.journeys import Odd
from tidings.adapters.sandbox.shapes import SentComponent
from tidings.adapters.sandbox.templates import SandboxTemplate, Templates
from tidings.domain.templates.components import Category

T = TypeVar("T")

MAX_TEXT = 4096
MAX_CALLBACK = 512
_DIGITS = re.compile(r"[1-9][0-9]{6,14}")
_DRESS = str.maketrans("", "", "+ -().\u00a0")
_USER_ID = re.compile(r"[A-Z]{2}\.(ENT\.)?[0-9A-Za-z]{1,128}")
_NOWHERE = re.compile(r"https?://[^/]*\.invalid([:/].*)?")
"""Links that nobody can fetch: the name is reserved for that."""


class _Language(Struct, frozen=True):
    code: str | None = None


class _Template(Struct, frozen=True):
    name: str | None = None
    language: _Language | None = None
    components: tuple[SentComponent, ...] = ()


class _Text(Struct, frozen=True):
    body: str | None = None
    preview_url: bool = False


class _Context(Struct, frozen=True):
    message_id: str | None = None


class Envelope(Struct, frozen=True):
    """A message as it was sent to us."""

    messaging_product: str | None = None
    recipient_type: str = "individual"
    to: str | int | None = None
    recipient: str | None = None
    type: str = "text"
    text: _Text | None = None
    template: _Template | None = None
    context: _Context | None = None
    biz_opaque_callback_data: str | None = None
    status: str | None = None
    message_id: str | None = None
    image: dict[str, object] | None = None
    video: dict[str, object] | None = None
    audio: dict[str, object] | None = None
    document: dict[str, object] | None = None
    sticker: dict[str, object] | None = None
    location: dict[str, object] | None = None
    contacts: list[object] | None = None
    reaction: dict[str, object] | None = None
    interactive: dict[str, object] | None = None


_decoder = msgspec.json.Decoder(Envelope)


def read_envelope(body: bytes) -> Envelope:
    """Raise GraphError."""
    try:
        said = _decoder.decode(body)
    except msgspec.ValidationError as error:
        raise invalid(f"Invalid parameter: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise invalid("The request body is not valid JSON.") from None
    if said.messaging_product is None:
        raise missing("messaging_product")
    if said.messaging_product.lower() != "whatsapp":
        raise invalid(
            f"Param messaging_product must be one of {{WHATSAPP}} - got '{said.messaging_product}'."
        )
    return said


def recipient(said: Envelope, line: Line) -> str:
    """The digits that were dialled, or a business-scoped id. Raise GraphError."""
    if said.recipient_type.lower() not in ("individual", "group"):
        raise invalid("Param recipient_type must be one of {INDIVIDUAL, GROUP}.")
    if said.to is None:
        if said.recipient is None:
            raise missing("to")
        if not _USER_ID.fullmatch(said.recipient):
            raise GraphError(131009, "The recipient is not a business-scoped user id.")
        return said.recipient
    digits = str(said.to).translate(_DRESS)
    if not (digits.isascii() and _DIGITS.fullmatch(digits)):
        raise GraphError(131009, "The phone number is malformed: Please use the format: +1234567890.")
    if digits == line.digits:
        raise GraphError(131021, "The recipient is the sender.")
    return digits


def check_content(said: Envelope, line: Line, templates: Templates, *, lite: bool) -> SandboxTemplate | None:
    """The template that is sent, if it is one. Raise GraphError."""
    if len(said.biz_opaque_callback_data or "") > MAX_CALLBACK:
        raise invalid(f"Param biz_opaque_callback_data must be at most {MAX_CALLBACK} characters long.")
    kind = said.type.lower()
    if kind == "template":
        template = _check_template(said, line, templates)
        _check_category(said, template, lite=lite)
        return template
    if lite:
        raise GraphError(131055, "Message must be a template message.")
    if kind == "text":
        _check_text(said)
    elif not _check_other(said, kind):
        raise invalid(f"Param type must be one of {{TEXT, TEMPLATE, IMAGE, ...}} - got '{said.type}'.")
    return None


def _check_category(said: Envelope, template: SandboxTemplate, *, lite: bool) -> None:
    category = template.draft.category
    if lite and category is not Category.MARKETING:
        raise GraphError(134100, "Only marketing messages are supported.")
    if category is Category.AUTHENTICATION and said.to is None:
        raise GraphError(131062, "An authentication template needs a phone number.")


def check_files(said: Envelope, known: Callable[[str], bool]) -> None:
    """Raise GraphError for an id that is no file's."""
    found: list[tuple[str, object]] = [(kind, getattr(said, kind)) for kind in sorted(MEDIA)]
    for component in said.template.components if said.template else ():
        for parameter in component.parameters:
            found += [(kind, getattr(parameter, kind)) for kind in ("image", "video", "document")]
    for kind, value in found:
        if isinstance(value, dict):
            id = cast(dict[str, object], value).get("id")
            if id is not None and not known(str(id)):
                raise invalid(
                    f"Param {kind}['id'] is not a valid whatsapp business account media attachment ID"
                )


def _check_text(said: Envelope) -> None:
    if said.text is None or said.text.body is None:
        raise missing("text['body']")
    if not said.text.body.strip():
        raise GraphError(131009, "text.body must not be empty.")
    if len(said.text.body) > MAX_TEXT:
        raise invalid(f"Param text['body'] must be at most {MAX_TEXT} characters long.")


def _check_other(said: Envelope, kind: str) -> bool:
    """Whether there is such a kind of message. Raise GraphError."""
    if kind in MEDIA:
        check_media(kind, _given(getattr(said, kind), kind))
    elif kind == "interactive":
        check_interactive(_given(said.interactive, kind))
    elif kind == "location":
        check_location(_given(said.location, kind))
    elif kind == "reaction":
        check_reaction(_given(said.reaction, kind))
    elif kind == "contacts":
        check_contacts(_given(said.contacts, kind))
    else:
        return False
    return True


def _given(value: T | None, kind: str) -> T:
    if not value:
        raise missing(kind)
    return value


def odd(said: Envelope) -> Odd | None:
    """What is special about the way of a message that was accepted."""
    if said.template is not None:
        return _odd_file(_files_of(said.template.components))
    if said.reaction is not None:
        target = str(said.reaction.get("message_id"))
        return Odd(reaction=True, fails=0 if is_wamid(target) else 131009)
    if said.audio is not None and said.audio.get("voice"):
        return _odd_file([said.audio]) or Odd(voice=True)
    files = (said.image, said.video, said.audio, said.document, said.sticker)
    return _odd_file([file for file in files if file is not None])


def _files_of(components: Iterable[SentComponent]) -> list[dict[str, object]]:
    values = (
        value
        for component in components
        for parameter in component.parameters
        for value in (parameter.image, parameter.video, parameter.document)
    )
    return [value for value in values if value is not None]


def _odd_file(files: list[dict[str, object]]) -> Odd | None:
    gone = any(_NOWHERE.fullmatch(str(file.get("link", ""))) for file in files)
    return Odd(fails=131053) if gone else None


def _check_template(said: Envelope, line: Line, templates: Templates) -> SandboxTemplate:
    sent = said.template
    if sent is None:
        raise missing("template")
    if not sent.name:
        raise missing("template['name']")
    if sent.language is None or not sent.language.code:
        raise missing("template['language']['code']")
    template = templates.find(line.waba.id, sent.name, sent.language.code.replace("-", "_"))
    if template is None:
        raise GraphError(132001, f"template name ({sent.name}) does not exist in {sent.language.code}")
    match template.status:
        case "APPROVED":
            pass
        case "PAUSED":
            raise GraphError(132015, f"template name ({sent.name}) is paused for low quality")
        case "DISABLED":
            raise GraphError(132016, f"template name ({sent.name}) is disabled")
        case _:
            raise GraphError(132001, f"template name ({sent.name}) is not approved in {sent.language.code}")
    templates.shape(template).check(sent.components)
    return template
