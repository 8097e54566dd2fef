"""Counting on Redis with a deadline, and a breaker: a Redis that hangs must not make every request wait."""

import asyncio

from redis.asyncio import Redis
from redis.exceptions import RedisError

from demo.subjects.ratelimiter.algorithms import Decision, algorithms
from demo.subjects.ratelimiter.limits import Limit

PROBE_SEC = 0.25


class SharedCount:
    """`answers` tells whether the newest attempt, of a request or of the probe, got through to Redis."""

    def __init__(self, redis: Redis, probe_key: str, answer_sec: float) -> None:
        self._redis = redis
        self._algorithms = algorithms(redis)
        self._probe_key = probe_key
        self._answer_sec = answer_sec
        self.answers = False

    async def decide(self, limit: Limit, ident: str) -> Decision | None:
        """None when Redis does not answer in time: then nothing of this request stays queued there."""
        if not self.answers:
            return None
        try:
            # A cancelled command closes its socket, and Redis drops what a closed socket had queued.
            async with asyncio.timeout(self._answer_sec):
                return await self._algorithms[limit.algorithm](limit, ident)
        except (RedisError, OSError, TimeoutError):
            self.answers = False
            return None

    async def probe(self) -> bool:
        """With a write: a Redis that holds writes still answers PING."""
        try:
            async with asyncio.timeout(self._answer_sec):
                await self._redis.set(self._probe_key, 1, px=5000)
        except (RedisError, OSError, TimeoutError):
            self.answers = False
        else:
            self.answers = True
        return self.answers

    async def watch(self) -> None:
        """Probe for ever: what opens the breaker again, and what `/health` tells."""
        while True:
            await self.probe()
            await asyncio.sleep(PROBE_SEC)
