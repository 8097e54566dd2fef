"""`BURST_TRAFFIC`: the traffic process sends some keys many times their rate, many requests at once."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from demo.errors import FaultError
from demo.faults.process_kill import SystemRun, ask, is_gone, same_process
from demo.faults.renewal import LATE_SEC, TERM_SEC, Renewal, end_leased
from demo.processes.handle import Current
from demo.types import ChaosConfig, Plan

RECENT_SEC = 3.0
"""In a burst, each time a place in the window falls free can bring new ghosts: seconds lie between."""


class TrafficSource(Protocol):
    """The traffic process, as this fault needs it. Each call raises `FaultError` when it does not answer."""

    async def burst(self, keys: Sequence[str], multiplier: int, seconds: float) -> None:
        """Burst from now for `seconds`; then it ends by itself. 0 ends it now."""

    async def is_bursting(self) -> bool: ...


class BurstTraffic:
    """Bursts `keys` at once; `watched` is the key that should let too many through.

    `traffic` of the system at `home` takes the orders, `current` tells its process.
    """

    def __init__(
        self,
        config: ChaosConfig,
        home: SystemRun,
        traffic: TrafficSource,
        current: Current,
        keys: Sequence[str],
        watched: str,
    ) -> None:
        self.config = config
        self._home = home
        self._traffic = traffic
        self._current = current
        self._keys = tuple(keys)
        self._watched = watched
        self._lease: Renewal | None = None

    @property
    def target(self) -> str:
        return " and ".join(self._keys)

    @property
    def observable(self) -> str:
        return f"ghosts: more than the limit let through on {self._watched}"

    async def plan(self) -> Plan:
        if await self._traffic.is_bursting():
            raise FaultError("the traffic is bursting already")
        handle = await ask(self._current)
        if handle is None:
            raise FaultError("the traffic is not running, so it cannot burst: heal it first")
        return self._home.plan("burst_traffic", self.target, handle, LATE_SEC)

    async def inject(self, plan: Plan) -> None:
        if not await same_process(plan, self._current):
            raise FaultError("the traffic was started anew meanwhile: no burst was sent")
        self._lease = Renewal(self._renew, self.config.duration_sec)
        await self._lease.begin()

    async def _renew(self) -> None:
        await self._traffic.burst(self._keys, self.config.burst_multiplier, TERM_SEC)

    async def heal(self, plan: Plan) -> None:
        lease, self._lease = self._lease, None
        await end_leased(lease, self._home, plan, self._calm)

    async def _calm(self) -> None:
        await self._traffic.burst(self._keys, 1, 0)

    async def is_healed(self, plan: Plan) -> bool:
        if is_gone(plan) or not self._home.is_home_of(plan):
            return True
        try:
            return not await self._traffic.is_bursting()
        except FaultError:
            return False

    def is_seen(self, health: Mapping[str, Any], since: float) -> bool:
        newest = health.get("sampled_at") or since
        return any(
            counter.get("key") == self._watched
            and (counter.get("ghosts") or 0) > 0
            and (counter.get("ghosts_at") or 0) >= max(since, newest - RECENT_SEC)
            for counter in health.get("counters", ())
        )
