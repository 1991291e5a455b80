"""Meta's review of templates (fact sheet 4)."""

from collections.abc import AsyncIterator

from msgspec import Struct

from tidings.adapters.meta.calls import Calls
from tidings.adapters.meta.client import Graph, node
from tidings.adapters.meta.errors import GraphError
from tidings.application.ports.gateway import Credentials
from tidings.application.ports.templates import Edit, RemoteTemplate, Submitted
from tidings.domain.errors import Refused
from tidings.domain.kernel import WabaId
from tidings.domain.templates.components import Category, Draft, ParameterFormat, read_components
from tidings.domain.templates.refusals import ReviewUnavailable, refusal
from tidings.domain.templates.template import Quality, Status, quality_of, status_of

FIELDS = (
    "id,name,language,status,category,correct_category,parameter_format,components,quality_score,"
    "rejected_reason,message_send_ttl_seconds"
)


class _Created(Struct, frozen=True):
    id: str | int
    status: str = "PENDING"
    category: str = ""


class _Score(Struct, frozen=True):
    score: str | None = None


class _Remote(Struct, frozen=True):
    id: str | int
    name: str
    language: str
    status: str
    category: str
    correct_category: str | None = None
    parameter_format: str | None = None
    components: object = ()
    quality_score: _Score | None = None
    rejected_reason: str | None = None
    message_send_ttl_seconds: int | None = None


def template_refusal(error: GraphError, retry_after: float | None) -> Refused:
    """An error of Meta's in the words of the templates context."""
    return refusal(
        error.code,
        error.subcode,
        error.details or error.message,
        blamed=error.blamed,
        retry_after=retry_after,
    )


class MetaReview:
    """The Review port."""

    def __init__(self, graph: Graph, credentials: Credentials) -> None:
        self._credentials = credentials
        self._calls = Calls(graph, template_refusal, ReviewUnavailable)

    async def submit(self, waba_id: WabaId, draft: Draft) -> Submitted:
        token = await self._credentials.token(waba_id)
        made = await self._calls.post(f"{node(waba_id)}/message_templates", token, draft, _Created)
        return Submitted(
            meta_template_id=str(made.id),
            status=status_of(made.status) or Status.PENDING,
            category=_category(made.category) or draft.category,
        )

    async def edit(self, waba_id: WabaId, meta_template_id: str, change: Edit) -> None:
        token = await self._credentials.token(waba_id)
        await self._calls.change(node(meta_template_id), token, change)

    async def delete(self, waba_id: WabaId, name: str, meta_template_id: str) -> None:
        token = await self._credentials.token(waba_id)
        params = {"hsm_id": meta_template_id, "name": name}
        await self._calls.delete(f"{node(waba_id)}/message_templates", token, params)

    async def every(self, waba_id: WabaId, *, name: str | None = None) -> AsyncIterator[RemoteTemplate]:
        token = await self._credentials.token(waba_id)
        params = {"fields": FIELDS} | ({"name": name} if name is not None else {})
        async for found in self._calls.pages(f"{node(waba_id)}/message_templates", token, _Remote, params):
            if name is None or found.name == name:
                yield _remote(found)


def _remote(said: _Remote) -> RemoteTemplate:
    components, faults = read_components(said.components)
    unreadable = [f"{fault.field} {fault.message}" for fault in faults]
    category = _category(said.category)
    if category is None:
        unreadable.append(f"category {said.category} is unknown")
    correct = _category(said.correct_category or "")
    return RemoteTemplate(
        meta_template_id=str(said.id),
        name=said.name,
        language=said.language.replace("-", "_"),
        category=category or Category.MARKETING,
        status=status_of(said.status) or Status.APPROVED,
        components=() if unreadable else components,
        parameter_format=_format(said.parameter_format),
        message_send_ttl_seconds=said.message_send_ttl_seconds,
        reason=None if said.rejected_reason in (None, "", "NONE") else said.rejected_reason,
        quality=quality_of(said.quality_score.score) if said.quality_score else Quality.UNKNOWN,
        next_category=None if correct == category else correct,
        unreadable="; ".join(unreadable) or None,
    )


def _category(word: str) -> Category | None:
    return Category(word.upper()) if word.upper() in Category.__members__ else None


def _format(word: str | None) -> ParameterFormat:
    named = (word or "").upper() == ParameterFormat.NAMED.upper()
    return ParameterFormat.NAMED if named else ParameterFormat.POSITIONAL
