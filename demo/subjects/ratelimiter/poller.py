"""The poller: probes every process twice a second, and fills the agreed health dict."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from demo.clock import CLOCK
from demo.probes.numbers import mapping, number
from demo.probes.result import Reading
from demo.processes.death_watch import DeathWatch
from demo.processes.supervised import ObservedProcess
from demo.subjects.ratelimiter.cards import node_card
from demo.subjects.ratelimiter.limits import RateLimit
from demo.subjects.request_stats import metric

INTERVAL_SEC = 0.5


class Poller:
    """Probes all processes concurrently, each with a timeout well below the interval."""

    def __init__(self, parts: Sequence[ObservedProcess], limits: Sequence[RateLimit]) -> None:
        self._parts = tuple(parts)
        self._limits = tuple(limits)
        self._stopped = asyncio.Event()
        self._hurried = asyncio.Event()
        self._deaths = DeathWatch(self._hurried.set)
        self._tell_change: Callable[[], None] = lambda: None
        self._health: dict[str, Any] | None = None

    def get_health(self) -> dict[str, Any] | None:
        return self._health

    def stop(self) -> None:
        self._stopped.set()
        self._hurried.set()

    def subscribe_to_changes(self, listener: Callable[[], None]) -> None:
        self._tell_change = listener

    async def run(self) -> None:
        """Poll every INTERVAL_SEC, and at once when a process has ended."""
        due = time.monotonic()
        try:
            while not self._stopped.is_set():
                is_news = self._hurried.is_set()
                self._hurried.clear()
                await self.poll()
                if is_news:
                    self._tell_change()
                self._deaths.follow(part.handle for part in self._parts)
                due = max(due + INTERVAL_SEC, time.monotonic())
                try:
                    async with asyncio.timeout(due - time.monotonic()):
                        await self._hurried.wait()
                except TimeoutError:
                    continue
                due = time.monotonic()
        finally:
            self._deaths.close()

    async def poll(self) -> dict[str, Any]:
        """Poll once, now."""
        readings = await asyncio.gather(*(part.read() for part in self._parts))
        self._health = assemble(self._parts, readings, CLOCK.now(), self._limits)
        return self._health


def assemble(
    parts: Sequence[ObservedProcess], readings: Sequence[Reading], now: float, limits: Sequence[RateLimit]
) -> dict[str, Any]:
    """Return the health dict of `HealthPollerProtocol`, with `sampled_at` and `totals` in addition."""
    nodes = [node_card(part, reading) for part, reading in zip(parts, readings, strict=True)]
    by_id = {part.id: reading.data for part, reading in zip(parts, readings, strict=True)}
    for node in nodes:
        node["flows"] = _flows(node, by_id)
    traffic = by_id.get("traffic", {})
    return {
        "nodes": nodes,
        "has_issues": any(node["health"] != "up" for node in nodes),
        "last_updated": datetime.fromtimestamp(CLOCK.wall(now), UTC),
        "sampled_at": now,
        "interval_sec": INTERVAL_SEC,
        "metrics": curves(traffic),
        "counters": _counters(by_id.get("backend", {}).get("counters"), limits),
        "totals": dict(mapping(traffic.get("totals"))),
    }


def _flows(node: Mapping[str, Any], by_id: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """Return the requests a second over each link, by what was measured at its ends.

    A node asks Redis about each request, and sends on to the backend what is not refused.
    """
    if node["type"] == "traffic":
        known = {name: number(by_id.get(name, {}).get("per_sec")) for name in node["links"]}
        return {name: value for name, value in known.items() if value is not None}
    own = by_id.get(node["id"], {})
    asked, refused = number(own.get("per_sec")), number(own.get("limited_per_sec"))
    if node["type"] != "node" or asked is None or refused is None:
        return {}
    return {"redis": asked, "backend": max(0.0, asked - refused)}


def _counters(reported: object, limits: Sequence[RateLimit]) -> list[dict[str, Any]]:
    """Return the counters that the backend reports, and an empty one for each limited key that is missing there."""
    dated = [_add_moments(item) for item in reported if _names_a_key(item)] if isinstance(reported, list) else []
    names = {item["key"] for item in dated}
    return [*dated, *(_empty_counter(limit) for limit in limits if limit.key not in names)]


def _names_a_key(item: object) -> bool:
    return isinstance(item, Mapping) and isinstance(item.get("key"), str)


def _add_moments(counter: Mapping[str, Any]) -> dict[str, Any]:
    """Return the counter with moments in addition to the uptimes at which the backend saw ghosts and drift."""
    uptimes = {name: number(counter.get(f"{name}_uptime")) for name in ("ghosts", "drift")}
    return {**counter, **{f"{name}_at": None if at is None else CLOCK.of_uptime(at) for name, at in uptimes.items()}}


def _empty_counter(limit: RateLimit) -> dict[str, Any]:
    """Return a counter without numbers, for a key that is not reported: it stays on the stage."""
    known = {"key": limit.key, "algorithm": limit.algorithm, "limit": limit.limit, "window_sec": limit.window_sec}
    return {**known, "admitted": None, "uncounted": None, "counted": None, "drift": None, "ghosts": None}


def curves(traffic: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the main numbers as the clients see them; None each while the traffic does not answer."""
    return [
        metric("load", "requests", traffic.get("per_sec"), "/s", "load"),
        metric("latency", "p99", traffic.get("p99_ms"), "ms", "latency"),
        metric("errors", "errors", traffic.get("error_percent"), "%", "errors"),
        metric("rejected", "refused (429)", traffic.get("limited_per_sec"), "/s", "rejected"),
    ]
