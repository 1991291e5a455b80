"""Calls that send no message: asked once, answered with a Struct, or refused with a typed error."""

from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import httpx
import msgspec
from msgspec import Raw, Struct

from tidings.adapters.meta.client import Answer, Graph, headers
from tidings.adapters.meta.codes import MINUTE
from tidings.adapters.meta.errors import (
    REGAIN,
    UNREADABLE,
    GraphError,
    read_error,
    read_usage,
    regain_seconds,
    row,
)
from tidings.application.ports.gateway import Verdict
from tidings.application.ports.meta import (
    MetaDenied,
    MetaError,
    MetaRefused,
    MetaThrottled,
    MetaUnavailable,
    NotAtMeta,
)
from tidings.domain.errors import Fault, Refused

T = TypeVar("T")

Params: TypeAlias = Mapping[str, str]

Refusal: TypeAlias = Callable[[GraphError, float | None], Refused]
"""What an error of Meta's is in the words of whoever asked, with the seconds to wait if Meta named them."""

Silence: TypeAlias = Callable[[str], Refused]
"""The same of no readable answer."""


class Success(Struct, frozen=True):
    """Meta's usual answer to a change."""

    success: bool = False


class _Cursors(Struct, frozen=True):
    after: str | None = None


class _Paging(Struct, frozen=True):
    cursors: _Cursors | None = None
    next: str | None = None


class _Page(Struct, frozen=True):
    data: list[Raw]
    paging: _Paging | None = None


def refusal(error: GraphError, retry_after: float | None) -> MetaError:
    """An error of Meta's in the words of `application/ports/meta.py`."""
    kind: type[MetaError] = _KINDS.get(row(error.code, error.subcode).verdict, MetaRefused)
    if (error.code, error.subcode) in _ABSENT:
        kind = NotAtMeta
    elif kind is MetaUnavailable and (retry_after or 0.0) >= MINUTE:
        kind = MetaThrottled
    said = error.details or error.message
    return kind(
        f"Meta refused ({error.code}): {said}",
        *(
            Fault(field=name, rule=f"meta_{error.subcode or error.code}", message=said)
            for name in error.blamed
        ),
        retry_after=retry_after,
        graph_code=error.code,
        subcode=error.subcode,
        details=error.details,
        fbtrace_id=error.fbtrace_id,
    )


_KINDS: dict[Verdict, type[MetaError]] = {
    Verdict.RETRY: MetaUnavailable,
    Verdict.SLOW_DOWN: MetaThrottled,
    Verdict.PAIR_WAIT: MetaThrottled,
    Verdict.RENEW_TOKEN: MetaDenied,
    Verdict.STOP_ACCOUNT: MetaDenied,
}
_BAD_TOKEN = 190
_ABSENT = frozenset({(100, 33), (803, None), (33, None)})


@dataclass(frozen=True, slots=True)
class Calls:
    """A Graph client for one kind of caller."""

    graph: Graph
    refusal: Refusal = refusal
    silence: Silence = MetaUnavailable

    async def get(self, path: str, token: str, type: type[T], params: Params | None = None) -> T:
        return await self.ask(self.request("GET", path, token, params=params), type)

    async def post(self, path: str, token: str, body: object, type: type[T]) -> T:
        return await self.ask(self.request("POST", path, token, body=body), type)

    async def change(self, path: str, token: str, body: object) -> None:
        """A post that is answered with success or refused."""
        await self.succeed(self.request("POST", path, token, body=body))

    async def delete(self, path: str, token: str, params: Params | None = None) -> None:
        await self.succeed(self.request("DELETE", path, token, params=params))

    async def pages(
        self, path: str, token: str, type: type[T], params: Params | None = None
    ) -> AsyncIterator[T]:
        """The items of every page. A page may be short or empty and still have a next one.

        A page that cannot be had, and an item that cannot be read, raise: an end is the end.
        """
        query = {"limit": "100", **(params or {})}
        seen: set[str] = set()
        while True:
            page = await self.get(path, token, _Page, query)
            for item in page.data:
                yield self.decode(item, type)
            after = _after(page.paging)
            if after is None:
                return
            if after in seen:
                raise self.silence("Meta's pages go round in a circle")
            seen.add(after)
            query["after"] = after

    def request(
        self,
        method: str,
        path: str,
        token: str | None,
        *,
        params: Params | None = None,
        body: object = None,
        stream: AsyncIterable[bytes] | None = None,
        more: Params | None = None,
    ) -> httpx.Request:
        """One call with the usual time-outs: a body as JSON or in pieces, and `more` headers.

        Without a token it is the parameters that say who asks.
        """
        try:
            said = dict(headers(token)) if token is not None else {}
        except ValueError as error:
            raise self.refusal(GraphError(code=_BAD_TOKEN, message=str(error)), None) from error
        return httpx.Request(
            method,
            self.graph.address(path, token, params),
            headers=said | dict(more or {}),
            content=stream if stream is not None else None if body is None else msgspec.json.encode(body),
            extensions=self.graph.patient,
        )

    async def ask(self, request: httpx.Request, type: type[T]) -> T:
        return self.decode((await self.exchange(request)).body, type)

    async def succeed(self, request: httpx.Request) -> None:
        if not (await self.ask(request, Success)).success:
            raise self.silence("Meta did not say that it succeeded")

    async def exchange(self, request: httpx.Request) -> Answer:
        """The answer, if it is no error."""
        try:
            answer = await self.graph.exchange(request)
        except (httpx.HTTPError, OSError) as error:
            raise self.silence(f"no answer from Meta: {type(error).__name__}") from error
        self.graph.usage |= read_usage(answer.headers)
        if answer.status < 300:
            return answer
        raise self.failure(answer)

    def failure(self, answer: Answer) -> Refused:
        """What an answer that is no success says."""
        error = read_error(answer.body)
        if error is None:
            return self.silence(f"Meta answered HTTP {answer.status} without a readable error")
        wait = row(error.code, error.subcode).wait
        if error.code in REGAIN:
            wait = regain_seconds(answer.headers) or wait
        return self.refusal(error, wait or None)

    def decode(self, body: bytes | Raw, type: type[T]) -> T:
        try:
            return msgspec.json.decode(body, type=type)
        except UNREADABLE as error:
            raise self.silence(f"Meta's answer could not be read: {error}") from error


def _after(paging: _Paging | None) -> str | None:
    """Where the next page begins, or None on the last one, which may have cursors too."""
    if paging is None or paging.next is None:
        return None
    if paging.cursors is not None and paging.cursors.after:
        return paging.cursors.after
    return httpx.URL(paging.next).params.get("after")
