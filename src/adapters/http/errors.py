"""Refusals as HTTP: the only place that knows a status code, and the one shape of every error."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, InternalServerException, ValidationException
from litestar.handlers import HTTPRouteHandler
from litestar.utils.scope.state import ScopeState
from msgspec import Struct

from tidings.adapters.http.faults import fault_told, faults_of_body, rule_told
from tidings.adapters.http.patience import UNDONE
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


CUT_OFF = "client disconnected prematurely"
"""What the framework says, as of a fault of its own, of a client that breaks off or garbles its body."""
UNFIT = "Some fields are not as they must be."


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
    if isinstance(error, errors.Undone):
        request.scope["state"][UNDONE] = True
    return _reply(request, _status(error), error.code, str(error), error.faults, error.retry_after)


def invalid(request: Request[Any, Any, Any], error: ValidationException) -> Response[Failure]:
    """A body or a parameter that does not fit its type: every field and its rule are named."""
    faults = _of_body(request) or _findings(error.extra) or [fault_told(error.detail)]
    return _reply(request, 400, "INVALID_REQUEST", UNFIT, faults)


def other(request: Request[Any, Any, Any], error: HTTPException) -> Response[Failure]:
    """What the framework refuses: no such route, wrong method, too large."""
    status = error.status_code
    if isinstance(error, InternalServerException) and error.detail == CUT_OFF:
        fault = Fault(field="", rule="whole", message="ended before it was whole")
        return _reply(request, 400, "INVALID_REQUEST", UNFIT, [fault])
    if status >= 500:
        return broken(request, error)
    if status == 400:
        faults = _of_body(request) or [fault_told(error.detail)]
        return _reply(request, 400, "INVALID_REQUEST", UNFIT, faults)
    message = MESSAGES.get(status) or error.detail
    answer = _reply(request, status, CODES.get(status, "REFUSED"), message, ())
    answer.headers.update({name: str(value) for name, value in (error.headers or {}).items()})
    return answer


def too_deep(request: Request[Any, Any, Any], _: RecursionError) -> Response[Failure]:
    """A body nested so deeply that nobody can have meant it."""
    fault = Fault(field="", rule="depth", message="is nested too deeply")
    return _reply(request, 400, "INVALID_REQUEST", UNFIT, [fault])


def broken(request: Request[Any, Any, Any], error: Exception) -> Response[Failure]:
    """A bug of ours: logged whole under the request's id, and nothing of it disclosed."""
    log.error("unexpected error", exc_info=error, request_id=_request_id(request), path=request.url.path)
    return _reply(request, 500, "INTERNAL_ERROR", "Something went wrong here; the request's id finds it.", ())


def no_text(request: Request[Any, Any, Any], _: UnicodeDecodeError) -> Response[Failure]:
    """A body that is not UTF-8."""
    fault = Fault(field="", rule="utf8", message="must be UTF-8")
    return _reply(request, 400, "INVALID_REQUEST", UNFIT, [fault])


exception_handlers: dict[int | type[Exception], Callable[[Request[Any, Any, Any], Any], Response[Any]]] = {
    Refused: refused,
    ValidationException: invalid,
    HTTPException: other,
    RecursionError: too_deep,
    UnicodeDecodeError: no_text,
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
    headers = {"retry-after": str(max(math.ceil(retry_after), 1))} if retry_after is not None else {}
    return Response(Failure(error=body), status_code=status, headers=headers, media_type="application/json")


def refusal_body(error: Refused, request_id: str) -> tuple[int, bytes]:
    """Status and body for a layer outside the framework; the same shape as everywhere."""
    body = ErrorBody(code=error.code, message=str(error), details=list(error.faults), request_id=request_id)
    return _status(error), msgspec.json.encode(Failure(error=body))


def _status(error: Refused) -> int:
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def _request_id(request: Request[Any, Any, Any]) -> str:
    return str(request.scope["state"].get("request_id", ""))


def _of_body(request: Request[Any, Any, Any]) -> list[Fault]:
    """Faults of the JSON body that the handler wanted, if it wanted one and it was read."""
    handler = dict(request.scope).get("route_handler")
    body = ScopeState.from_scope(request.scope).body
    if not isinstance(handler, HTTPRouteHandler) or not isinstance(body, bytes):
        return []
    wanted = handler.parsed_data_field
    return faults_of_body(body, wanted.annotation) if wanted else []


class _Extra(Struct):
    """One of Litestar's own findings."""

    message: str = ""
    key: str = ""
    source: str = ""


def _findings(extra: Any) -> list[Fault]:
    try:
        found = msgspec.convert(extra, list[_Extra])
    except msgspec.ValidationError:
        return []
    return [
        Fault(
            field="" if each.source == "body" and each.key == "data" else each.key,
            rule=rule_told(each.message),
            message=each.message,
        )
        for each in found
    ]
