"""The traffic process: a steady load on every key, and bursts on request."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web

from demo.clock import uptime
from demo.processes.service import run
from demo.processes.service_auth import HOST
from demo.subjects.ratelimiter.caller import Caller
from demo.subjects.ratelimiter.limits import RateLimit

VOLLEY = 60
"""How many requests of a burst are sent at the same moment: a race needs concurrency, not a high rate."""

MAX_IN_FLIGHT = 1000
WAIT_SEC = 5.0
MAX_MULTIPLIER = 1000
MAX_BURST_SEC = 60.0


@dataclass(slots=True)
class Burst:
    multiplier: int
    ends_at: float


class TrafficGenerator:
    def __init__(self, config: Mapping[str, Any]) -> None:
        limits = [RateLimit(**item) for item in config["limits"]]
        self._limits = {limit.key: replace(limit, rate=limit.rate * config["load"]) for limit in limits}
        self._ports_to_await: list[int] = [*config["nodes"].values(), config["backend_port"]]
        self._caller = Caller(config["nodes"], config["token"])
        self._bursts: dict[str, Burst] = {}
        self._burst_started = {key: asyncio.Event() for key in self._limits}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._unsent = 0
        self._started_at = uptime()

    async def lifetime(self, app: web.Application) -> AsyncIterator[None]:
        async with self._caller.open():
            for limit in self._limits.values():
                self._spawn(self._generate_load(limit))
            yield
            for task in self._tasks:
                task.cancel()

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _send(self, key: str) -> None:
        if len(self._tasks) < MAX_IN_FLIGHT:
            self._spawn(self._caller.ask(key))
        else:
            self._unsent += 1

    async def _generate_load(self, limit: RateLimit) -> None:
        """Generate the load on one key, open-loop: a slow answer does not delay the next request.

        The intervals are random, as between requests of people.
        """
        await self._wait_for_listeners()
        due = time.monotonic() + random.random() / limit.rate  # noqa: S311 - spacing, not secrets
        while True:
            burst = self._active_burst(limit.key)
            if burst is not None:
                for _ in range(VOLLEY):
                    self._send(limit.key)
                due = time.monotonic() + VOLLEY / (limit.rate * burst.multiplier)
            elif time.monotonic() >= due:
                self._send(limit.key)
                # A delay of the loop is made up for, but at most a second of it, lest a burst follow.
                due = max(due, time.monotonic() - 1) + random.uniform(0.5, 1.5) / limit.rate  # noqa: S311
            await self._wait_until(due, self._burst_started[limit.key])

    async def _wait_until(self, due: float, burst_started: asyncio.Event) -> None:
        """Wait until the next request is due, or a burst is started: all keys of a burst begin at the same moment."""
        burst_started.clear()
        try:
            async with asyncio.timeout(max(0.0, due - time.monotonic())):
                await burst_started.wait()
        except TimeoutError:
            return

    async def _wait_for_listeners(self) -> None:
        until = time.monotonic() + WAIT_SEC
        for port in self._ports_to_await:
            while time.monotonic() < until:
                try:
                    _, writer = await asyncio.open_connection(HOST, port)
                except OSError:
                    await asyncio.sleep(0.03)
                else:
                    writer.close()
                    break

    def _active_burst(self, key: str) -> Burst | None:
        burst = self._bursts.get(key)
        return burst if burst is not None and time.monotonic() < burst.ends_at else None

    async def burst(self, request: web.Request) -> web.Response:
        """Start a burst. For a key that is bursting, only its end is moved; `seconds` 0 ends it."""
        order = await request.json()
        keys, multiplier, seconds = order["keys"], int(order["multiplier"]), float(order["seconds"])
        if not set(keys) <= set(self._limits) or not 1 <= multiplier <= MAX_MULTIPLIER or seconds > MAX_BURST_SEC:
            return web.Response(status=422)
        now = time.monotonic()
        for key in keys:
            running = self._active_burst(key)
            if seconds <= 0:
                self._bursts.pop(key, None)
            elif running is not None:
                running.ends_at = now + seconds
            else:
                self._bursts[key] = Burst(multiplier, now + seconds)
                self._burst_started[key].set()
        return web.json_response({"bursting": self._burst_keys()})

    def _burst_keys(self) -> list[str]:
        return [key for key in self._bursts if self._active_burst(key)]

    async def health(self, _request: web.Request) -> web.Response:
        caller = self._caller
        body = {
            "started_at": self._started_at,
            "bursting": self._burst_keys(),
            "in_flight": sum(caller.in_flight.values()),
            "peaks": caller.peaks(),
            "totals": {**caller.recent.totals, "retried": caller.retried, "unsent": self._unsent},
            **caller.recent.summary(),
        }
        return web.json_response(body)


def build(config: Mapping[str, Any]) -> web.Application:
    traffic = TrafficGenerator(config)
    app = web.Application()
    app.cleanup_ctx.append(traffic.lifetime)
    app.add_routes([web.post("/burst", traffic.burst), web.get("/health", traffic.health)])
    return app


if __name__ == "__main__":
    run(build)
