"""One HTTP request of a fault or an undo: with a deadline, a bounded answer, and errors without addresses' secrets."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from demo.errors import FaultError

MAX_ANSWER = 1_000_000
GONE = (404, 410)
"""What an undo may be answered: there is nothing left to undo, which the proof confirms or not."""


@dataclass(frozen=True)
class HttpAnswer:
    status: int
    body: bytes
    etag: str


async def send(request: Mapping[str, Any], said: str, timeout_sec: float, *, undoing: bool = False) -> None:
    """Send a request of `url`, `method`, `headers` and `body`; a redirect is not followed.

    `said`: its URL as the show file has it, for messages. Raises `FaultError` unless the answer is 2xx, or says "gone"
    to an undo.
    """
    answer = await exchange(request, said, timeout_sec)
    if 200 <= answer.status < 300 or (undoing and answer.status in GONE):
        return
    raise FaultError(f"{describe_request(request, said)} was answered with {answer.status}")


def describe_request(request: Mapping[str, Any], said: str) -> str:
    """Return method and URL for people, without what may be secret: user, password and query."""
    parts = urlsplit(said)
    return f"{request.get('method', 'GET')} {parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


async def exchange(request: Mapping[str, Any], said: str, timeout_sec: float) -> HttpAnswer:
    """Send a request and return its answer, whatever its status. Raises `FaultError` if there is none."""
    limit = min(timeout_sec, float(request.get("timeout", timeout_sec)))
    headers, data = _encode_body(request)
    what = describe_request(request, said)
    try:
        async with (
            asyncio.timeout(limit),
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session,
            session.request(
                request.get("method", "GET"), request["url"], headers=headers, data=data, allow_redirects=False
            ) as answer,
        ):
            return HttpAnswer(answer.status, await _read_body(answer, what), answer.headers.get("ETag", ""))
    except TimeoutError as error:
        raise FaultError(f"{what} was not answered within {limit:.3g} s") from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        # Their texts hold the whole address.
        raise FaultError(f"{what} could not be sent or was not answered ({type(error).__name__})") from None


def _encode_body(request: Mapping[str, Any]) -> tuple[dict[str, str], bytes | None]:
    body, headers = request.get("body"), dict(request.get("headers") or {})
    if body is None:
        return headers, None
    if isinstance(body, str):
        return headers, body.encode()
    if "content-type" not in {name.lower() for name in headers}:
        headers["Content-Type"] = "application/json"
    return headers, json.dumps(body).encode()


async def _read_body(answer: aiohttp.ClientResponse, what: str) -> bytes:
    body = bytearray()
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) > MAX_ANSWER:
            raise FaultError(f"{what} was answered with more than {MAX_ANSWER / 1e6:g} MB")
    return bytes(body)
