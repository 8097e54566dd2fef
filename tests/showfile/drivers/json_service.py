"""A small HTTP service with one shared JSON document, for faults by `http` and `json`."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass
class JsonService:
    """`/doc` reads and writes the document, with versions; `/power` is switched; both want the bearer token."""

    document: Any
    token: str = "hunter2"
    has_versions: bool = True
    power: bool = True
    url: str = ""
    before_write: list[Any] = field(default_factory=list)
    """Functions of the document, called before one write each: somebody else is quicker."""
    gone: bool = False
    delay_sec: float = 0.0
    requests: list[str] = field(default_factory=list)

    @property
    def etag(self) -> str:
        return '"' + hashlib.sha256(json.dumps(self.document).encode()).hexdigest()[:16] + '"'

    async def read(self, request: web.Request) -> web.Response:
        self._check(request)
        headers = {"ETag": self.etag} if self.has_versions else {}
        return web.json_response(self.document, headers=headers)

    async def write(self, request: web.Request) -> web.Response:
        self._check(request)
        written = await request.json()
        if self.before_write:
            self.before_write.pop(0)(self.document)
        if self.has_versions and request.headers.get("If-Match", self.etag) != self.etag:
            return web.Response(status=412)
        if request.method == "PATCH":
            assert request.content_type == "application/merge-patch+json"
            self.document |= written
        else:
            self.document = written
        return web.Response(status=204)

    async def switch(self, request: web.Request) -> web.Response:
        self._check(request)
        await asyncio.sleep(self.delay_sec)
        self.power = request.method == "PUT"
        return web.Response(text="switched")

    def _check(self, request: web.Request) -> None:
        self.requests.append(f"{request.method} {request.path}")
        if self.gone:
            raise web.HTTPGone
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            raise web.HTTPUnauthorized


@asynccontextmanager
async def serving(document: Any) -> AsyncIterator[JsonService]:
    service = JsonService(document)
    app = web.Application()
    app.add_routes([web.get("/doc", service.read), web.put("/doc", service.write), web.patch("/doc", service.write)])
    app.add_routes([web.put("/power", service.switch), web.delete("/power", service.switch)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    service.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield service
    finally:
        await runner.cleanup()
