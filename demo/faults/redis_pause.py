"""`REDIS_PAUSE`: Redis delays all writes, while PING and reads still answer."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from demo.errors import FaultError
from demo.faults.process_kill import SystemRun, current_process, has_target_terminated, same_process
from demo.faults.renewal import LATE_SEC, TERM_SEC, Renewal, heal_leased
from demo.processes.handle import Current
from demo.types import ChaosConfig, Plan

ANSWER_SEC = 2.0
WRITE_SEC = 0.5
PROBE_KEY = "show:probe:heal"
RECENT_SEC = 1.0
"""Drift grows with every request while Redis is paused, so after a second without new drift the pause is over."""


class RedisPause:
    """Sends `CLIENT PAUSE … WRITE` with a short expiry, and renews it while the fault lasts.

    `connect` opens a client of the target that does not retry by itself, given its timeout in seconds; `current`
    returns the target's process.
    """

    def __init__(
        self,
        config: ChaosConfig,
        home: SystemRun,
        connect: Callable[[float], "Redis"],
        current: Current,
    ) -> None:
        self.config = config
        self._system_run = home
        self._connect = connect
        self._current = current
        self._lease: Renewal | None = None

    @property
    def target(self) -> str:
        return "redis"

    @property
    def observable(self) -> str:
        return "drift: admissions that Redis does not know of"

    async def plan(self) -> Plan:
        # A Redis that is paused already would be unpaused by our heal, and nobody could see our own effect.
        if not await self._accepts_writes(ANSWER_SEC):
            raise FaultError("redis does not accept writes now, so pausing it would show nothing: heal it first")
        handle = await current_process(self._current)
        if handle is None:
            raise FaultError("redis is not running, so it cannot be paused: heal it first")
        return self._system_run.plan("redis_pause", self.target, handle, LATE_SEC)

    async def inject(self, plan: Plan) -> None:
        if not await same_process(plan, self._current):
            raise FaultError("redis was restarted meanwhile: nothing was paused")
        self._lease = Renewal(self._pause, plan.duration_sec or self.config.duration_sec)
        await self._lease.begin()

    async def _pause(self) -> None:
        # all=False pauses writes only: PING and reads must go on answering.
        await self._send_command("PAUSE", lambda client: client.client_pause(int(TERM_SEC * 1000), all=False))

    async def heal(self, plan: Plan) -> None:
        lease, self._lease = self._lease, None
        await heal_leased(lease, self._system_run, plan, self._unpause)

    async def _unpause(self) -> None:
        await self._send_command("UNPAUSE", lambda client: client.client_unpause())

    async def is_healed(self, plan: Plan) -> bool:
        # Checked with a write: PING and reads answer during a pause too.
        return has_target_terminated(plan) or not self._system_run.owns(plan) or await self._accepts_writes(WRITE_SEC)

    def is_seen(self, health: Mapping[str, Any], since: float) -> bool:
        return any(
            (counter.get("drift") or 0) > 0 and (counter.get("drift_at") or 0) >= max(since, newest - RECENT_SEC)
            for newest in [health.get("sampled_at") or since]
            for counter in health.get("counters", ())
        )

    async def _accepts_writes(self, within_sec: float) -> bool:
        try:
            async with asyncio.timeout(within_sec), self._client(within_sec) as client:
                await client.set(PROBE_KEY, 1, px=1000)
        except (RedisError, OSError, TimeoutError):
            return False
        return True

    async def _send_command(self, word: str, command: Callable[["Redis"], Awaitable[object]]) -> None:
        try:
            async with asyncio.timeout(ANSWER_SEC), self._client(ANSWER_SEC) as client:
                await command(client)
        except (RedisError, OSError, TimeoutError) as error:
            raise FaultError(f"redis did not accept CLIENT {word}: {str(error) or 'no answer'}") from error

    @asynccontextmanager
    async def _client(self, answer_sec: float) -> AsyncIterator["Redis"]:
        client = self._connect(answer_sec)
        try:
            yield client
        finally:
            await client.aclose()
