"""Answers to requests over a Unix socket that only its user may open; `unix_client` asks them."""

import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from aiohttp import web

from demo.errors import DemoError

Work = Callable[[web.Request], Awaitable[Mapping[str, Any]]]
"""Returns what the answer says."""

OWNER_ONLY = 0o177
"""The umask of a socket with the mode 0600."""


def as_handler(work: Work) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Turn what `work` returns into a JSON answer, and an error that it raises into one with the status 502."""

    async def handler(request: web.Request) -> web.Response:
        try:
            return web.json_response(await work(request))
        except (DemoError, OSError) as error:
            return web.json_response({"error": str(error)}, status=502)

    return handler


async def listen(application: web.Application, socket: Path) -> web.AppRunner:
    """Serve `application` on a Unix socket, in place of one that an earlier process left; `cleanup` ends it."""
    _remove(socket)
    runner = web.AppRunner(application, access_log=None, handle_signals=False)
    await runner.setup()
    # The mode of the socket is that of its creation: a chmod afterwards would leave it open for a moment.
    previous_umask = os.umask(OWNER_ONLY)
    try:
        await web.UnixSite(runner, str(socket)).start()
    finally:
        os.umask(previous_umask)
    return runner


def _remove(socket: Path) -> None:
    socket.unlink(missing_ok=True)
