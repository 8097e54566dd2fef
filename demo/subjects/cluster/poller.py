"""The poller of a cluster: every member is probed at its own interval, and a sample is built twice a second."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from demo.clock import CLOCK
from demo.container_engine.event_watch import EngineWatch
from demo.probes.periodic import Pulse

INTERVAL_SEC = 0.5

Picture = Callable[[float], dict[str, Any]]
"""Builds the health sample as of a moment, without its time stamps; must not wait for anything."""


class ClusterPoller:
    """Publishes a sample every INTERVAL_SEC, and at once when a node's state or the leader has changed.

    A sample consists of the newest readings; a node whose reading is older than `cards.OLD_SEC` is not shown as up.
    """

    def __init__(self, picture: Picture) -> None:
        self._picture = picture
        self._watchers: list[Callable[[], Coroutine[Any, Any, None]]] = []
        self._stopped = asyncio.Event()
        self._changed = asyncio.Event()
        self._health: dict[str, Any] | None = None
        self._tell_change: Callable[[], None] = lambda: None
        self.cost_sec = 0.0
        """How long it took to build the newest sample."""

    def follow(self, pulses: Iterable[Pulse], watch: EngineWatch | None = None) -> None:
        """Run these pulses, and the engine's events, as well, from the next sample on."""
        self._watchers += [pulse.run for pulse in pulses]
        if watch is not None:
            self._watchers.append(watch.run)
        self.check_for_changes()

    def check_for_changes(self) -> None:
        """Check now whether something has changed that must not wait for the next sample."""
        self._changed.set()

    def get_health(self) -> dict[str, Any] | None:
        return self._health

    def stop(self) -> None:
        self._stopped.set()
        self._changed.set()

    def subscribe_to_changes(self, listener: Callable[[], None]) -> None:
        self._tell_change = listener

    async def run(self) -> None:
        """Run until `stop`. May be called again after it has failed."""
        tasks: list[asyncio.Task[None]] = []
        try:
            while not self._stopped.is_set():
                tasks += [asyncio.create_task(watcher()) for watcher in self._watchers[len(tasks) :]]
                self._publish()
                await self._wait_until_due()
                for task in tasks:
                    if task.done():
                        task.result()  # raises: the conductor shows it as "the poller ended"
        finally:
            for task in tasks:
                task.cancel()
            if tasks:
                await asyncio.wait(tasks)

    def _publish(self) -> None:
        began = time.perf_counter()
        before, self._health = self._health, self._build_sample(CLOCK.now())
        self.cost_sec = time.perf_counter() - began
        if before is None or urgent_values(before) != urgent_values(self._health):
            self._tell_change()

    def _build_sample(self, now: float) -> dict[str, Any]:
        sample = self._picture(now)
        return sample | {
            "has_issues": any(node["health"] != "up" for node in sample["nodes"]),
            "last_updated": datetime.fromtimestamp(CLOCK.wall(now), UTC),
            "sampled_at": now,
            "interval_sec": INTERVAL_SEC,
        }

    async def _wait_until_due(self) -> None:
        due = time.monotonic() + INTERVAL_SEC
        while not self._stopped.is_set():
            self._changed.clear()
            try:
                async with asyncio.timeout(due - time.monotonic()):
                    await self._changed.wait()
            except TimeoutError:
                return
            if self._health is None or urgent_values(self._picture(CLOCK.now())) != urgent_values(self._health):
                return


def urgent_values(health: Mapping[str, Any]) -> tuple[object, ...]:
    """Return what must not wait for the next sample: leader, term, and each node's health."""
    leader = health.get("leader") or {}
    return (leader.get("id"), leader.get("term"), *((node["id"], node["health"]) for node in health["nodes"]))
