"""How a service process of ours runs: configured by one line on stdin, serving on loopback, ending with its parent."""

import asyncio
import gc
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from demo.processes.proof_of_identity import SignedRequest
from demo.processes.service_auth import ANSWER_HEADER, ASK_HEADER, HOST, NONCE_HEADER


def run(build: Callable[[Mapping[str, Any]], web.Application]) -> None:
    """Serve what `build` makes of the first line of stdin (a JSON object with `id`, `port` and `token`)."""
    gc.freeze()
    gc.enable()  # off since `parent_death_signal`
    line = sys.stdin.buffer.readline()
    try:
        config = json.loads(line)
    except ValueError:
        sys.exit("this program is started by the show, which sends its settings on stdin; it cannot be started by hand")
    threading.Thread(target=_exit_with_parent, daemon=True, name="lifeline").start()
    asyncio.run(_serve(build(config), config))


def _exit_with_parent() -> None:
    """Exit when stdin ends, which it does when the parent is gone, for whatever reason.

    In a thread of its own, because the event loop may hang.
    """
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os._exit(0)


async def _serve(app: web.Application, config: Mapping[str, Any]) -> None:
    app.middlewares.append(_require_signature(config["id"], config["token"]))
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    # A restarted process takes the same port again, right after the kill.
    await web.TCPSite(runner, HOST, config["port"], reuse_address=True, backlog=1024).start()
    await asyncio.Event().wait()


def _require_signature(ident: str, token: str) -> Middleware:
    """Refuse requests that are not signed with the show's token, and sign the answers.

    A port on loopback is open to every program and web page on this machine.
    """

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        question = SignedRequest(token, ident, request.method, request.raw_path, request.headers.get(NONCE_HEADER, ""))
        if not question.is_asked_by_us(request.headers.get(ASK_HEADER, ""), time.monotonic()):
            raise web.HTTPForbidden
        answer = await _answer(request, handler)
        body = answer.body if isinstance(answer, web.Response) and isinstance(answer.body, bytes) else b""
        answer.headers[ANSWER_HEADER] = question.answer(answer.status, body)
        return answer

    return check


async def _answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Call the handler and turn its errors into responses, so that they are signed like any other answer."""
    try:
        return await handler(request)
    except web.HTTPException as refusal:
        return web.Response(status=refusal.status)
    except Exception:
        logging.exception("%s %s", request.method, request.path)
        return web.Response(status=500)
