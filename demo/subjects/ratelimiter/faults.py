"""The three faults of this system, each on its named target."""

import asyncio
from collections.abc import Sequence
from typing import Any

import aiohttp

from demo.chaos.process import ProcessKill
from demo.chaos.redis import RedisPause
from demo.chaos.traffic import BurstTraffic
from demo.errors import FaultError
from demo.health.http import HttpProbe
from demo.subjects.parts.wire import TOKEN_HEADER
from demo.subjects.ratelimiter.limits import EXACT_KEY, NAIVE_KEY
from demo.subjects.ratelimiter.target import Target
from demo.types import ChaosConfig, ChaosType, FaultDriver

KILL = ChaosConfig("kill-node", ChaosType.CONTAINER_KILL, "Kill a node", 5.0)
BURST = ChaosConfig("burst", ChaosType.BURST_TRAFFIC, "Burst on both pay keys", 8.0, burst_multiplier=20)
PAUSE = ChaosConfig("pause-redis", ChaosType.REDIS_PAUSE, "Freeze writes to Redis", 8.0)

ANSWER_SEC = 2.0


def faults(system: Target[Any]) -> tuple[FaultDriver, ...]:
    home, traffic, keys = system.home, TrafficOrders(system), (NAIVE_KEY, EXACT_KEY)
    return (
        ProcessKill(KILL, system.nodes[1], home),
        BurstTraffic(BURST, home, traffic, system.traffic.current, keys, watched=NAIVE_KEY),
        RedisPause(PAUSE, home, system.lines.connect, system.redis.current),
    )


class TrafficOrders:
    """How the burst reaches the traffic process."""

    def __init__(self, system: Target[Any]) -> None:
        self._lines = system.lines
        self._url = system.lines.url(system.traffic.port)
        self._headers = {TOKEN_HEADER: system.token}

    async def burst(self, keys: Sequence[str], multiplier: int, seconds: float) -> None:
        order = {"keys": list(keys), "multiplier": multiplier, "seconds": seconds}
        try:
            async with (
                asyncio.timeout(ANSWER_SEC),
                self._lines.session().post(f"{self._url}/burst", json=order, headers=self._headers) as answer,
            ):
                status = answer.status
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise FaultError("the traffic process does not answer: heal it first") from error
        if status != 200:
            raise FaultError(f"the traffic process refused the burst with status {status}")

    async def is_bursting(self) -> bool:
        reading = await HttpProbe(self._lines.session, f"{self._url}/health", self._headers, ANSWER_SEC).look()
        if not reading.ok:
            raise FaultError(f"the traffic process: {reading.trouble}")
        return bool(reading.data.get("bursting"))
