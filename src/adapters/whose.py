"""Whose request a task is working for: what every line of the log says of it."""

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from tidings.domain.kernel import Actor

_state: ContextVar[Mapping[str, Any] | None] = ContextVar("request", default=None)


def working_for(state: Mapping[str, Any]) -> None:
    """The state of a request: `request_id`, and `actor` once it is known."""
    _state.set(state)


def whose() -> dict[str, str]:
    """Ids for the log; nothing where no request is at work."""
    state = _state.get()
    if state is None:
        return {}
    actor: Actor | None = state.get("actor")
    ids = {"request_id": str(state.get("request_id", ""))}
    return ids if actor is None else {**ids, "organization_id": str(actor.organization_id)}
