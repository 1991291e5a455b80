"""Templates at Meta: handed in, reviewed, paused, edited and deleted (fact sheet 4)."""

from collections.abc import Iterator, Mapping

import msgspec
from msgspec import Struct, field

from tidings.adapters.sandbox.errors import GraphError, template_refused
from tidings.adapters.sandbox.shapes import Shape, shape_of
from tidings.domain.errors import Fault
from tidings.domain.templates.components import Draft, read_components, read_draft
from tidings.domain.templates.faults import Subcode
from tidings.domain.templates.rules import check

JsonObject = dict[str, object]

DAY = 86400.0
MOST = 250
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
    quality: str = "UNKNOWN"
    edits: list[float] = field(default_factory=list[float])
    pauses: int = 0
    unpauses_at: float = 0.0
    paced: bool = False
    """Pacing is over: its quality was found good."""
    sent: int = 0
    """Messages while its quality was unknown."""

    @property
    def key(self) -> tuple[str, str, str]:
        return self.waba_id, self.draft.name, self.draft.language

    def view(self) -> JsonObject:
        """Every field that may be asked for."""
        draft = self.draft
        return {
            "name": draft.name,
            "parameter_format": draft.parameter_format.upper(),
            "components": msgspec.to_builtins(draft.components),
            "language": draft.language,
            "status": self.status,
            "category": draft.category,
            "rejected_reason": self.reason,
            "quality_score": {"score": self.quality},
            "message_send_ttl_seconds": draft.message_send_ttl_seconds,
            "id": self.id,
        }


class Templates:
    """Every account's templates."""

    def __init__(self) -> None:
        self.by_id: dict[str, SandboxTemplate] = {}
        self._by_key: dict[tuple[str, str, str], SandboxTemplate] = {}
        self._shapes: dict[str, Shape] = {}
        self._deleted: dict[tuple[str, str, str], float] = {}
        """Names that may be used again at that time."""

    def keep(self, template: SandboxTemplate) -> None:
        self.by_id[template.id] = template
        self._by_key[template.key] = template
        self._shapes[template.id] = shape_of(template.draft)

    def of(self, waba_id: str) -> Iterator[SandboxTemplate]:
        return (template for template in self.by_id.values() if template.waba_id == waba_id)

    def find(self, waba_id: str, name: str, language: str) -> SandboxTemplate | None:
        return self._by_key.get((waba_id, name, language))

    def shape(self, template: SandboxTemplate) -> Shape:
        return self._shapes[template.id]

    def read(self, waba_id: str, raw: object, now: float) -> tuple[Draft, str]:
        """A draft and review's verdict on it. Raise GraphError for what Meta does not take at all."""
        draft, unread = read_draft(raw)
        if draft is None:
            raise _unreadable(unread)
        verdict = _judge(draft)
        key = (waba_id, draft.name, draft.language)
        if key in self._by_key:
            raise _refused(
                Subcode.ALREADY_EXISTS,
                f"There is already {draft.language} content for this template. You can create a new "
                "template and try again.",
            )
        if self._deleted.get(key, 0.0) > now:
            raise _refused(
                Subcode.BEING_DELETED,
                "New content cannot be added while the existing content is being deleted. "
                "Try again in 4 weeks or create a new message template.",
            )
        if sum(1 for _ in self.of(waba_id)) >= MOST:
            raise _refused(Subcode.LIMIT_REACHED, f"The account has {MOST} templates.")
        return draft, verdict

    def edit(self, template: SandboxTemplate, change: Mapping[str, object], now: float) -> None:
        """Raise GraphError."""
        if template.status not in _EDITABLE:
            raise _refused(
                Subcode.NOT_EDITABLE_NOW, f"A template that is {template.status} cannot be edited."
            )
        draft = _changed(template, change)
        verdict = _judge(draft)
        if template.status == "APPROVED":
            recent = [at for at in template.edits if at > now - 30 * DAY]
            if len(recent) >= 10 or any(at > now - DAY for at in recent):
                raise _refused(
                    Subcode.NOT_EDITABLE_NOW,
                    "An approved template can be edited once in 24 hours and 10 times in 30 days.",
                )
            template.edits = [*recent, now]
        template.draft = draft
        template.verdict = verdict
        template.status = "PENDING"
        self._shapes[template.id] = shape_of(draft)

    def delete(self, template: SandboxTemplate, now: float) -> None:
        """Raise GraphError. The name stays taken for a while."""
        if template.draft.name == "hello_world":
            raise _refused(Subcode.SAMPLE_TEMPLATE, "The sample template cannot be deleted.")
        if template.status == "DISABLED":
            raise _refused(Subcode.NOT_EDITABLE_NOW, "A disabled template cannot be deleted.")
        self._deleted[template.key] = now + (30 * DAY if template.status == "APPROVED" else 60.0)
        self.forget(template)

    def forget(self, template: SandboxTemplate) -> None:
        del self.by_id[template.id]
        del self._by_key[template.key]
        del self._shapes[template.id]


def not_found(name: str) -> GraphError:
    return _refused(Subcode.NOT_FOUND, f"There is no message template {name}.")


def _judge(draft: Draft) -> str:
    """Why review will turn it down, or NONE. Raise GraphError for what is refused at once."""
    verdict = "NONE"
    for fault in check(draft):
        if fault.rejection is None:
            blamed = fault.path if fault.path in ("name", "language", "category") else ""
            title = _TITLES.get(fault.subcode or 0, "Invalid parameter")
            message = f"{fault.path} {fault.message}"
            raise template_refused(message, code=fault.code, subcode=fault.subcode, title=title, field=blamed)
        verdict = fault.rejection
    return verdict


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
