"""One HTTP request for a probe: with a timeout, a bounded size, and never an exception."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

MAX_BYTES = 1_000_000

NO_OTHER = aiohttp.ClientTimeout(total=None)
"""Switches the session's own timeout off: the caller's is the one that counts."""

UNKNOWN_NAME = "its host name cannot be resolved"
"""The `trouble` of a host name that cannot be resolved here: it says nothing about the host."""

Session = Callable[[], aiohttp.ClientSession]
"""Called for each request: its owner decides when the session is opened and closed."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A response, or in `trouble` the reason why there is none; `body` is complete."""

    status: int = 0
    body: bytes = b""
    took_ms: float = 0.0
    trouble: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


async def fetch(
    session: Session,
    url: str,
    timeout_sec: float,
    headers: Mapping[str, str] | None = None,
    params: Mapping[str, str] | None = None,
    max_bytes: int = MAX_BYTES,
    posts: Mapping[str, Any] | None = None,
    method: str = "",
) -> Fetched:
    """Send a GET, or a POST of `posts` as JSON, unless `method` says otherwise.

    Redirects are not followed: a probe asks the server it was given.

    `timeout_sec` is the timeout of the whole request; a body of more than `max_bytes` is `trouble`.
    """
    started = time.perf_counter()
    method = method or ("GET" if posts is None else "POST")
    sent = {"Accept-Encoding": "identity", **(headers or {})}
    try:
        async with (
            asyncio.timeout(timeout_sec),
            session().request(
                method, url, headers=sent, params=params, json=posts, allow_redirects=False, timeout=NO_OTHER
            ) as answer,
        ):
            body = await _read_body(answer, max_bytes)
            if body is None:
                answer.close()  # not read to its end, so the connection cannot be reused
                return Fetched(trouble=f"answered with more than {max_bytes / 1e6:g} MB")
            took_ms = (time.perf_counter() - started) * 1000
            return Fetched(answer.status, body, took_ms, headers=answer.headers)
    except TimeoutError:
        return Fetched(trouble=f"no answer in {timeout_sec * 1000:.0f} ms")
    except aiohttp.ClientConnectorDNSError:
        return Fetched(trouble=UNKNOWN_NAME)
    except aiohttp.ClientConnectorError:
        return Fetched(trouble="connection refused")
    except (aiohttp.ClientError, OSError, RuntimeError):  # aiohttp raises the last for a closed session
        return Fetched(trouble="closed the connection without an answer")


async def _read_body(answer: aiohttp.ClientResponse, max_bytes: int) -> bytes | None:
    body = bytearray()
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) > max_bytes:
            return None
    return bytes(body)


def parsed(body: bytes) -> Any:
    """Return the JSON in `body`; None where it is not JSON, and for JSON's own `null`."""
    try:
        return _DECODER.decode(body.decode(json.detect_encoding(body), "surrogatepass"))
    except (ValueError, RecursionError):
        return None


def _refuse_constant(constant: str) -> None:
    # Python accepts NaN and Infinity, which are no JSON and no measurements.
    raise ValueError(f"JSON has no {constant}")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
"""Made once: `json.loads` would make one for each answer."""
