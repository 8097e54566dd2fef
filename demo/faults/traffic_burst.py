"""`BURST_TRAFFIC`: the traffic process sends some keys at many times their rate, many requests at once."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from demo.errors import FaultError
from demo.faults.process_kill import SystemRun, current_process, has_target_terminated, same_process
from demo.faults.renewal import LATE_SEC, TERM_SEC, Renewal, heal_leased
from demo.processes.handle import Current
from demo.types import ChaosConfig, Plan

RECENT_SEC = 3.0
"""During a burst new ghosts appear only when the limiter's window frees a slot, which can take seconds."""


class TrafficSource(Protocol):
    """The traffic process, as this fault needs it. Each method raises `FaultError` when it does not answer."""

    async def burst(self, keys: Sequence[str], multiplier: int, seconds: float) -> None:
        """Send `keys` at `multiplier` times their rate for `seconds` from now; 0 seconds end a burst at once."""

    async def is_bursting(self) -> bool: ...


class BurstTraffic:
    """Bursts all of `keys`; `watched` is the one of them that is expected to exceed its limit.

    `traffic` executes the burst in the system run `home`; `current` returns the traffic's process.
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
        self._system_run = home
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
        return f"ghosts: requests above the limit let through on {self._watched}"

    async def plan(self) -> Plan:
        # A second burst would be ended by the heal of the first.
        if await self._traffic.is_bursting():
            raise FaultError("a traffic burst is already running")
        handle = await current_process(self._current)
        if handle is None:
            raise FaultError("the traffic process is not running, so no burst can be sent: heal it first")
        return self._system_run.plan("burst_traffic", self.target, handle, LATE_SEC)

    async def inject(self, plan: Plan) -> None:
        if not await same_process(plan, self._current):
            raise FaultError("the traffic process was restarted meanwhile: no burst was sent")
        self._lease = Renewal(self._renew, plan.duration_sec or self.config.duration_sec)
        await self._lease.begin()

    async def _renew(self) -> None:
        # For one term only: if this process crashes, the burst ends by itself.
        await self._traffic.burst(self._keys, self.config.burst_multiplier, TERM_SEC)

    async def heal(self, plan: Plan) -> None:
        lease, self._lease = self._lease, None
        await heal_leased(lease, self._system_run, plan, self._end_burst)

    async def _end_burst(self) -> None:
        await self._traffic.burst(self._keys, 1, 0)

    async def is_healed(self, plan: Plan) -> bool:
        if has_target_terminated(plan) or not self._system_run.owns(plan):
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
