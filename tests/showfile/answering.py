"""A real server whose answers a test changes, and what probes of it need."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from demo.showfile.probing.kinds import Sources, open_session
from demo.showfile.schema.probes import ProbeSettings


@dataclass
class Answering:
    """`answers`: path → status, or what is sent as JSON; a text is sent as it is. A path in `hangs` never answers."""

    port: int = 0
    answers: dict[str, Any] = field(default_factory=dict)
    hangs: set[str] = field(default_factory=set)
    asked: Counter[str] = field(default_factory=Counter)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    async def handle(self, request: web.Request) -> web.Response:
        self.asked[request.path] += 1
        if request.path in self.hangs:
            await asyncio.Event().wait()
        answer = self.answers.get(request.path, 404)
        if isinstance(answer, int):
            return web.Response(status=answer)
        return web.Response(text=answer if isinstance(answer, str) else json.dumps(answer))


@asynccontextmanager
async def answering(**answers: Any) -> AsyncIterator[tuple[Answering, Sources]]:
    """Serve these answers under `/name`; yield the server, and what probes ask with."""
    found = Answering(answers={f"/{name}": answer for name, answer in answers.items()})
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", found.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.port = runner.addresses[0][1]
    session = open_session()
    try:
        yield found, Sources(lambda: session)
    finally:
        await session.close()
        await runner.cleanup()


def probe(**settings: Any) -> ProbeSettings:
    """Return the settings as a show file would have them, with a timeout that a busy machine keeps."""
    return ProbeSettings.model_validate({"timeout": "5s", **settings})


async def until(condition: Callable[[], Any], limit_sec: float = 20.0) -> None:
    async with asyncio.timeout(limit_sec):
        while not condition():  # noqa: ASYNC110 - conditions of all kinds
            await asyncio.sleep(0.005)
