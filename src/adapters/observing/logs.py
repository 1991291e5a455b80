"""The log: one JSON object a line, with ids and without secrets."""

import logging
import re
from collections.abc import Mapping, MutableMapping
from typing import Any, cast

import structlog

from tidings.adapters.whose import whose

_SECRET_NAMES = re.compile(r"(?i)(token|secret|password|passwd|authorization|cookie|signature|api_?key)")
_SECRETS = re.compile(
    r"EAA[0-9A-Za-z]{20,}"  # an access token of Meta's
    r"|eyJ[0-9A-Za-z_-]{10,}\.[0-9A-Za-z_-]{10,}\.[0-9A-Za-z_-]*"  # a JWT
    r"|(?i:bearer)\s+[^\s\"']+"
    r"|tdk_[0-9A-Za-z_-]{16,}"  # an API key of ours
    r"|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"  # user and password of a URL
)
_PHONES = re.compile(r"(?<![\w.-])(?:\+\d{4,11}|\d{5,9})(\d{4})(?![\w.-])")
_NOTED = re.compile(r"(\w+_id)=([\w.-]+)")
HIDDEN = "…"


def redacted(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: secrets and the greater part of phone numbers are cut out of every value."""
    for name, value in event.items():
        event[name] = HIDDEN if _SECRET_NAMES.search(name) and value else _without_secrets(name, value)
    return event


def _without_secrets(name: str, value: Any) -> Any:
    if isinstance(value, str):
        shown = _SECRETS.sub(HIDDEN, value)
        return shown if name.endswith(("_id", "id")) else _PHONES.sub(rf"{HIDDEN}\1", shown)
    if isinstance(value, Mapping):
        return dict(redacted(None, "", dict(cast("Mapping[str, Any]", value))))
    if isinstance(value, list | tuple):
        return [_without_secrets(name, each) for each in cast("list[Any]", value)]
    return value


def of_whom(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: the ids of the request that is being worked for."""
    for name, id in whose().items():
        event.setdefault(name, id)
    return event


def of_what(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: ids noted on an error, such as `campaign_id=...`, are ids of its line."""
    error = event.get("exc_info")
    for note in getattr(error, "__notes__", ()):
        if found := _NOTED.fullmatch(note):
            event.setdefault(found[1], found[2])
    return event


def log_as_json(level: str) -> None:
    """One JSON line an event on stdout; of libraries, only what is wrong, in the same form."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        of_whom,
        of_what,
        structlog.processors.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso"),
        structlog.processors.format_exc_info,
        redacted,
    ]
    rendered = structlog.processors.JSONRenderer()
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, rendered],
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    structlog.configure(
        processors=[each for each in shared if each is not structlog.stdlib.add_logger_name] + [rendered],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
        ),
        cache_logger_on_first_use=True,
    )
