"""What the OpenAPI document says of refusals: on every operation those that it can answer with."""

from collections.abc import Iterator

from litestar import Litestar
from litestar.openapi import ResponseSpec

from tidings.adapters.http.errors import Failure
from tidings.adapters.http.security import endpoints

SAID = {
    400: "Some fields are not as they must be; each is named with its rule.",
    401: "Nobody is signed in, or what was shown is not good.",
    403: "Whoever asks may not do this.",
    404: "There is no such thing in this organisation.",
    409: "Not in this state, or against something that is there already.",
    413: "The body is too large.",
    415: "The body is of a kind that is not taken here.",
    429: "Too often; `Retry-After` says when to come back.",
    500: "A bug of ours; `requestId` finds it in the log.",
    503: "Something that this needs is away; try again.",
}


def describe_refusals(app: Litestar) -> None:
    """Add to every operation the refusals that it can answer with, in their one shape."""
    for method, path, handler in endpoints(app):
        told = {
            status: ResponseSpec(Failure, description=SAID[status], generate_examples=False)
            for status in _refusals(method, path)
        }
        handler.responses = {**told, **(handler.responses or {})}


def _refusals(method: str, path: str) -> Iterator[int]:
    yield 400
    # Who comes with a token that is not good is told so, also where none is needed.
    yield 401
    yield from (403, 404)
    if "{" in path or method != "GET":
        yield 409
    if method != "GET":
        yield from (413, 415)
    yield from (429, 500, 503)
