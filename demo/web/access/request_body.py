"""Reads a request's whole body before the application sees it, with limits on its size and time."""

import asyncio

from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope

MAX_BODY = 64 * 1024
MAX_CODE = 4 * 1024
"""The limit of a body that holds a pairing code, in bytes: anybody may send one, so it should take little memory."""

MAX_VOTE = 1024
"""The limit of a vote's body, in bytes: a whole hall sends one."""

MAX_ASK = 4 * 1024
"""The limit of a question, in bytes: 280 characters, each escaped as a pair of surrogates, with room to spare."""

BODY_TIMEOUT_SEC = 10.0


async def read_body(scope: Scope, receive: Receive, max_bytes: int = MAX_BODY) -> bytes | str:
    """Return the whole body of up to `max_bytes` bytes, or the code of a problem: "too_large" or "timeout".

    A client that disconnects counts as a timeout.
    """
    # An announced length is refused before anything is read; without one (chunks) the bytes are counted below.
    length = Headers(scope=scope).get("content-length", "0")
    if not length.isdecimal() or int(length) > max_bytes:
        return "too_large"
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_SEC):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    return "timeout"
                body += message.get("body", b"")
                if len(body) > max_bytes:
                    return "too_large"
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError:
        return "timeout"


def replay(body: bytes, receive: Receive) -> Receive:
    """Return an ASGI `receive` that gives `body` first, and then what `receive` gives."""
    sent = False

    async def receive_again() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again
