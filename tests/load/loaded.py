"""A real server whose answers take as long as a test says, and what waits for a condition."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

DEADLINE_SEC = 30.0


@dataclass
class Answering:
    """`delays`: seconds before each answer, in turn; None never answers. `statuses` likewise."""

    port: int = 0
    delays: list[float | None] = field(default_factory=lambda: [0.0])
    statuses: list[int] = field(default_factory=lambda: [200])
    asked: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    async def handle(self, request: web.Request) -> web.Response:
        number, self.asked = self.asked, self.asked + 1
        delay = self.delays[number % len(self.delays)]
        await (asyncio.Event().wait() if delay is None else asyncio.sleep(delay))
        return web.Response(status=self.statuses[number % len(self.statuses)])


@asynccontextmanager
async def answering() -> AsyncIterator[Answering]:
    found = Answering()
    app = web.Application()
    app.router.add_get("/", found.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.port = runner.addresses[0][1]
    try:
        yield found
    finally:
        await runner.cleanup()


async def until(is_true: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_SEC):
        while not is_true():  # noqa: ASYNC110 - it looks at what tells nobody
            await asyncio.sleep(0.02)
