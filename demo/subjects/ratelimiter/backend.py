"""The protected backend: notes when each admission arrives, and tells the truth about the limits. Its own process."""

import asyncio
import time
from collections import deque
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any

from aiohttp import web
from redis.asyncio import Redis
from redis.exceptions import RedisError

from demo.subjects.parts.rolling import Rolling
from demo.subjects.parts.service import run
from demo.subjects.ratelimiter.algorithms import now_us, redis_key
from demo.subjects.ratelimiter.limits import Limit
from demo.subjects.ratelimiter.redis_client import connect
from demo.subjects.ratelimiter.truth import SPAN_US, Arrival, find_drift, find_ghosts, ghosts_of_run

AUDIT_SEC = 0.15
MARK_KEY = "show:audit"
MARGIN_US = 1_000_000


class Audit:
    """Asks Redis which admissions it holds. Reads only, so a Redis that holds writes still answers.

    `mark` is our entry in that Redis: another one means that it was started anew, and forgot.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self.mark: int | None = None

    async def look(self, arrivals: Mapping[str, Sequence[Arrival]]) -> bool:
        """Marks what Redis holds; False when it does not answer in time."""
        try:
            async with asyncio.timeout(AUDIT_SEC):
                await self._look(arrivals)
        except (RedisError, OSError, TimeoutError):
            return False
        return True

    async def _look(self, arrivals: Mapping[str, Sequence[Arrival]]) -> None:
        mark = await self._redis.get(MARK_KEY)
        if mark is None:
            # A Redis that was started anew has forgotten all that it held.
            for arrival in (a for of_key in arrivals.values() for a in of_key):
                arrival.held = False
            mark = str(now_us())
            await self._redis.set(MARK_KEY, mark)
        self.mark = int(mark)
        asked = [(key, [a for a in of_key if not a.held]) for key, of_key in arrivals.items()]
        asked = [(key, unknown) for key, unknown in asked if unknown]
        async with self._redis.pipeline(transaction=False) as pipe:
            for key, unknown in asked:
                pipe.zmscore(redis_key(key), [a.id for a in unknown])
            answers = await pipe.execute() if asked else []
        for (_, unknown), scores in zip(asked, answers, strict=True):
            for arrival, score in zip(unknown, scores, strict=True):
                arrival.held = score is not None


class Backend:
    def __init__(self, config: Mapping[str, Any]) -> None:
        self._limits = [Limit(**item) for item in config["limits"]]
        self._arrivals: dict[str, deque[Arrival]] = {limit.key: deque() for limit in self._limits}
        self._audit = Audit(connect(config["redis_port"], config["redis_password"], AUDIT_SEC))
        self._one_audit = asyncio.Lock()
        self._recent = Rolling()
        self._started_at = now_us()

    async def work(self, request: web.Request) -> web.Response:
        started = time.perf_counter()
        at = now_us()
        arrivals = self._arrivals.get(request.match_info["key"])
        if arrivals is None:
            return web.Response(status=404)
        arrivals.append(Arrival(at, int(request.query["at"]), request.query["id"]))
        self._recent.add("ok", time.perf_counter() - started)
        return web.Response(text="done")

    async def _audited(self) -> bool:
        async with self._one_audit:
            return await self._audit.look(self._arrivals)

    async def run(self, request: web.Request) -> web.Response:
        """The truth of each key since a moment (`uptime`, microseconds): of one run of a fault.

        Nothing can be told (None) of what lies further back than the arrivals that are kept.
        """
        since, audited, now = int(request.query["uptime"]), await self._audited(), now_us()
        body = {
            "started_at": _seconds(self._started_at),
            "redis": self._audit.mark if audited else None,
            "keys": [self._since(limit, since, now, audited) for limit in self._limits],
        }
        return web.json_response(body)

    def _since(self, limit: Limit, since: int, now: int, audited: bool) -> dict[str, Any]:
        seen = sorted(self._arrivals[limit.key], key=attrgetter("at"))
        kept = since >= now - SPAN_US
        known = kept and audited
        return {
            "key": limit.key,
            "limit": limit.limit,
            "ghosts": ghosts_of_run(seen, limit.limit, limit.window_us, since, now) if kept else None,
            "drift": find_drift(seen, now, since).drift if known else None,
            "drift_in_windows": find_drift(seen, now, since - limit.window_us).drift if known else None,
        }

    async def health(self, _request: web.Request) -> web.Response:
        """The process's own numbers, and `counters`: the truth of each key over the last 30 s."""
        audited, now = await self._audited(), now_us()
        counters = [self._truth(limit, now, audited) for limit in self._limits]
        started_at = _seconds(self._started_at)
        return web.json_response({"counters": counters, "started_at": started_at, **self._recent.summary()})

    def _truth(self, limit: Limit, now: int, audited: bool) -> dict[str, Any]:
        arrivals = self._arrivals[limit.key]
        while arrivals and arrivals[0].at < now - SPAN_US - limit.window_us - MARGIN_US:
            arrivals.popleft()
        seen = sorted(arrivals, key=attrgetter("at"))  # the clock may step
        ghosts = find_ghosts(seen, limit.limit, limit.window_us, now)
        drift = find_drift(seen, now)
        return {
            "key": limit.key,
            "algorithm": limit.algorithm,
            "limit": limit.limit,
            "window_sec": limit.window_sec,
            "admitted": ghosts.admitted,
            "worst": ghosts.worst,
            "ghosts": ghosts.ghosts,
            "ghosts_uptime": _seconds(ghosts.ghosts_at),
            "spread_sec": ghosts.spread / 1_000_000,
            "admitted_30s": drift.admitted,
            "counted": drift.counted if audited else None,
            "drift": drift.drift if audited else None,
            "drift_uptime": _seconds(drift.drift_at) if audited else None,
        }


def _seconds(microseconds: int | None) -> float | None:
    return None if microseconds is None else microseconds / 1_000_000


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
