"""The process of one limiter node: decides on each request, and passes what it admits on to the backend."""

import asyncio
import itertools
import os
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp
from aiohttp import web
from yarl import URL

from demo.processes.port_owner import PortOwner
from demo.processes.proof_of_identity import SignedRequest
from demo.processes.service import run
from demo.processes.service_auth import HOST
from demo.subjects.ratelimiter.algorithms import Decision, LocalWindows, now_us
from demo.subjects.ratelimiter.limits import Fallback, RateLimit
from demo.subjects.ratelimiter.redis_client import connect
from demo.subjects.ratelimiter.redis_counter import RedisCounter
from demo.subjects.request_stats import RollingStats

FIRST_CONTACT_SEC = 3.0
"""A node does not listen before it has reached Redis, but waits no longer than this for it."""

SOCKET_SEC = 10.0
"""The socket's own timeout, a last resort: `RedisCounter` enforces the timeout of each command."""

BACKEND_SEC = 1.0


class LimiterNode:
    """`fallback` decides what happens while Redis does not answer: count alone, admit everything, or admit nothing."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.id: str = config["id"]
        self.fallback: Fallback = config["fallback"]
        self.limits = {item["key"]: RateLimit(**item) for item in config["limits"]}
        redis = connect(PortOwner(config["redis_port"], os.getppid()), config["redis_password"], SOCKET_SEC)
        self.shared = RedisCounter(redis, f"show:probe:{self.id}", config["redis_timeout_sec"])
        self._local = LocalWindows()
        self._idents = (f"{self.id}:{os.getpid()}:{number}" for number in itertools.count())
        self._backend = f"http://{HOST}:{config['backend_port']}"
        self._token: str = config["token"]
        self._session: aiohttp.ClientSession | None = None
        self._recent = RollingStats()
        self._in_flight = 0

    async def lifetime(self, app: web.Application) -> AsyncIterator[None]:
        """Run, as aiohttp's cleanup context, what the node needs beside its requests: HTTP session and Redis probe."""
        connector = aiohttp.TCPConnector(limit=0)
        timeout = aiohttp.ClientTimeout(total=BACKEND_SEC)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as self._session:
            await self._await_redis()
            watch = asyncio.create_task(self.shared.watch())
            yield
            watch.cancel()

    async def _await_redis(self) -> None:
        until = time.monotonic() + FIRST_CONTACT_SEC
        while not await self.shared.probe() and time.monotonic() < until:  # noqa: ASYNC110 - it is Redis that we wait for
            await asyncio.sleep(0.03)

    async def check(self, request: web.Request) -> web.Response:
        limit = self.limits.get(request.match_info["key"])
        if limit is None:
            return web.Response(status=404)
        started = time.perf_counter()
        self._in_flight += 1
        try:
            status = await self._decide(limit)
        finally:
            self._in_flight -= 1
        outcome = {200: "ok", 429: "limited"}.get(status, "failed")
        self._recent.add(outcome, time.perf_counter() - started)  # type: ignore[arg-type]
        return web.Response(status=status)

    async def _decide(self, limit: RateLimit) -> int:
        ident = next(self._idents)
        decision = await self.shared.decide(limit, ident)
        if decision is None and self.fallback == "closed":
            return 503
        if decision is None:
            decision = self._decide_alone(limit)
        if not decision.admitted:
            return 429
        return 200 if await self._forward(limit, ident, decision) else 502

    def _decide_alone(self, limit: RateLimit) -> Decision:
        return Decision(True, now_us()) if self.fallback == "open" else self._local.decide(limit, now_us())

    async def _forward(self, limit: RateLimit, ident: str, decision: Decision) -> bool:
        path = f"/admitted/{limit.key}?id={ident}&at={decision.at}"
        question = SignedRequest(self._token, "backend", "POST", path)
        if self._session is None:
            return False
        try:
            url = URL(self._backend + path, encoded=True)
            async with self._session.post(url, headers=question.headers) as answer:
                return answer.status == 200 and question.is_answered(200, answer.headers, b"")
        except (aiohttp.ClientError, OSError, TimeoutError):
            return False

    async def health(self, _request: web.Request) -> web.Response:
        shared = self.shared.answers
        alone = {"local": "alone", "open": "not at all", "closed": "refusing"}[self.fallback]
        body = {
            "status": "up" if shared else "degraded",
            "counting": "shared" if shared else alone,
            "in_flight": self._in_flight,
            **self._recent.summary(),
        }
        return web.json_response(body)


def build(config: Mapping[str, Any]) -> web.Application:
    node = LimiterNode(config)
    app = web.Application()
    app.cleanup_ctx.append(node.lifetime)
    app.add_routes([web.post("/check/{key}", node.check), web.get("/health", node.health)])
    return app


if __name__ == "__main__":
    run(build)
