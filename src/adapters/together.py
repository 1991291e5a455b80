"""Questions of the same moment, asked together: one trip for many costs little more than for one."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeAlias, TypeVar

Q = TypeVar("Q")
A = TypeVar("A")
_Waiting: TypeAlias = "tuple[Q, asyncio.Future[A]]"


class Abandoned(Exception):
    """Whoever was to answer has been stopped."""


@dataclass(slots=True)
class Together(Generic[Q, A]):
    """Whoever asks while others are being answered waits for the next trip, with all who do: what they are
    told was so after they asked."""

    answer: Callable[[Sequence[Q]], Awaitable[Sequence[A | Exception]]]
    """One answer for each question, in their order; an exception among them is for that one alone."""
    most: int
    """Questions in a trip."""
    _waiting: "list[_Waiting[Q, A]]" = field(default_factory=list["_Waiting[Q, A]"])
    _under_way: "asyncio.Task[None] | None" = None

    async def ask(self, question: Q) -> A:
        """Raise what `answer` raises, and Abandoned after `aclose`."""
        answer: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, answer))
        if self._under_way is None or self._under_way.done():
            self._under_way = asyncio.create_task(self._travel())
        return await answer

    async def aclose(self) -> None:
        """Whoever waits is told that nobody will answer."""
        if self._under_way is not None:
            self._under_way.cancel()
            await asyncio.wait([self._under_way])

    async def _travel(self) -> None:
        some: Sequence[_Waiting[Q, A]] = ()
        try:
            while self._waiting:
                some, self._waiting = self._waiting[: self.most], self._waiting[self.most :]
                try:
                    told = await self.answer([question for question, _ in some])
                except Exception as error:
                    told = [error] * len(some)
                for (_, answer), said in zip(some, told, strict=True):
                    _give(answer, said)
        finally:
            for _, answer in [*some, *self._waiting]:
                _give(answer, Abandoned())
            self._waiting = []


def _give(answer: "asyncio.Future[A]", said: A | Exception) -> None:
    if answer.done():
        return
    if isinstance(said, Exception):
        answer.set_exception(said)
    else:
        answer.set_result(said)
