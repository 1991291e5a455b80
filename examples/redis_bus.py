"""A message engine of one's own: events travel over Redis in place of the database or RabbitMQ.

    pip install "tidings[testing]"
    python redis_bus.py redis://127.0.0.1:6379/0

A group's events stand in one line. A member takes those whose key nobody has in hand, and says what became
of them; every step is one script, which Redis runs by itself. Whose process died comes back when its lease
ends. Redis must keep what it is given (`appendonly yes`, `appendfsync always`): what it loses is lost, since
only RabbitMQ is told again what it lost. That the engine keeps what a message bus promises is shown by
`tidings.testing.contracts.bus.BusContract` and `BusFailuresContract`, run on it by the tests.
"""

import asyncio
import sys
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from tidings import Tidings
from tidings.adapters.feeding import End, Fate, judged, killer
from tidings.application.pausing import pause
from tidings.application.ports.bus import (
    BusUnavailable,
    DeadLetter,
    Delivery,
    Envelope,
    Handler,
    Lag,
    Subscription,
    shard_of,
)
from tidings.application.teams import NewTeam

LEASE, BEAT, POLL = 1.0, 0.2, 0.02
"""Seconds that a process is taken to live without a word, between two of its words, and between two looks."""

# Of a group, by an event's place in the line: its shard and key (k), itself (e), attempts behind it (a), when
# it comes again (d, milliseconds of the server's clock) and who has it in hand (h). Dead letters have a line,
# too.
PUBLISH = """
local p, heard = ARGV[1], 0
for i = 2, #ARGV, 3 do
  for _, name in ipairs(redis.call('SMEMBERS', p .. ':groups')) do
    local g, hears = p .. ':' .. name, false
    for _, each in ipairs(redis.call('SMEMBERS', g .. ':types')) do
      if each == ARGV[i] or (string.sub(each, -1) == '*'
          and string.sub(ARGV[i], 1, #each - 1) == string.sub(each, 1, -2)) then hears = true end
    end
    if hears then
      local at = redis.call('INCR', p .. ':count')
      redis.call('ZADD', g .. ':line', at, at)
      redis.call('HSET', g .. ':k', at, ARGV[i + 1])
      redis.call('HSET', g .. ':e', at, ARGV[i + 2])
    end
  end
end
"""
TAKE = """
local p, g, me = ARGV[1], ARGV[1] .. ':' .. ARGV[2], ARGV[3]
local limit, ordered, number, of = tonumber(ARGV[4]), ARGV[5] == '1', tonumber(ARGV[7]), tonumber(ARGV[8])
redis.call('SET', p .. ':lives:' .. me, 1, 'PX', ARGV[6])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lives, blocked, found, start = {}, {}, {}, 0
while true do
  local places = redis.call('ZRANGE', g .. ':line', start, start + 499)
  if #places == 0 then return found end
  local keys = redis.call('HMGET', g .. ':k', unpack(places))
  local holders = redis.call('HMGET', g .. ':h', unpack(places))
  for i, at in ipairs(places) do
    local holder = holders[i]
    if holder and lives[holder] == nil then
      lives[holder] = redis.call('EXISTS', p .. ':lives:' .. holder) == 1
    end
    if holder and not lives[holder] then
      redis.call('HDEL', g .. ':h', at)
      redis.call('HINCRBY', g .. ':a', at, 1)
      holder = false
    end
    local attempts = tonumber(redis.call('HGET', g .. ':a', at) or '0')
    local due = tonumber(redis.call('HGET', g .. ':d', at) or '0')
    if holder or due > now or (ordered and blocked[keys[i]]) then
      blocked[keys[i]] = true
    elseif tonumber(string.match(keys[i], '^%d+')) % of ~= number then
      -- Another feeder's of this process.
    elseif attempts >= 3 and #found > 0 then
      return found
    else
      redis.call('HSET', g .. ':h', at, me)
      table.insert(found, {at, attempts, redis.call('HGET', g .. ':e', at)})
      if #found == limit or attempts >= 3 then return found end
    end
  end
  start = start + 500
end
"""
SETTLE = """
local p, g, me = ARGV[1], ARGV[1] .. ':' .. ARGV[2], ARGV[3]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i = 4, #ARGV, 5 do
  local at, ends, attempts, rest, reason = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4]
  -- What has passed to another since is that one's.
  if redis.call('HGET', g .. ':h', at) == me then
    redis.call('HDEL', g .. ':h', at)
    if ends == 'again' then
      redis.call('HSET', g .. ':a', at, attempts)
      redis.call('HSET', g .. ':d', at, now + rest)
    elseif ends ~= 'held' then
      if ends == 'dead' then
        local letter = {redis.call('HGET', g .. ':k', at), attempts, reason}
        redis.call('RPUSH', g .. ':dead', cmsgpack.pack(letter))
        redis.call('RPUSH', g .. ':dead:e', redis.call('HGET', g .. ':e', at))
      end
      redis.call('ZREM', g .. ':line', at)
      for _, part in ipairs({'k', 'e', 'a', 'd'}) do redis.call('HDEL', g .. ':' .. part, at) end
    end
  end
end
"""
REDRIVE = """
local p, g, first = ARGV[1], ARGV[1] .. ':' .. ARGV[2], ARGV[3]
local told, event = redis.call('LINDEX', g .. ':dead', first), redis.call('LINDEX', g .. ':dead:e', first)
if not event or event ~= ARGV[4] then return 0 end
for _, line in ipairs({g .. ':dead', g .. ':dead:e'}) do
  redis.call('LSET', line, first, '')
  redis.call('LREM', line, 1, '')
end
local at = redis.call('INCR', p .. ':count')
redis.call('ZADD', g .. ':line', at, at)
redis.call('HSET', g .. ':k', at, cmsgpack.unpack(told)[1])
redis.call('HSET', g .. ':e', at, event)
return 1
"""
HOLD = """
local name = ARGV[1] .. ':holds:' .. ARGV[2]
local holder = redis.call('GET', name)
if holder and holder ~= ARGV[3] then return 0 end
redis.call('SET', name, ARGV[3], 'PX', ARGV[4])
return 1
"""


@asynccontextmanager
async def _answered(seconds: float = 5.0) -> AsyncGenerator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except (RedisError, OSError, TimeoutError) as error:
        raise BusUnavailable(f"Redis does not answer: {error}") from error


async def ended(tasks: "Collection[asyncio.Task[None]]") -> None:
    """Cancel them until they are over: a client that reconnects may swallow a cancellation."""
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=BEAT)


@dataclass(eq=False)
class RedisBus:
    """The MessageBus port, as one process has it."""

    url: str
    me: str
    """Of this process alone."""
    prefix: str = "tidings"
    consumers: "list[RedisConsumer]" = field(default_factory=list["RedisConsumer"])
    held: set[str] = field(default_factory=set[str])
    keeper: "asyncio.Task[None] | None" = None

    def __post_init__(self) -> None:
        self.redis: Any = Redis.from_url(self.url)
        texts = {"publish": PUBLISH, "take": TAKE, "settle": SETTLE, "redrive": REDRIVE, "hold": HOLD}
        self.scripts = {name: self.redis.register_script(text) for name, text in texts.items()}

    async def run(self, script: str, *given: Any, seconds: float = 5.0) -> Any:
        """Raise BusUnavailable."""
        async with _answered(seconds):
            return await self.scripts[script](args=[self.prefix, *given])

    async def declare(self, subscription: Subscription) -> None:
        name = subscription.group
        async with _answered(), self.redis.pipeline(transaction=True) as together:
            together.delete(f"{self.prefix}:{name}:types")
            together.sadd(f"{self.prefix}:{name}:types", *subscription.types)
            together.sadd(f"{self.prefix}:groups", name)
            await together.execute()

    async def publish(self, batch: Sequence[Envelope], *, timeout: float = 5.0) -> None:
        given = [
            part
            for each in batch
            for part in (each.type, f"{shard_of(each.key)} {each.key}", msgspec.msgpack.encode(each))
        ]
        await self.run("publish", *given, seconds=timeout)
        for consumer in self.consumers:
            consumer.news.set()

    async def subscribe(self, subscription: Subscription, handler: Handler) -> "RedisConsumer":
        await self.declare(subscription)
        self._keep()
        consumer = RedisConsumer(self, subscription, handler)
        consumer.tasks = [asyncio.create_task(consumer.feed(n)) for n in range(subscription.parallel)]
        self.consumers.append(consumer)
        return consumer

    async def dead_letters(self, group: str, *, limit: int = 100) -> Sequence[DeadLetter]:
        line = f"{self.prefix}:{group}:dead"
        async with _answered():
            told = await self.redis.lrange(line, 0, limit - 1)
            events = await self.redis.lrange(f"{line}:e", 0, limit - 1)
        found: list[DeadLetter] = []
        for one, event in zip(told, events, strict=False):
            _, attempts, reason = msgspec.msgpack.decode(one)
            envelope = msgspec.msgpack.decode(event, type=Envelope)
            found.append(
                DeadLetter(group=group, envelope=envelope, attempts=int(attempts), reason=str(reason))
            )
        return found

    async def redrive(self, group: str, ids: Sequence[UUID]) -> int:
        count, first = 0, 0
        for letter in await self.dead_letters(group, limit=10_000):
            driven = 0
            if letter.envelope.id in ids:
                event = msgspec.msgpack.encode(letter.envelope)
                driven = await self.run("redrive", group, first, event)
            count, first = count + driven, first + 1 - driven
        return count

    async def lag(self, group: str) -> Lag:
        g = f"{self.prefix}:{group}"
        async with _answered():
            total, holders = await self.redis.zcard(f"{g}:line"), await self.redis.hvals(f"{g}:h")
            dead = await self.redis.llen(f"{g}:dead")
        mine = sum(each.decode() == self.me for each in holders)
        return Lag(ready=max(total - len(holders), 0), in_flight=mine, oldest_age=None, dead=dead)

    async def hold(self, name: str) -> bool:
        self._keep()
        ours = bool(await self.run("hold", name, self.me, int(LEASE * 1000)))
        (self.held.add if ours else self.held.discard)(name)
        return ours

    async def close(self, drain: float = 5.0) -> None:
        await asyncio.gather(*(each.close(drain) for each in self.consumers))
        self.consumers.clear()
        if self.keeper is not None:
            await ended([self.keeper])
            self.keeper = None
        with suppress(BusUnavailable):
            async with _answered(1.0):
                names = [f"{self.prefix}:holds:{name}" for name in self.held]
                await self.redis.delete(f"{self.prefix}:lives:{self.me}", *names)
        self.held.clear()
        await self.redis.aclose()

    def _keep(self) -> None:
        if self.keeper is None:
            self.keeper = asyncio.create_task(self._renew())

    async def _renew(self) -> None:
        """Say that we live, and keep the names that are ours."""
        while True:
            with suppress(BusUnavailable):
                async with _answered(LEASE):
                    await self.redis.set(f"{self.prefix}:lives:{self.me}", 1, px=int(LEASE * 1000))
                for name in list(self.held):
                    await self.hold(name)
            await asyncio.sleep(BEAT)


@dataclass(eq=False)
class RedisConsumer:
    """The Consumer port."""

    bus: RedisBus
    subscription: Subscription
    handler: Handler
    stopping: bool = False
    news: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: "list[asyncio.Task[None]]" = field(default_factory=list["asyncio.Task[None]"])
    in_hand: set[bytes] = field(default_factory=set[bytes])

    async def feed(self, number: int) -> None:
        """Deal with one batch after the other, of the keys that fall to this number."""
        while not self.stopping:
            self.news.clear()
            try:
                taken = await self._take(number)
            except BusUnavailable:
                taken = []
            if not taken:
                await pause(self.news, POLL)
                continue
            deliveries = [
                Delivery(envelope=msgspec.msgpack.decode(event, type=Envelope), attempt=attempts + 1)
                for _, attempts, event in taken
            ]
            given_up = killer(self.subscription, deliveries)
            fates = [given_up] if given_up else await judged(self.subscription, self.handler, deliveries)
            await self._settle([at for at, _, _ in taken], fates)

    async def close(self, drain: float) -> None:
        """What is not finished in time comes again, as another attempt."""
        self.stopping = True
        self.news.set()
        if self.tasks:
            _, late = await asyncio.wait(self.tasks, timeout=drain)
            await ended(late)
        if self.in_hand:
            with suppress(BusUnavailable):
                await self._tell(list(self.in_hand), [Fate(End.AGAIN, 1)] * len(self.in_hand))

    async def _take(self, number: int) -> list[tuple[bytes, int, bytes]]:
        ordered, lease = int(self.subscription.ordered), int(LEASE * 1000)
        how = (self.subscription.group, self.bus.me, self.subscription.batch, ordered, lease)
        taken = await self.bus.run("take", *how, number, self.subscription.parallel)
        self.in_hand |= {at for at, _, _ in taken}
        return taken

    async def _settle(self, places: Sequence[bytes], fates: Sequence[Fate]) -> None:
        """However long Redis is away: until then nobody else has them, unless our lease ends."""
        while True:
            try:
                return await self._tell(places, fates)
            except BusUnavailable:
                await asyncio.sleep(BEAT)

    async def _tell(self, places: Sequence[bytes], fates: Sequence[Fate]) -> None:
        told = [
            part
            for at, fate in zip(places, fates, strict=True)
            for part in (at, fate.end.value, fate.attempts, int(fate.pause * 1000), fate.reason)
        ]
        await self.bus.run("settle", self.subscription.group, self.bus.me, *told)
        self.in_hand.difference_update(places)


async def main(url: str, folder: Path, prefix: str = "tidings") -> str:
    """tidings whose events go over Redis; the id of a team whose end was told over it."""

    def bus(container: Any) -> RedisBus:
        return RedisBus(url, container.new_id()().hex, prefix)

    async with Tidings.embedded(folder, instead={"bus": bus}) as t:
        me = await t.sign_up("Rowan", "rowan@example.org", "a long pass phrase")
        team = await t.teams.add(me, NewTeam(name="Front desk"))
        print(f"{team.name} is there, and events go over Redis: {team.id}")
        return team.id.hex


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path("data")))
