"""Counting on Redis with a deadline, and a breaker: a Redis that hangs must not make every request wait."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from redis.asyncio import Redis
from redis.exceptions import RedisError

from demo.subjects.ratelimiter.algorithms import Decision, algorithms
from demo.subjects.ratelimiter.limits import Limit

T = TypeVar("T")

PROBE_SEC = 0.25
TURNS = 5
"""The deadline is waited for in so many turns, each of which reads what Redis has sent meanwhile."""

CAP = 4
"""No request waits longer than so many deadlines."""


class RedisCounter:
    """`answers` tells whether the newest attempt, of a request or of the probe, got through to Redis.

    Redis counts as silent when it answered no write for `answer_sec`. A node that is itself slow, with
    a crowd of requests on a busy machine, must not take that for Redis's silence and count alone.
    """

    def __init__(self, redis: Redis, probe_key: str, answer_sec: float) -> None:
        self._redis = redis
        self._algorithms = algorithms(redis)
        self._probe_key = probe_key
        self._answer_sec = answer_sec
        self._writes = 0
        self.answers = False

    async def decide(self, limit: Limit, ident: str) -> Decision | None:
        """None when Redis does not answer in time: then nothing of this request stays queued there."""
        if not self.answers:
            return None
        try:
            decision = await self._in_time(self._algorithms[limit.algorithm](limit, ident))
        except (RedisError, OSError, TimeoutError):
            self.answers = False
            return None
        # The naive way only reads when it refuses, and reads pass while Redis holds writes.
        self._writes += decision.admitted or limit.algorithm == "exact"
        return decision

    async def probe(self) -> bool:
        """With a write: a Redis that holds writes still answers PING."""
        try:
            await self._in_time(self._redis.set(self._probe_key, 1, px=5000))
        except (RedisError, OSError, TimeoutError):
            self.answers = False
        else:
            self._writes += 1
            self.answers = True
        return self.answers

    async def watch(self) -> None:
        """Probe for ever: what opens the breaker again, and what `/health` tells."""
        while True:
            await self.probe()
            await asyncio.sleep(PROBE_SEC)

    async def _in_time(self, command: Awaitable[T]) -> T:
        """A cancelled command closes its socket, and Redis drops what a closed socket had queued."""
        waiting = asyncio.ensure_future(command)
        left, writes = TURNS, self._writes
        try:
            for _ in range(TURNS * CAP):
                await asyncio.wait({waiting}, timeout=self._answer_sec / TURNS)
                if waiting.done():
                    return waiting.result()
                left = TURNS if writes != self._writes else left - 1
                writes = self._writes
                if left <= 0:
                    break
            raise TimeoutError
        finally:
            if not waiting.done():
                waiting.cancel()
                await asyncio.gather(waiting, return_exceptions=True)
