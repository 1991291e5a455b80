"""Refusals as HTTP: the only place that knows a status code, and the one shape of every error."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from msgspec import Struct

from tidings.domain import errors
from tidings.domain.errors import Fault, Refused

log = structlog.get_logger("tidings.http")

STATUS: dict[type[Refused], int] = {
    errors.Invalid: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Throttled: 429,
    errors.Unavailable: 503,
}
CODES = {
    400: "INVALID",
    401: "UNAUTHENTICATED",
    403: "FORBIDDEN",
    404: "ROUTE_NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    413: "TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
}
MESSAGES = {
    404: "There is nothing at this address.",
    405: "This address does not take that method.",
    413: "The body is too large.",
    415: "The body's content type is not supported here.",
}


_RULES = {
    "missing required": "required",
    "unknown field": "unknown",
    "Expected": "type",
    "Invalid": "format",
}


class ErrorBody(Struct, frozen=True, kw_only=True, rename="camel"):
    """What went wrong: `code` for machines, `message` for people, `details` one by one."""

    code: str
    message: str
    details: Sequence[Fault]
    request_id: str


class Failure(Struct, frozen=True, kw_only=True, rename="camel"):
    """The envelope of every error."""

    success: bool = False
    error: ErrorBody


def refused(request: Request[Any, Any, Any], error: Refused) -> Response[Failure]:
    """A refusal of ours, by its kind."""
    status = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    return _reply(request, status, error.code, str(error), error.faults, error.retry_after)


def invalid(request: Request[Any, Any, Any], error: ValidationException) -> Response[Failure]:
    """A body or a parameter that does not fit its type: field and rule are named."""
    faults = _findings(error.extra) or [_told(error.detail)]
    return _reply(request, 400, "INVALID_REQUEST", "Some fields are not as they must be.", faults)


def other(request: Request[Any, Any, Any], error: HTTPException) -> Response[Failure]:
    """What the framework refuses: no such route, wrong method, too large."""
    status = error.status_code
    if status >= 500:
        return broken(request, error)
    faults = [_told(error.detail)] if status == 400 else []
    message = MESSAGES.get(status) or (faults[0].message if faults else error.detail)
    return _reply(request, status, CODES.get(status, "REFUSED"), message, faults)


def broken(request: Request[Any, Any, Any], error: Exception) -> Response[Failure]:
    """A bug of ours: logged whole under the request's id, and nothing of it disclosed."""
    log.error("unexpected error", exc_info=error, request_id=_request_id(request), path=request.url.path)
    return _reply(request, 500, "INTERNAL_ERROR", "Something went wrong here; the request's id finds it.", ())


exception_handlers: dict[int | type[Exception], Callable[[Request[Any, Any, Any], Any], Response[Any]]] = {
    Refused: refused,
    ValidationException: invalid,
    HTTPException: other,
    Exception: broken,
}


def _reply(
    request: Request[Any, Any, Any],
    status: int,
    code: str,
    message: str,
    faults: Sequence[Fault],
    retry_after: float | None = None,
) -> Response[Failure]:
    request_id = _request_id(request)
    body = ErrorBody(code=code, message=message, details=list(faults), request_id=request_id)
    headers = {"retry-after": str(max(round(retry_after), 1))} if retry_after is not None else {}
    return Response(Failure(error=body), status_code=status, headers=headers, media_type="application/json")


def _request_id(request: Request[Any, Any, Any]) -> str:
    return str(request.scope["state"].get("request_id", ""))


class _Extra(Struct):
    """One of Litestar's own findings."""

    message: str = ""
    key: str = ""


def _findings(extra: Any) -> list[Fault]:
    try:
        found = msgspec.convert(extra, list[_Extra])
    except msgspec.ValidationError:
        return []
    return [Fault(field=each.key, rule=_rule(each.message), message=each.message) for each in found]


_AT = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")


def _told(detail: str) -> Fault:
    """msgspec's message with its path: ``Expected `str`, got `int` - at `$.name` ``."""
    found = _AT.search(detail)
    field = found["path"] if found else ""
    text = _AT.sub("", detail)
    missing = re.search(r"missing required field `([^`]+)`", text)
    unknown = re.search(r"unknown field `([^`]+)`", text)
    name = missing or unknown
    if name:
        field = ".".join(part for part in (field, name[1]) if part)
    return Fault(field=field, rule=_rule(text), message=text)


def _rule(text: str) -> str:
    known = {
        "missing required": "required",
        "unknown field": "unknown",
        "Expected": "type",
        "Invalid": "format",
    }
    return next((rule for words, rule in known.items() if words in text), "valid")
