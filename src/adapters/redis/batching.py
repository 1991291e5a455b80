"""Commands that are asked for at the same moment go to Redis together: one costs almost as much as twenty."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from tidings.adapters.redis.link import Link, NoAnswer

MOST = 64
"""Commands sent at once."""
Command: TypeAlias = Callable[[Any], Any]
Waiting: TypeAlias = "tuple[Command, asyncio.Future[Any]]"


@dataclass(slots=True)
class Batches:
    """Whoever asks while commands are on their way waits for the next ones, with all others who do."""

    link: Link
    _waiting: "list[Waiting]" = field(default_factory=list[Any])
    _under_way: "asyncio.Task[None] | None" = None

    async def ask(self, command: Command) -> Any:
        """What Redis says to a command that is put on the pipeline it is given. Raise NoAnswer."""
        answer = asyncio.get_running_loop().create_future()
        self._waiting.append((command, answer))
        if self._under_way is None or self._under_way.done():
            self._under_way = asyncio.create_task(self._run())
        return await answer

    async def _run(self) -> None:
        while self._waiting:
            some, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            try:
                answers = await self._asked([command for command, _ in some])
            except NoAnswer as error:
                _refuse(some, error)
            except BaseException as error:
                # Whoever waits must not wait for ever, whatever it was that went wrong.
                some, self._waiting = [*some, *self._waiting], []
                _refuse(some, NoAnswer(str(error)))
                raise
            else:
                for (_, answer), said in zip(some, answers, strict=True):
                    if not answer.done():
                        answer.set_result(said)

    async def _asked(self, commands: Sequence[Command]) -> list[Any]:
        async def together(redis: Any) -> list[Any]:
            async with redis.pipeline(transaction=False) as line:
                for command in commands:
                    command(line)
                return await line.execute()

        return await self.link.ask(together)


def _refuse(waiting: Sequence[Waiting], error: NoAnswer) -> None:
    for _, answer in waiting:
        if not answer.done():
            answer.set_exception(error)
