"""The client process of a cluster: canary and workload on one store, controlled over HTTP on loopback."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from aiohttp import web

from demo.clock import uptime
from demo.subjects.cluster.canary import Canary
from demo.subjects.cluster.kv_store import KvStore
from demo.subjects.cluster.workload import Workload

MAX_RATE = 5000.0


class LoadClient:
    def __init__(self, store: KvStore, config: Mapping[str, Any]) -> None:
        self._store = store
        self._store.turn_to(config["endpoints"])
        self._canary = Canary(store)
        self._workload = Workload(store, secrets.token_hex(4), float(config.get("rate", 0)))
        self._started_at = uptime()

    async def lifetime(self, app: web.Application) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(work.run()) for work in (self._canary, self._workload)]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await self._store.close()

    async def health(self, _request: web.Request) -> web.Response:
        """Return the statistics of the last seconds."""
        work = self._workload
        body = {
            "started_at": self._started_at,
            "rate": work.rate,
            "in_flight": work.in_flight,
            "confirmed": work.books.confirmed,
            "missing": work.books.missing,
            "totals": {**work.recent.totals, "unsent": work.unsent},
            "canary": self._canary.as_dict(),
            "store": self._store.status(),
            **work.recent.summary(),
        }
        return web.json_response(body)

    async def orders(self, request: web.Request) -> web.Response:
        """Set `rate`, in operations per second, `endpoints`, or both."""
        settings = await request.json()
        rate, endpoints = settings.get("rate"), settings.get("endpoints")
        if rate is not None and not 0 <= rate <= MAX_RATE:
            return web.Response(status=422)
        if endpoints is not None:
            self._store.turn_to(endpoints)
        if rate is not None:
            self._workload.set_rate(float(rate))
        return web.json_response({"rate": self._workload.rate})

    async def run(self, request: web.Request) -> web.Response:
        """Return what happened since `uptime`, a moment in microseconds of the machine's uptime."""
        since = int(request.query["uptime"]) / 1_000_000
        known = since >= self._started_at
        return web.json_response({"outage": self._canary.longest(since) if known else None})

    async def verify(self, _request: web.Request) -> web.Response:
        return web.json_response(await self._workload.verify())


def service_builder(make: Callable[[Mapping[str, Any]], KvStore]) -> Callable[[Mapping[str, Any]], web.Application]:
    """Return what `processes.service.run` needs; `make` creates the store from the config, inside the running loop."""

    def build(config: Mapping[str, Any]) -> web.Application:
        client = LoadClient(make(config), config)
        app = web.Application()
        app.cleanup_ctx.append(client.lifetime)
        app.add_routes(
            [
                web.get("/health", client.health),
                web.get("/run", client.run),
                web.post("/orders", client.orders),
                web.post("/verify", client.verify),
            ]
        )
        return app

    return build
