"""Bodies are read whole before anything else sees them: bounded in size and in time."""

import asyncio

from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope

MAX_BODY = 64 * 1024
MAX_CODE = 4 * 1024
"""Of a body that holds a pairing code: strangers may send it, so it takes no more memory than it needs."""

BODY_TIMEOUT_SEC = 10.0


async def read_body(scope: Scope, receive: Receive, most: int = MAX_BODY) -> bytes | str:
    """The whole body of up to `most` bytes, or the code of a refusal."""
    length = Headers(scope=scope).get("content-length", "0")
    if not length.isdecimal() or int(length) > most:
        return "too_large"
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_SEC):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    return "timeout"
                body += message.get("body", b"")
                if len(body) > most:
                    return "too_large"
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError:
        return "timeout"


def replay(body: bytes, receive: Receive) -> Receive:
    """A body that was read, for whoever reads it next."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
