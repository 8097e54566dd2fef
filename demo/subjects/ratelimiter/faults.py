"""The three faults of this system, each with its own target; a kill may name another node."""

from collections.abc import Sequence
from typing import Any

from demo.errors import FaultError
from demo.faults.process_kill import ProcessKill
from demo.faults.redis_pause import RedisPause
from demo.faults.traffic_burst import BurstTraffic
from demo.subjects.ratelimiter.limiter_system import LimiterSystem
from demo.subjects.ratelimiter.limits import EXACT_KEY, NAIVE_KEY
from demo.types import ChaosConfig, ChaosType, FaultDriver

KILL = ChaosConfig("kill-node", ChaosType.CONTAINER_KILL, "Kill a node", 5.0)
BURST = ChaosConfig("burst", ChaosType.BURST_TRAFFIC, "Burst on both pay keys", 8.0, burst_multiplier=20)
PAUSE = ChaosConfig("pause-redis", ChaosType.REDIS_PAUSE, "Freeze writes to Redis", 8.0)

ANSWER_SEC = 2.0


def faults(system: LimiterSystem[Any]) -> tuple[FaultDriver, ...]:
    home, traffic, keys = system.system_run, TrafficOrders(system), (NAIVE_KEY, EXACT_KEY)
    return (
        ProcessKill(KILL, system.nodes[1], home, system.nodes),
        BurstTraffic(BURST, home, traffic, system.traffic.current, keys, watched=NAIVE_KEY),
        RedisPause(PAUSE, home, system.connections.connect, system.redis.current),
    )


class TrafficOrders:
    """The `TrafficSource` that sends a burst's commands to the traffic process."""

    def __init__(self, system: LimiterSystem[Any]) -> None:
        self._connections = system.connections
        self._part = system.traffic.id

    async def burst(self, keys: Sequence[str], multiplier: int, seconds: float) -> None:
        order = {"keys": list(keys), "multiplier": multiplier, "seconds": seconds}
        reading = await self._connections.probe(self._part, "burst", ANSWER_SEC, order).read()
        if not reading.ok:
            raise FaultError(f"the traffic process does not accept the burst ({reading.trouble}): heal it first")

    async def is_bursting(self) -> bool:
        reading = await self._connections.probe(self._part, within_sec=ANSWER_SEC).read()
        if not reading.ok:
            raise FaultError(f"the traffic process: {reading.trouble}")
        return bool(reading.data.get("bursting"))
