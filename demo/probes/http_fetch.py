"""One request for a probe: within a deadline, of a bounded size, and never an exception."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

MOST_BYTES = 1_000_000

NO_OTHER = aiohttp.ClientTimeout(total=None)
"""The deadline is the caller's, whatever the session has."""

UNKNOWN_NAME = "its name is not known here"
"""The trouble of an address that cannot even be looked up: it says nothing about whoever lives there."""

Session = Callable[[], aiohttp.ClientSession]
"""Asked for at each look: whoever owns it decides when it is opened and closed."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """`trouble` says why there is no answer; without one, `status`, `headers` and the whole `body` are there."""

    status: int = 0
    body: bytes = b""
    took_ms: float = 0.0
    trouble: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


async def fetch(
    session: Session,
    url: str,
    deadline_sec: float,
    headers: Mapping[str, str] | None = None,
    params: Mapping[str, str] | None = None,
    most_bytes: int = MOST_BYTES,
    posts: Mapping[str, Any] | None = None,
) -> Fetched:
    """A GET, or a POST of `posts` as JSON. Redirects are not followed: a probe asks the one it was told to ask."""
    started = time.perf_counter()
    method = "GET" if posts is None else "POST"
    sent = {"Accept-Encoding": "identity", **(headers or {})}
    try:
        async with (
            asyncio.timeout(deadline_sec),
            session().request(
                method, url, headers=sent, params=params, json=posts, allow_redirects=False, timeout=NO_OTHER
            ) as answer,
        ):
            body = await _read(answer, most_bytes)
            if body is None:
                answer.close()  # not read to its end: this connection is of no use any more
                return Fetched(trouble=f"answered with more than {most_bytes / 1e6:g} MB")
            took_ms = (time.perf_counter() - started) * 1000
            return Fetched(answer.status, body, took_ms, headers=answer.headers)
    except TimeoutError:
        return Fetched(trouble=f"no answer in {deadline_sec * 1000:.0f} ms")
    except aiohttp.ClientConnectorDNSError:
        return Fetched(trouble=UNKNOWN_NAME)
    except aiohttp.ClientConnectorError:
        return Fetched(trouble="nobody listens")
    except (aiohttp.ClientError, OSError, RuntimeError):  # aiohttp raises the last for a closed session
        return Fetched(trouble="hung up without an answer")


async def _read(answer: aiohttp.ClientResponse, most_bytes: int) -> bytes | None:
    body = bytearray()
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) > most_bytes:
            return None
    return bytes(body)


def parsed(body: bytes) -> Any:
    """The JSON in `body`, None when there is none; JSON's own `null` counts as none."""
    try:
        return json.loads(body, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None


def _refuse(constant: str) -> None:
    raise ValueError(f"JSON has no {constant}")
