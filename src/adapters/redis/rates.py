"""Counts of requests that all processes add up."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tidings.adapters.redis.link import Link, NoAnswer

PREFIX = "tidings:rate:"
KEPT_SECONDS = 180
"""A minute, and what clocks may differ."""


@dataclass(frozen=True, slots=True)
class RedisCounts:
    """One round trip for everything that one process has to tell."""

    link: Link

    async def __call__(self, minute: int, news: Mapping[str, int]) -> Mapping[str, int] | None:
        """The totals of these names now; None when Redis has no answer."""

        def add(line: Any) -> None:
            for name, number in news.items():
                key = f"{PREFIX}{minute}:{name}"
                line.incrby(key, number)
                line.expire(key, KEPT_SECONDS)

        answers: list[int]
        try:
            answers = await self.link.ask(add)
        except NoAnswer:
            return None
        return dict(zip(news, answers[::2], strict=True))
