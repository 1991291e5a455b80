"""Authentication templates: Meta writes their words and shows their button as a link (fact sheet 4.3)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from tidings.adapters.sandbox.errors import invalid, missing
from tidings.domain.templates.components import Body, Buttons, Component, Footer, Otp
from tidings.domain.templates.languages import LANGUAGES

BODY = "*{{1}}* is your verification code."
SAFETY = " For your security, do not share this code."
FOOTER = "This code expires in {minutes} minutes."
LABEL = "Copy code"


def written(components: Sequence[Component]) -> list[dict[str, Any]]:
    """The template as Meta shows it: in English, whatever the language."""
    return [_written(component) for component in components]


def _written(component: Component) -> dict[str, Any]:
    said: dict[str, Any] = msgspec.to_builtins(component)
    match component:
        case Body():
            said["text"] = BODY + (SAFETY if component.add_security_recommendation else "")
            said["example"] = {"body_text": [["123456"]]}
        case Footer():
            said["text"] = FOOTER.format(minutes=component.code_expiration_minutes)
        case Buttons():
            said["buttons"] = [_link(button) for button in component.buttons if isinstance(button, Otp)]
        case _:
            pass
    return said


def _link(button: Otp) -> dict[str, object]:
    url = f"https://www.whatsapp.com/otp/code/?otp_type={button.otp_type.value}&code=otp"
    return {
        "type": "URL",
        "text": button.text or LABEL,
        "url": url + "{{1}}",
        "example": [url + "123456"],
    }


def previews(params: Mapping[str, str]) -> list[dict[str, object]]:
    """`GET /{waba-id}/message_template_previews`. Raise GraphError."""
    if params.get("category", "").upper() != "AUTHENTICATION":
        raise invalid("Param category must be AUTHENTICATION.")
    languages = [each.strip(' "[]') for each in params.get("languages", "").split(",") if each.strip(' "[]')]
    if not languages:
        raise missing("languages")
    return list(_previews(languages, params))


def _previews(languages: Sequence[str], params: Mapping[str, str]) -> Iterator[dict[str, object]]:
    safety = SAFETY if params.get("add_security_recommendation", "").lower() == "true" else ""
    for language in languages:
        if language not in LANGUAGES:
            raise invalid(f"Language {language} is not supported.")
        said: dict[str, object] = {"language": language, "body": BODY + safety}
        if minutes := params.get("code_expiration_minutes"):
            said["footer"] = FOOTER.format(minutes=minutes)
        said["buttons"] = [{"type": "OTP", "text": LABEL, "autofill_text": "Autofill"}]
        yield said
