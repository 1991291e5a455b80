"""Rules for the buttons of a template or of a card (fact sheet 4.3, 4.4)."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from tidings.domain.templates.components import (
    Button,
    Catalog,
    CopyCode,
    Flow,
    ManyProducts,
    OneProduct,
    Otp,
    OtpType,
    PhoneNumber,
    QuickReply,
    RequestContact,
    Url,
    VoiceCall,
    example_of,
)
from tidings.domain.templates.faults import Subcode, TemplateFault
from tidings.domain.templates.placeholders import placeholders, plain
from tidings.domain.templates.texts import check_length, check_undecorated

MAX_BUTTONS = 10
MAX_LABEL = 25
MAX_URL = 2000
MAX_COUPON = 15
"""Sources say 15 and 20 (fact sheet section 15): the smaller one passes with both."""

_AT_MOST: dict[type[Button], int] = {
    Url: 2,
    PhoneNumber: 1,
    CopyCode: 1,
    VoiceCall: 1,
    Flow: 1,
    RequestContact: 1,
}
_ALONE: tuple[type[Button], ...] = (Otp, ManyProducts, OneProduct, Catalog)
_PHONE = re.compile(r"\+?[0-9][0-9 ()\-]{3,}")
_LINK = re.compile(r"https?://[^\s/{}]+", re.IGNORECASE)


def tag(button: Button) -> str:
    """Meta's word for a button."""
    return str(button.__struct_config__.tag)


def check_buttons(path: str, buttons: Sequence[Button]) -> Iterator[TemplateFault]:
    """Each button, and how many there are of which kind and in which order."""
    if not buttons:
        yield TemplateFault(path=path, rule="required", message="needs at least one button")
    if len(buttons) > MAX_BUTTONS:
        yield TemplateFault(path=path, rule="max_items", message=f"may have at most {MAX_BUTTONS} buttons")
    counts = Counter(type(button) for button in buttons)
    for kind, limit in _AT_MOST.items():
        if counts[kind] > limit:
            word = str(kind.__struct_config__.tag)
            yield TemplateFault(path=path, rule="max_items", message=f"may have at most {limit} {word}")
    if len(buttons) > 1:
        for kind in _ALONE:
            if counts[kind]:
                word = str(kind.__struct_config__.tag)
                yield TemplateFault(path=path, rule="alone", message=f"must have no button beside {word}")
    if _interleaved(buttons):
        yield TemplateFault(path=path, rule="grouped", message="must keep its quick replies together")
    for i, button in enumerate(buttons):
        yield from check_button(f"{path}[{i}]", button)


def check_button(path: str, button: Button) -> Iterator[TemplateFault]:
    yield from _check_label(path, button)
    match button:
        case Url():
            yield from _check_url(path, button)
        case PhoneNumber():
            yield from _check_phone(path, button)
        case CopyCode():
            yield from _check_code(path, button)
        case Flow():
            if sum(x is not None for x in (button.flow_id, button.flow_name, button.flow_json)) != 1:
                yield TemplateFault(
                    path=path, rule="one_of", message="needs one of flow_id, flow_name and flow_json"
                )
        case Otp():
            yield from _check_otp(path, button)
        case _:
            pass


def _check_label(path: str, button: Button) -> Iterator[TemplateFault]:
    text = button.text
    where = f"{path}.text"
    if text is None or not text.strip():
        if not isinstance(button, CopyCode | Otp):
            yield TemplateFault(path=where, rule="required", message="needs a label")
        return
    yield from check_length(where, text, MAX_LABEL)
    yield from check_undecorated(where, text, Subcode.BUTTON_FORMAT)
    if placeholders(text) or "{{" in text or "}}" in text:
        yield TemplateFault(
            path=where,
            rule="variables",
            message="must not contain variables",
            subcode=Subcode.BUTTON_FORMAT,
        )


def _check_url(path: str, button: Url) -> Iterator[TemplateFault]:
    url, where = button.url or "", f"{path}.url"
    if not _LINK.match(url):
        yield TemplateFault(
            path=where, rule="url", message="must be a link that starts with https:// and a host"
        )
        return
    if len(url) > MAX_URL:
        yield from check_length(where, url, MAX_URL)
    if re.match(r"https?://(www\.)?wa\.me(/|$)", url, re.IGNORECASE):
        yield TemplateFault(path=where, rule="wa_me", message="must not lead to wa.me")
    if any(c.isspace() for c in url):
        yield TemplateFault(path=where, rule="url", message="must not contain spaces")
    found = placeholders(url)
    rest = plain(url)
    if "{" in rest or "}" in rest or len(found) > 1 or (found and found[0].name != "1"):
        yield TemplateFault(
            path=where, rule="variables", message="may hold one variable, {{1}}, and no braces"
        )
    elif found and found[0].end != len(url):
        yield TemplateFault(
            path=where, rule="variable_last", message="must have its variable at the very end"
        )
    if found:
        examples = example_of(button)
        if len(examples) != 1 or not _LINK.match(examples[0]):
            yield TemplateFault(
                path=f"{path}.example",
                rule="example",
                message="needs an example: the whole link, with the variable filled in",
                subcode=Subcode.EXAMPLE_MISSING,
            )


def _check_phone(path: str, button: PhoneNumber) -> Iterator[TemplateFault]:
    number, where = button.phone_number or "", f"{path}.phone_number"
    if len(number) > 20 or not _PHONE.fullmatch(number):
        yield TemplateFault(
            path=where,
            rule="phone",
            message="must be a phone number of at most 20 characters, such as +442079460958",
            code=192,
        )


def _check_code(path: str, button: CopyCode) -> Iterator[TemplateFault]:
    examples = example_of(button)
    if len(examples) != 1 or not examples[0]:
        yield TemplateFault(
            path=f"{path}.example",
            rule="example",
            message="needs the code as its example",
            subcode=Subcode.EXAMPLE_MISSING,
        )
        return
    yield from check_length(f"{path}.example", examples[0], MAX_COUPON)


def _check_otp(path: str, button: Otp) -> Iterator[TemplateFault]:
    if button.autofill_text is not None:
        yield from check_length(f"{path}.autofill_text", button.autofill_text, MAX_LABEL)
    apps = f"{path}.supported_apps"
    if button.otp_type is not OtpType.COPY_CODE and not 1 <= len(button.supported_apps) <= 5:
        yield TemplateFault(path=apps, rule="items", message="needs one to five apps")
    for i, app in enumerate(button.supported_apps):
        if not 1 <= len(app.package_name) <= 224:
            yield TemplateFault(
                path=f"{apps}[{i}].package_name", rule="length", message="must have 1 to 224 characters"
            )
        if len(app.signature_hash) != 11:
            yield TemplateFault(
                path=f"{apps}[{i}].signature_hash", rule="length", message="must have exactly 11 characters"
            )
    if button.otp_type is OtpType.ZERO_TAP and not button.zero_tap_terms_accepted:
        yield TemplateFault(
            path=f"{path}.zero_tap_terms_accepted",
            rule="accepted",
            message="must be true: the terms of zero-tap have to be accepted",
        )


def _interleaved(buttons: Sequence[Button]) -> bool:
    replies = [i for i, button in enumerate(buttons) if isinstance(button, QuickReply)]
    return bool(replies) and replies[-1] - replies[0] + 1 != len(replies)
