"""Templates at Meta: handed in, reviewed, paused, edited and deleted (fact sheet 4)."""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple, TypeAlias

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from tidings.adapters.sandbox.errors import GraphError, template_refused
from tidings.adapters.sandbox.passcodes import written
from tidings.adapters.sandbox.shapes import Shape, shape_of
from tidings.domain.errors import Fault
from tidings.domain.templates.components import (
    Body,
    Category,
    Draft,
    Footer,
    read_components,
    read_draft,
)
from tidings.domain.templates.faults import Subcode
from tidings.domain.templates.likeness import wording
from tidings.domain.templates.rules import check

JsonObject: TypeAlias = dict[str, object]
Key: TypeAlias = tuple[str, str, str]
"""Account, name and language."""

DAY = 86400.0
_PROMOTION = re.compile(
    r"% off\b|\b(discounts?|coupons?|promo(tion)?( code)?|special offers?|limited[- ]time|flash sale|"
    r"big sale|sale ends|buy one|deals? of the)\b",
    re.IGNORECASE,
)
_EDITABLE = frozenset({"APPROVED", "REJECTED", "PAUSED"})
_TITLES: dict[int, str] = {
    Subcode.LIMIT_REACHED: "Message template limit reached",
    Subcode.BEING_DELETED: "Message template language is being deleted",
    Subcode.ALREADY_EXISTS: "Content in This Language Already Exists",
    Subcode.NOT_EDITABLE_NOW: "Message template can't be changed now",
    Subcode.TOO_LONG: "Character limit exceeded",
    Subcode.EXAMPLE_MISSING: "Missing sample values",
    Subcode.NAME_FORMAT: "Invalid template name",
    Subcode.VARIABLE_AT_EDGE: "Leading or trailing variables",
    Subcode.NOT_FOUND: "Message Template Not Found",
}


class SandboxTemplate(Struct, kw_only=True):
    """One template in one language, as Meta holds it."""

    id: str
    waba_id: str
    draft: Draft
    status: str = "PENDING"
    reason: str = "NONE"
    verdict: str = "NONE"
    """Why review will turn it down; NONE when it will not."""
    hint: str = ""
    """The same for people."""
    previous_category: Category | None = None
    quality: str = "UNKNOWN"
    edits: list[float] = field(default_factory=list[float])
    pauses: int = 0
    unpauses_at: float = 0.0
    by_hand_from: float | None = None
    """From then on it may be unpaused by hand, when pacing has paused it."""
    paced: bool = False
    """Pacing is over: its quality was found good."""
    sent: int = 0
    """Messages while its quality was unknown."""

    @property
    def key(self) -> Key:
        return self.waba_id, self.draft.name, self.draft.language

    def view(self) -> JsonObject:
        """Every field that may be asked for."""
        draft = self.draft
        return {
            "name": draft.name,
            "parameter_format": draft.parameter_format.upper(),
            "components": written(draft.components)
            if draft.category is Category.AUTHENTICATION
            else msgspec.to_builtins(draft.components),
            "language": draft.language,
            "status": self.status,
            "category": draft.category,
            "previous_category": self.previous_category,
            "rejected_reason": self.reason,
            "quality_score": {"score": self.quality},
            "message_send_ttl_seconds": draft.message_send_ttl_seconds,
            "id": self.id,
        }


class Judgement(NamedTuple):
    """What Meta makes of a template that was handed in."""

    draft: Draft
    """With another category, perhaps."""
    verdict: str
    hint: str
    asked: Category | None
    """The category that was asked for, if it became another."""

    def onto(self, template: SandboxTemplate) -> None:
        template.draft, template.verdict, template.hint = self.draft, self.verdict, self.hint
        template.previous_category = self.asked


class Templates:
    """Every account's templates."""

    def __init__(self, limit: int = 6000, *, recategorise: bool = False) -> None:
        self._limit = limit
        self._recategorise = recategorise
        self.by_id: dict[str, SandboxTemplate] = {}
        self._by_key: dict[tuple[str, str, str], SandboxTemplate] = {}
        self._shapes: dict[str, Shape] = {}
        self._words: dict[tuple[str, str, str], str] = {}
        """Ids by account, language and what is said."""
        self.deleted: dict[Key, float] = {}
        """Names that may be used again at that time."""

    def keep(self, template: SandboxTemplate) -> None:
        self.by_id[template.id] = template
        self._by_key[template.key] = template
        self._shapes[template.id] = shape_of(template.draft)
        if (words := _words(template.waba_id, template.draft)) is not None:
            self._words.setdefault(words, template.id)

    def of(self, waba_id: str) -> Iterator[SandboxTemplate]:
        return (template for template in self.by_id.values() if template.waba_id == waba_id)

    def find(self, waba_id: str, name: str, language: str) -> SandboxTemplate | None:
        return self._by_key.get((waba_id, name, language))

    def shape(self, template: SandboxTemplate) -> Shape:
        return self._shapes[template.id]

    def read(self, waba_id: str, raw: object, now: float) -> Judgement:
        """What review will say. Raise GraphError for what Meta does not take at all."""
        draft, unread = read_draft(raw)
        if draft is None:
            raise _unreadable(unread)
        judgement = self._judge(waba_id, draft)
        key = (waba_id, draft.name, draft.language)
        if self.deleted.get(key, 0.0) > now:
            raise _refused(
                Subcode.BEING_DELETED,
                "New content cannot be added while the existing content is being deleted. "
                "Try again in 4 weeks or create a new message template.",
            )
        if key in self._by_key:
            raise _refused(
                Subcode.ALREADY_EXISTS,
                f"There is already {draft.language} content for this template. You can create a new "
                "template and try again.",
            )
        if sum(1 for _ in self.of(waba_id)) >= self._limit:
            raise _refused(Subcode.LIMIT_REACHED, f"The account has {self._limit} templates.")
        return judgement

    def edit(self, template: SandboxTemplate, change: Mapping[str, object], now: float) -> None:
        """Raise GraphError."""
        if template.status not in _EDITABLE:
            raise _refused(
                Subcode.NOT_EDITABLE_NOW, f"A template that is {template.status} cannot be edited."
            )
        judgement = self._judge(template.waba_id, _changed(template, change), template.id)
        if template.status == "APPROVED":
            recent = [at for at in template.edits if at > now - 30 * DAY]
            if len(recent) >= 10 or any(at > now - DAY for at in recent):
                raise _refused(
                    Subcode.NOT_EDITABLE_NOW,
                    "An approved template can be edited once in 24 hours and 10 times in 30 days.",
                )
            template.edits = [*recent, now]
        self._unsay(template)
        judgement.onto(template)
        template.status = "PENDING"
        self.keep(template)

    def free_later(self, template: SandboxTemplate, now: float) -> None:
        """The name stays taken for a while. Raise GraphError for what cannot be deleted."""
        if template.draft.name == "hello_world":
            raise _refused(Subcode.SAMPLE_TEMPLATE, "The sample template cannot be deleted.")
        if template.status == "DISABLED":
            raise _refused(Subcode.NOT_EDITABLE_NOW, "A disabled template cannot be deleted.")
        self.deleted[template.key] = now + (30 * DAY if template.status == "APPROVED" else 60.0)

    def forget(self, template: SandboxTemplate) -> None:
        self._unsay(template)
        del self.by_id[template.id]
        del self._by_key[template.key]
        del self._shapes[template.id]

    def _unsay(self, template: SandboxTemplate) -> None:
        words = _words(template.waba_id, template.draft)
        if words is not None and self._words.get(words) == template.id:
            del self._words[words]

    def _judge(self, waba_id: str, draft: Draft, id: str | None = None) -> Judgement:
        """Raise GraphError for what is refused at once."""
        verdict, hint = _review(draft)
        words = _words(waba_id, draft)
        if verdict == "NONE" and words is not None and self._words.get(words, id) != id:
            verdict, hint = "INVALID_FORMAT", "Another template has the same body and footer."
        if not (self._recategorise and draft.category is Category.UTILITY and _promotes(draft)):
            return Judgement(draft, verdict, hint, None)
        return Judgement(replace(draft, category=Category.MARKETING), verdict, hint, draft.category)


def not_found(name: str) -> GraphError:
    return _refused(Subcode.NOT_FOUND, f"There is no message template {name}.")


def _review(draft: Draft) -> tuple[str, str]:
    """Why it will be turned down, or NONE; and the same for people. Raise GraphError for what is refused."""
    verdict, hint = "NONE", ""
    for fault in check(draft):
        message = f"{fault.path} {fault.message}"
        if fault.rejection is None:
            blamed = fault.path if fault.path in ("name", "language", "category") else ""
            title = _TITLES.get(fault.subcode or 0, "Invalid parameter")
            raise template_refused(message, code=fault.code, subcode=fault.subcode, title=title, field=blamed)
        verdict, hint = fault.rejection, message
    return verdict, hint


def _words(waba_id: str, draft: Draft) -> tuple[str, str, str] | None:
    """What no two templates may share."""
    said = wording(draft.category, draft.components)
    return None if said is None else (waba_id, draft.language, said)


def _promotes(draft: Draft) -> bool:
    """Whether it reads like advertising."""
    return any(isinstance(c, Body | Footer) and _PROMOTION.search(c.text or "") for c in draft.components)


def _changed(template: SandboxTemplate, change: Mapping[str, object]) -> Draft:
    known = {"category", "components", "message_send_ttl_seconds"} & change.keys()
    if not known:
        raise template_refused("Nothing to change was given.")
    if (
        "category" in known
        and template.status == "APPROVED"
        and change["category"] != template.draft.category
    ):
        raise template_refused("The category of an approved template cannot be changed.", field="category")
    whole = msgspec.to_builtins(template.draft) | {name: change[name] for name in known}
    if "components" in known:
        components, unread = read_components(change["components"])
        if unread or not components:
            raise _unreadable(unread)
    draft, unread = read_draft(whole)
    if draft is None:
        raise _unreadable(unread)
    return draft


def _unreadable(faults: tuple[Fault, ...]) -> GraphError:
    first = faults[0] if faults else Fault(field="components", rule="required", message="is missing")
    return GraphError(100, message=f"(#100) Invalid parameter: {first.field} {first.message}")


def _refused(subcode: Subcode, message: str) -> GraphError:
    return template_refused(message, subcode=subcode, title=_TITLES.get(subcode, "Invalid parameter"))


def hello_world(waba_id: str, id: str) -> SandboxTemplate:
    """The sample that every account begins with."""
    draft = msgspec.convert(
        {
            "name": "hello_world",
            "language": "en_US",
            "category": "UTILITY",
            "components": [
                {"type": "HEADER", "format": "TEXT", "text": "Hello World"},
                {
                    "type": "BODY",
                    "text": "Welcome and congratulations! This message shows that you can send.",
                },
                {"type": "FOOTER", "text": "WhatsApp Business Platform sample message"},
            ],
        },
        Draft,
    )
    return SandboxTemplate(id=id, waba_id=waba_id, draft=draft, status="APPROVED")
