"""The three faults of this system, each on its named target."""

import asyncio
from collections.abc import Sequence

import aiohttp

from demo.chaos.child import birth_of
from demo.chaos.process import ProcessKill
from demo.chaos.redis import RedisPause
from demo.chaos.traffic import BurstTraffic
from demo.errors import FaultError
from demo.health.http import HttpProbe
from demo.subjects.ratelimiter.limits import EXACT_KEY, NAIVE_KEY
from demo.subjects.ratelimiter.system import System
from demo.subjects.ratelimiter.wire import TOKEN_HEADER
from demo.types import ChaosConfig, ChaosType, FaultDriver

KILL = ChaosConfig("kill-node", ChaosType.CONTAINER_KILL, "Kill a node", 5.0)
BURST = ChaosConfig("burst", ChaosType.BURST_TRAFFIC, "Burst on both pay keys", 8.0, burst_multiplier=20)
PAUSE = ChaosConfig("pause-redis", ChaosType.REDIS_PAUSE, "Freeze writes to Redis", 8.0)

ANSWER_SEC = 2.0


def faults(system: System) -> tuple[FaultDriver, ...]:
    redis = system.redis
    return (
        ProcessKill(KILL, system.nodes[1], system.show),
        BurstTraffic(BURST, TrafficOrders(system), (NAIVE_KEY, EXACT_KEY), watched=NAIVE_KEY),
        RedisPause(PAUSE, system.show, system.connect, lambda: redis.child.pid if redis.child else None),
    )


class TrafficOrders:
    """How the burst reaches the traffic process."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._headers = {TOKEN_HEADER: system.token}

    @property
    def run_id(self) -> str | None:
        child = self._system.traffic.child
        born = birth_of(child.pid) if child is not None and child.pid is not None else None
        return f"{self._system.show}:{child.pid}:{born}" if child is not None and born is not None else None

    async def burst(self, keys: Sequence[str], multiplier: int, seconds: float) -> None:
        order = {"keys": list(keys), "multiplier": multiplier, "seconds": seconds}
        url = f"{self._system.url(self._system.traffic.port)}/burst"
        try:
            async with (
                asyncio.timeout(ANSWER_SEC),
                self._system.session().post(url, json=order, headers=self._headers) as answer,
            ):
                status = answer.status
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise FaultError("the traffic process does not answer: heal it first") from error
        if status != 200:
            raise FaultError(f"the traffic process refused the burst with status {status}")

    async def is_bursting(self) -> bool:
        traffic = self._system.traffic
        reading = await HttpProbe(
            self._system.session, f"{self._system.url(traffic.port)}/health", self._headers, ANSWER_SEC
        ).look()
        if not reading.ok:
            raise FaultError(f"the traffic process: {reading.trouble}")
        return bool(reading.data.get("bursting"))
