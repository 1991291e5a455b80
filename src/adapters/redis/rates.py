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

        async def add(redis: Any) -> list[int]:
            pipeline = redis.pipeline(transaction=False)
            for name, number in news.items():
                key = f"{PREFIX}{minute}:{name}"
                pipeline.incrby(key, number)
                pipeline.expire(key, KEPT_SECONDS)
            answers: list[int] = await pipeline.execute()
            return answers[::2]

        try:
            totals = await self.link.ask(add)
        except NoAnswer:
            return None
        return dict(zip(news, totals, strict=True))
