"""What supervisor and clients exchange over the Unix socket: JSON objects, one a line.

A request is `{"id", "do", …}`, its answer `{"id", "ok": {…}}` or `{"id", "error": text}`. The first request is `hello`
with the token. Without being asked, the supervisor sends `{"state": {…}}` after every change of a process.
"""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Literal

Role = Literal["server", "healer"]
"""There is one server at a time; healers come and go."""

MAX_MESSAGE_BYTES = 8_000_000
"""More than all lines of output that are held for one process."""

HELLO_TIMEOUT_SEC = 5.0


async def receive(reader: asyncio.StreamReader) -> dict[str, Any] | None:
    """Return the next message; None at the end of the connection, or when something else than a message came."""
    try:
        line = await reader.readline()
        message = json.loads(line) if line.endswith(b"\n") else None
    except (OSError, ValueError):  # ValueError: no JSON, or too long
        return None
    return message if isinstance(message, dict) else None


def encode(message: Mapping[str, Any]) -> bytes:
    return json.dumps(message).encode() + b"\n"
