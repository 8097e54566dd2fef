"""Algorithms that count to a limit: exact and naive on Redis, and a node's own windows without Redis.

Redis keeps each admission's id longer than any window needs: the backend compares them, to find drift.
"""

from collections import deque
from collections.abc import Awaitable, Callable
from time import time_ns
from typing import NamedTuple

from redis.asyncio import Redis

from demo.clock import uptime
from demo.subjects.ratelimiter.limits import Algorithm, RateLimit

KEEP_MS = 45_000
"""How long an id stays in Redis: the 30 s over which drift is measured, and a margin."""

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
"""Read, decide and write in one atomic step, by Redis's clock.

Entries with a future date were written before that clock was set back. They are given the present date; otherwise they
would occupy the window for as long as the clock was set back.
"""


class Decision(NamedTuple):
    """`at`: when it was decided, in microseconds of the machine's uptime."""

    admitted: bool
    at: int


Decide = Callable[[RateLimit, str], Awaitable[Decision]]


def redis_key(key: str) -> str:
    return f"show:limit:{key}"


def algorithms(redis: Redis) -> dict[Algorithm, Decide]:
    """Return the algorithms that a key can have. Each takes the limit and an id that is unique to this request."""
    script = redis.register_script(EXACT)

    async def exact(limit: RateLimit, ident: str) -> Decision:
        arguments: list[str | int] = [limit.limit, limit.window_us, ident, KEEP_MS]
        asked = now_us()
        admitted, at = await script(keys=[redis_key(limit.key)], args=arguments)
        return Decision(admitted == 1, _decided_at(int(at), asked))

    async def naive(limit: RateLimit, ident: str) -> Decision:
        """Read, then write: a request that reads in between counts too few."""
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


def _decided_at(date_us: int, asked: int) -> int:
    """Return when Redis reported this date, as uptime in microseconds.

    It lies between the request and now, whatever Redis's clock was set to meanwhile.
    """
    now = now_us()
    return min(now, max(asked, now - (time_ns() // 1000 - date_us)))


class LocalWindows:
    """A node's own sliding windows: the node uses the whole limit itself, without knowing what other nodes admit."""

    def __init__(self) -> None:
        self._admitted: dict[str, deque[int]] = {}

    def decide(self, limit: RateLimit, now: int) -> Decision:
        window = self._admitted.setdefault(limit.key, deque())
        while window and window[0] <= now - limit.window_us:
            window.popleft()
        if len(window) >= limit.limit:
            return Decision(False, now)
        window.append(now)
        return Decision(True, now)


def now_us() -> int:
    """Return the machine's uptime in microseconds, which is the same for all processes and never set by anybody."""
    return round(uptime() * 1_000_000)
