"""How a process of ours lives: told what to be on stdin, serves on loopback, ends with its parent."""

import asyncio
import hmac
import json
import os
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from demo.subjects.parts.wire import HOST, TOKEN_HEADER


def run(build: Callable[[Mapping[str, Any]], web.Application]) -> None:
    """Serve what `build` makes of the first line of stdin (a JSON object with `port` and `token`)."""
    line = sys.stdin.buffer.readline()
    try:
        config = json.loads(line)
    except ValueError:
        sys.exit("this process is started by the show, which tells it on stdin what to be")
    threading.Thread(target=_hold_lifeline, daemon=True, name="lifeline").start()
    asyncio.run(_serve(build(config), config["port"], config["token"]))


def _hold_lifeline() -> None:
    """The pipe of stdin ends when the parent is gone, however it went. The loop may hang: so not there."""
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os._exit(0)


async def _serve(app: web.Application, port: int, token: str) -> None:
    app.middlewares.append(_only_ours(token))
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    await web.TCPSite(runner, HOST, port, reuse_address=True, backlog=1024).start()
    await asyncio.Event().wait()


def _only_ours(token: str) -> Middleware:
    """Ports on loopback are open to every program and page of this machine: only the show knows the token."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not hmac.compare_digest(request.headers.get(TOKEN_HEADER, "").encode(), token.encode()):
            raise web.HTTPForbidden
        return await handler(request)

    return check
