"""tidings without `await`: the same platform, use cases and errors for code that waits for each answer.

    from tidings.blocking import Tidings

    with Tidings.remote("https://tidings.example.org", key) as t:
        me = t.operator()
        t.contacts.add(me, NewContact(phone="+442079460958"))
        for moment in t.reports.watch(me, campaign_id):
            print(moment.totals)

The platform works on a thread of its own for as long as the block lasts, and may be called from any thread.
"""

import inspect
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path
from typing import Any, cast

from anyio.from_thread import BlockingPortal, start_blocking_portal

from tidings.bootstrap.library import Tidings as Waiting

__all__ = ["Tidings"]


class Tidings:
    """The same three modes and the same members as `tidings.Tidings`, whose methods return their answers."""

    @staticmethod
    @contextmanager
    def embedded(folder: str | Path, **settings: Any) -> Generator[Any]:
        """See `tidings.Tidings.embedded`."""
        with _blocking(Waiting.embedded(folder, **settings)) as tidings:
            yield tidings

    @staticmethod
    @contextmanager
    def on_servers(**settings: Any) -> Generator[Any]:
        """See `tidings.Tidings.on_servers`."""
        with _blocking(Waiting.on_servers(**settings)) as tidings:
            yield tidings

    @staticmethod
    @contextmanager
    def remote(url: str, key: str | None = None) -> Generator[Any]:
        """See `tidings.Tidings.remote`."""
        with _blocking(Waiting.remote(url, key)) as tidings:
            yield tidings


@contextmanager
def _blocking(opened: AbstractAsyncContextManager[Waiting]) -> Generator[Any]:
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(opened) as tidings:
        yield _Face(portal, tidings)


class _Face:
    """Something whose methods wait, and whose members are such things."""

    def __init__(self, portal: BlockingPortal, behind: object) -> None:
        self._portal, self._behind = portal, behind

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._behind, name)
        return self._method(found) if callable(found) else _Face(self._portal, found)

    def _method(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*positional: Any, **named: Any) -> Any:
            return self._answer(self._portal.call(_called, method, positional, named))

        return call

    def _answer(self, answer: Any) -> Any:
        if isinstance(answer, tuple):
            return tuple(self._answer(each) for each in cast("tuple[Any, ...]", answer))
        if isinstance(answer, AsyncIterator):
            return self._iterated(cast("AsyncIterator[Any]", answer))
        return answer

    def _iterated(self, moments: AsyncIterator[Any]) -> Iterator[Any]:
        try:
            while True:
                try:
                    yield self._portal.call(anext, moments)
                except StopAsyncIteration:
                    return
        finally:
            close = getattr(moments, "aclose", None)
            if close is not None:
                self._portal.call(close)


async def _called(method: Callable[..., Any], positional: tuple[Any, ...], named: dict[str, Any]) -> Any:
    answer = method(*positional, **named)
    return await answer if inspect.isawaitable(answer) else answer
