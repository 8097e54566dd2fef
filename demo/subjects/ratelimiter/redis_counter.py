"""Counting on Redis with a timeout and a circuit breaker: a Redis that hangs must not delay every request."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from redis.asyncio import Redis
from redis.exceptions import RedisError

from demo.subjects.ratelimiter.algorithms import Decision, algorithms
from demo.subjects.ratelimiter.limits import RateLimit

T = TypeVar("T")

PROBE_SEC = 0.25
TURNS = 5
"""The timeout is divided into so many slices; between them the event loop reads what Redis has sent."""

CAP = 4
"""No request waits longer than so many timeouts."""


class RedisCounter:
    """`answers` tells whether the newest attempt, by a request or the probe, got through to Redis.

    Redis counts as silent if it has answered no write for `answer_sec`. A node that is slow itself, because of many
    requests on a busy machine, must not mistake that for a silent Redis and count alone.
    """

    def __init__(self, redis: Redis, probe_key: str, answer_sec: float) -> None:
        self._redis = redis
        self._algorithms = algorithms(redis)
        self._probe_key = probe_key
        self._answer_sec = answer_sec
        self._writes = 0
        self.answers = False

    async def decide(self, limit: RateLimit, ident: str) -> Decision | None:
        """Count on Redis; None when it does not answer in time: then nothing of this request remains queued there."""
        if not self.answers:
            return None
        try:
            decision = await self._run_with_timeout(self._algorithms[limit.algorithm](limit, ident))
        except (RedisError, OSError, TimeoutError):
            self.answers = False
            return None
        # The naive algorithm only reads when it refuses, and a paused Redis answers reads: that proves nothing.
        self._writes += decision.admitted or limit.algorithm == "exact"
        return decision

    async def probe(self) -> bool:
        """Return whether Redis answers a write; while it delays writes, it would still answer PING."""
        try:
            await self._run_with_timeout(self._redis.set(self._probe_key, 1, px=5000))
        except (RedisError, OSError, TimeoutError):
            self.answers = False
        else:
            self._writes += 1
            self.answers = True
        return self.answers

    async def watch(self) -> None:
        """Probe for ever: that closes the breaker again, and keeps `/health` up to date."""
        while True:
            await self.probe()
            await asyncio.sleep(PROBE_SEC)

    async def _run_with_timeout(self, command: Awaitable[T]) -> T:
        """Run a command with the timeout. Raises `TimeoutError`.

        A cancelled command closes its socket, and Redis drops what a closed socket had queued.
        """
        waiting = asyncio.ensure_future(command)
        slices_left, writes = TURNS, self._writes
        try:
            for _ in range(TURNS * CAP):
                await asyncio.wait({waiting}, timeout=self._answer_sec / TURNS)
                if waiting.done():
                    return waiting.result()
                slices_left = TURNS if writes != self._writes else slices_left - 1
                writes = self._writes
                if slices_left <= 0:
                    break
            raise TimeoutError
        finally:
            if not waiting.done():
                waiting.cancel()
                await asyncio.gather(waiting, return_exceptions=True)
