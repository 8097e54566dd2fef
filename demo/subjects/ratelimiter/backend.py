"""The backend process behind the limiter: records each admission, and measures what the limiter let through."""

import asyncio
import os
import time
from collections import deque
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any

from aiohttp import web
from redis.asyncio import Redis
from redis.exceptions import RedisError

from demo.processes.port_owner import PortOwner
from demo.processes.service import run
from demo.subjects.ratelimiter.algorithms import now_us, redis_key
from demo.subjects.ratelimiter.ground_truth import SPAN_US, Arrival, ObservedArrivals, run_of, seconds, truth_of
from demo.subjects.ratelimiter.limits import RateLimit
from demo.subjects.ratelimiter.redis_client import connect
from demo.subjects.request_stats import RollingStats

AUDIT_SEC = 0.15
MARK_KEY = "show:audit"
MARGIN_US = 1_000_000


class Audit:
    """Asks Redis which admissions it holds. It only reads, so a Redis that delays writes still answers.

    `mark` is our entry in that Redis: another value means that it was restarted, and has forgotten everything.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self.mark: int | None = None

    async def refresh(self, arrivals: Mapping[str, Sequence[Arrival]]) -> bool:
        """Update which arrivals Redis holds; False when it does not answer in time."""
        try:
            async with asyncio.timeout(AUDIT_SEC):
                await self._update_held(arrivals)
        except (RedisError, OSError, TimeoutError):
            return False
        return True

    async def _update_held(self, arrivals: Mapping[str, Sequence[Arrival]]) -> None:
        mark = await self._redis.get(MARK_KEY)
        if mark is None:
            # A Redis without our mark was restarted, and has forgotten everything.
            for arrival in (a for of_key in arrivals.values() for a in of_key):
                arrival.held = False
            mark = str(now_us())
            await self._redis.set(MARK_KEY, mark)
        self.mark = int(mark)
        unheld = [(key, [a for a in of_key if not a.held]) for key, of_key in arrivals.items()]
        unheld = [(key, unknown) for key, unknown in unheld if unknown]
        async with self._redis.pipeline(transaction=False) as pipe:
            for key, unknown in unheld:
                pipe.zmscore(redis_key(key), [a.id for a in unknown])
            answers = await pipe.execute() if unheld else []
        for (_, unknown), scores in zip(unheld, answers, strict=True):
            for arrival, score in zip(unknown, scores, strict=True):
                arrival.held = score is not None


class Backend:
    def __init__(self, config: Mapping[str, Any]) -> None:
        self._limits = [RateLimit(**item) for item in config["limits"]]
        self._arrivals: dict[str, deque[Arrival]] = {limit.key: deque() for limit in self._limits}
        self._audit = Audit(connect(PortOwner(config["redis_port"], os.getppid()), config["redis_password"], AUDIT_SEC))
        self._audit_lock = asyncio.Lock()
        self._recent = RollingStats()
        self._started_at = now_us()
        self._observed = ObservedArrivals(self._started_at if config.get("forgot") else None)

    async def work(self, request: web.Request) -> web.Response:
        started = time.perf_counter()
        at = now_us()
        arrivals = self._arrivals.get(request.match_info["key"])
        if arrivals is None:
            return web.Response(status=404)
        arrivals.append(Arrival(at, int(request.query["at"]), request.query["id"]))
        self._recent.add("ok", time.perf_counter() - started)
        return web.Response()

    async def _run_audit(self) -> bool:
        async with self._audit_lock:
            return await self._audit.refresh(self._arrivals)

    async def run(self, request: web.Request) -> web.Response:
        """Answer with the over-admissions of each key since `uptime` (microseconds), which is one run of a fault.

        None for what lies further back than the arrivals that are kept.
        """
        since, audited, now = int(request.query["uptime"]), await self._run_audit(), now_us()
        body = {
            "started_at": seconds(self._started_at),
            "redis": self._audit.mark if audited else None,
            "keys": [
                run_of(limit, self._recent_arrivals(limit, now), since, now, self._observed, audited=audited)
                for limit in self._limits
            ],
        }
        return web.json_response(body)

    async def health(self, _request: web.Request) -> web.Response:
        """Answer with the process's own numbers and, as `counters`, each key's over-admissions in the last 30 s.

        After a restart, they are None until the process has observed all of that time itself.
        """
        audited, now = await self._run_audit(), now_us()
        counters = [
            truth_of(limit, self._recent_arrivals(limit, now), now, self._observed, audited=audited)
            for limit in self._limits
        ]
        started_at = seconds(self._started_at)
        return web.json_response({"counters": counters, "started_at": started_at, **self._recent.summary()})

    def _recent_arrivals(self, limit: RateLimit, now: int) -> list[Arrival]:
        """Return the arrivals that still count, sorted by time, as the clock may step."""
        arrivals = self._arrivals[limit.key]
        while arrivals and arrivals[0].at < now - SPAN_US - limit.window_us - MARGIN_US:
            arrivals.popleft()
        return sorted(arrivals, key=attrgetter("at"))


def build(config: Mapping[str, Any]) -> web.Application:
    backend = Backend(config)
    app = web.Application()
    routes = [
        web.post("/admitted/{key}", backend.work),
        web.get("/health", backend.health),
        web.get("/run", backend.run),
    ]
    app.add_routes(routes)
    return app


if __name__ == "__main__":
    run(build)
