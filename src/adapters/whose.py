"""Whose request a task is working for, and what it is about: what every line of the log says of it."""

import re
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from tidings.domain.kernel import Actor

_state: ContextVar[Mapping[str, Any] | None] = ContextVar("request", default=None)
_path: ContextVar[str] = ContextVar("path", default="")
_ABOUT = re.compile(r"/(campaign|recipient|message|conversation|template)s/([0-9a-f]{8}-[0-9a-f-]{27})")


def working_for(state: Mapping[str, Any], path: str = "") -> None:
    """The state of a request: `request_id`, and `actor` once it is known; and what it asks for."""
    _state.set(state)
    _path.set(path)


def whose() -> dict[str, str]:
    """Ids for the log; nothing where no request is at work."""
    state = _state.get()
    if state is None:
        return {}
    actor: Actor | None = state.get("actor")
    ids = {"request_id": str(state.get("request_id", ""))}
    ids |= {f"{what}_id": id for what, id in _ABOUT.findall(_path.get())}
    return ids if actor is None else {**ids, "organization_id": str(actor.organization_id)}
