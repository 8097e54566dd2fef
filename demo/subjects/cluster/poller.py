"""Every part on its own beat, the engine's events at once, and from all of it twice a second one health dict."""

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
"""The health dict as of a moment, without its time; must not wait for anything."""


class ClusterPoller:
    """Publishes every INTERVAL_SEC, and at once when a state or the leader has changed.

    A sample is made of the newest answers; none is older than `cards.OLD_SEC`, else its part is not called up.
    """

    def __init__(self, picture: Picture) -> None:
        self._picture = picture
        self._watchers: list[Callable[[], Coroutine[Any, Any, None]]] = []
        self._stopped = asyncio.Event()
        self._stirred = asyncio.Event()
        self._health: dict[str, Any] | None = None
        self.cost_sec = 0.0
        """What the newest picture took to draw."""

    def follow(self, pulses: Iterable[Pulse], watch: EngineWatch | None = None) -> None:
        """These too, from the next beat on."""
        self._watchers += [pulse.run for pulse in pulses]
        if watch is not None:
            self._watchers.append(watch.run)
        self.stir()

    def stir(self) -> None:
        """Something has been seen: look whether it matters."""
        self._stirred.set()

    def get_health(self) -> dict[str, Any] | None:
        return self._health

    def stop(self) -> None:
        self._stopped.set()
        self._stirred.set()

    async def run(self) -> None:
        """Again from the start when it is called again, after it has failed."""
        tasks: list[asyncio.Task[None]] = []
        try:
            while not self._stopped.is_set():
                tasks += [asyncio.create_task(watcher()) for watcher in self._watchers[len(tasks) :]]
                self._publish()
                await self._until_due()
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
        self._health = self._drawn(CLOCK.now())
        self.cost_sec = time.perf_counter() - began

    def _drawn(self, now: float) -> dict[str, Any]:
        picture = self._picture(now)
        return picture | {
            "has_issues": any(node["health"] != "up" for node in picture["nodes"]),
            "last_updated": datetime.fromtimestamp(CLOCK.wall(now), UTC),
            "sampled_at": now,
            "interval_sec": INTERVAL_SEC,
        }

    async def _until_due(self) -> None:
        due = time.monotonic() + INTERVAL_SEC
        while not self._stopped.is_set():
            self._stirred.clear()
            try:
                async with asyncio.timeout(due - time.monotonic()):
                    await self._stirred.wait()
            except TimeoutError:
                return
            if self._health is None or news(self._picture(CLOCK.now())) != news(self._health):
                return


def news(health: Mapping[str, Any]) -> tuple[object, ...]:
    """What must not wait for the next sample."""
    leader = health.get("leader") or {}
    return (leader.get("id"), leader.get("term"), *((node["id"], node["health"]) for node in health["nodes"]))
