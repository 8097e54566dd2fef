"""A floor for whatever is built on FastAPI: a route that only writes the text on every connection. Served by uvicorn.

No rules, no journal, no picture, nobody is asked who they are; who is slow is not caught up with.
"""

import os

from fastapi import FastAPI, Request
from starlette.types import Receive, Scope, Send

listeners: set[int] = set()
"""File descriptors: no task wakes up for a listener, as with ours."""

posts = FastAPI()


@posts.post("/say", status_code=204)
async def say(request: Request) -> None:
    message = b"data: %b\n\n" % await request.body()
    chunk = b"%x\r\n%b\r\n" % (len(message), message)
    for listener in listeners:
        os.write(listener, chunk)


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """uvicorn's `send` belongs to the request's cycle, which knows its connection."""
    if scope["type"] != "http" or scope["method"] != "GET":
        await posts(scope, receive, send)
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
    await send({"type": "http.response.body", "body": b": here\n\n", "more_body": True})
    listener = send.__self__.transport.get_extra_info("socket").fileno()  # type: ignore[attr-defined]
    listeners.add(listener)
    while (await receive())["type"] != "http.disconnect":
        pass
    listeners.discard(listener)
