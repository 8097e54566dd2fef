"""Ways to count to a limit: exact and naive on Redis, and a node's own window without it.

Redis keeps each admission's id longer than any window needs: the backend asks for them, to find drift.
"""

from collections import deque
from collections.abc import Awaitable, Callable
from time import time_ns
from typing import NamedTuple

from redis.asyncio import Redis

from demo.clock import uptime
from demo.subjects.ratelimiter.limits import Algorithm, Limit

KEEP_MS = 45_000
"""How long an id stays in Redis: the 30 s over which drift is told, and some."""

EXACT = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
for _, ident in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], string.format('(%.0f', now), '+inf')) do
  redis.call('ZADD', KEYS[1], string.format('%.0f', now), ident)
end
local used = redis.call('ZCOUNT', KEYS[1], string.format('(%.0f', now - ARGV[2]), '+inf')
if used >= tonumber(ARGV[1]) then return {0, now} end
redis.call('ZADD', KEYS[1], string.format('%.0f', now), ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - ARGV[4] * 1000))
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return {1, now}
"""
"""Read, decide and write in one step of Redis, by its clock: nothing can come in between.

What lies ahead of that clock was written before it was set back: it counts as of now, not for as long as the step was.
"""


class Decision(NamedTuple):
    """`at` is when it was decided, in microseconds of the machine's uptime."""

    admitted: bool
    at: int


Decide = Callable[[Limit, str], Awaitable[Decision]]


def redis_key(key: str) -> str:
    return f"show:limit:{key}"


def algorithms(redis: Redis) -> dict[Algorithm, Decide]:
    """What may be chosen per key. Each takes the limit and an id, unique to this request."""
    script = redis.register_script(EXACT)

    async def exact(limit: Limit, ident: str) -> Decision:
        arguments: list[str | int] = [limit.limit, limit.window_us, ident, KEEP_MS]
        asked = now_us()
        admitted, at = await script(keys=[redis_key(limit.key)], args=arguments)
        return Decision(admitted == 1, _told_at(int(at), asked))

    async def naive(limit: Limit, ident: str) -> Decision:
        """Read, then write: whoever reads in between counts too few."""
        key, now = redis_key(limit.key), now_us()
        used = await redis.zcount(key, f"({now - limit.window_us}", "+inf")
        if used >= limit.limit:
            return Decision(False, now)
        async with redis.pipeline(transaction=False) as pipe:
            pipe.zadd(key, {ident: now})
            pipe.zremrangebyscore(key, "-inf", now - KEEP_MS * 1000)
            pipe.pexpire(key, KEEP_MS)
            await pipe.execute()
        return Decision(True, now)

    return {"exact": exact, "naive": naive}


def _told_at(date_us: int, asked: int) -> int:
    """When Redis told this date: between the question and now, whatever its clock was set to meanwhile."""
    now = now_us()
    return min(now, max(asked, now - (time_ns() // 1000 - date_us)))


class LocalWindows:
    """A node's own sliding windows: the whole limit for itself, blind to what other nodes admit."""

    def __init__(self) -> None:
        self._admitted: dict[str, deque[int]] = {}

    def decide(self, limit: Limit, now: int) -> Decision:
        window = self._admitted.setdefault(limit.key, deque())
        while window and window[0] <= now - limit.window_us:
            window.popleft()
        if len(window) >= limit.limit:
            return Decision(False, now)
        window.append(now)
        return Decision(True, now)


def now_us() -> int:
    """The machine's uptime in microseconds: all processes of the show share it, and nobody sets it."""
    return round(uptime() * 1_000_000)
