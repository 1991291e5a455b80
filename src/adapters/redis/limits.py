"""Budgets of tries that all processes share; while Redis is gone, each process keeps its own."""

from dataclasses import dataclass

from tidings.adapters.redis.link import Link, NoAnswer
from tidings.application.ports.users import Limiter
from tidings.domain.users import Budget

PREFIX = "tidings:budget:"
SPEND = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local interval, seconds = tonumber(ARGV[1]), tonumber(ARGV[2])
local free_at = tonumber(redis.call('GET', KEYS[1]) or 0)
local after = math.max(free_at, now) + interval
local early = after - now - seconds
if early > 0.000001 then return tostring(early) end
redis.call('SET', KEYS[1], string.format('%.6f', after), 'PX', math.ceil((after - now) * 1000) + 1000)
return false
"""
"""`Budget.spend` where all processes meet: one step of Redis, by its own clock."""
GIVE_BACK = """
local free_at = redis.call('GET', KEYS[1])
if free_at then
  redis.call('SET', KEYS[1], string.format('%.6f', free_at - tonumber(ARGV[1])), 'KEEPTTL')
end
return false
"""


@dataclass(frozen=True, slots=True)
class RedisLimiter:
    """The Limiter port."""

    link: Link
    local: Limiter
    """Asked instead when Redis has no answer."""

    async def spend(self, budget: Budget, key: str) -> float | None:
        arguments = (repr(budget.interval), repr(budget.seconds))
        try:
            wait = await self._run(SPEND, budget, key, *arguments)
        except NoAnswer:
            return await self.local.spend(budget, key)
        return None if wait is None else float(wait)

    async def give_back(self, budget: Budget, key: str) -> None:
        try:
            await self._run(GIVE_BACK, budget, key, repr(budget.interval))
        except NoAnswer:
            await self.local.give_back(budget, key)

    async def _run(self, script: str, budget: Budget, key: str, *arguments: str) -> bytes | None:
        name = f"{PREFIX}{budget.name}|{key}"
        answer: bytes | None
        [answer] = await self.link.ask(lambda line: line.eval(script, 1, name, *arguments))
        return answer
