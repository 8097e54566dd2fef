"""The book of a load by HTTP: each number is sent once, and one URL returns the numbers that the system has."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from demo.errors import BookError
from demo.load.http import REFUSED
from demo.load.sender import BROKEN, NO_ANSWER, NO_CONNECTION, OK, RequestResult

NUMBER, FIRST, LAST = "${n}", "${from}", "${to}"
MAX_READ_BYTES = 4 * 1024 * 1024
MAX_NUMBER = 10**15
CHUNK_BYTES = 64 * 1024
MAX_SPAN = 5000


@dataclass(frozen=True)
class BookRequest:
    """How a number is sent: `${n}` in `url` or `body` stands for it. Without any, the body is `{"n": 17}`."""

    url: str
    read: str
    method: str = "POST"
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    def filled(self, number: int) -> tuple[str, str]:
        """Return URL and body for a number."""
        text = str(number)
        body = self.body
        if not body and NUMBER not in self.url:
            body = f'{{"n": {NUMBER}}}'
        return self.url.replace(NUMBER, text), body.replace(NUMBER, text)


class HttpBook:
    """Numbers begin behind the highest one that the system has already: those are of an earlier show.

    Made within a running loop.
    """

    def __init__(self, request: BookRequest, timeout_sec: float) -> None:
        self._request, self._timeout_sec = request, timeout_sec
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(),
            headers=request.headers,
        )
        self._base: int | None = None
        self._preparing = asyncio.Lock()

    @property
    def max_span(self) -> int | None:
        return MAX_SPAN if FIRST in self._request.read else None

    async def write(self, number: int) -> RequestResult:
        sent = False
        try:
            async with asyncio.timeout(self._timeout_sec):
                base = await self._prepare()
                sent = True
                return await self._send(base + number)
        except TimeoutError:
            return NO_ANSWER if sent else NO_CONNECTION
        except BookError as error:
            return RequestResult(f"read: {error}", is_answer=False)
        except aiohttp.ClientConnectorError:
            return REFUSED
        except (aiohttp.ClientError, OSError):
            return BROKEN

    async def _send(self, number: int) -> RequestResult:
        url, body = self._request.filled(number)
        headers = {} if "content-type" in map(str.lower, self._request.headers) else {"Content-Type": _type_of(body)}
        async with self._session.request(
            self._request.method, url, data=body.encode() or None, headers=headers, allow_redirects=False
        ) as response:
            while await response.content.readany():
                pass
        if response.status < 300:
            return OK
        # What a gateway could not pass on may have arrived all the same.
        return RequestResult(f"answered with status {response.status}", is_ambiguous=response.status >= 500)

    async def _prepare(self) -> int:
        """Return the number behind which ours begin. Raises `BookError`."""
        async with self._preparing:
            if self._base is None:
                self._base = max((0, *(await self._get(0, MAX_NUMBER))))
            return self._base

    async def read(self, first: int, last: int) -> Sequence[int]:
        base = self._base or 0
        return [number - base for number in await self._get(base + first, base + last)]

    async def _get(self, first: int, last: int) -> Sequence[int]:
        url = self._request.read.replace(FIRST, str(first)).replace(LAST, str(last))
        try:
            async with self._session.get(url, allow_redirects=False) as response:
                if response.status != 200:
                    raise BookError(f"answered with status {response.status}")
                text = await _text_of(response)
        except aiohttp.ClientConnectorError as error:
            raise BookError(REFUSED.trouble) from error
        except (aiohttp.ClientError, OSError) as error:
            raise BookError(BROKEN.trouble) from error
        return numbers_in(text)

    async def close(self) -> None:
        """Close the connections. What was written stays: only the system knows how to remove it."""
        await self._session.close()


async def _text_of(response: aiohttp.ClientResponse) -> bytes:
    found = bytearray()
    while chunk := await response.content.read(CHUNK_BYTES):
        found += chunk
        if len(found) > MAX_READ_BYTES:
            raise BookError(f"its answer is longer than {MAX_READ_BYTES // 1024 // 1024} MB: use {FIRST} and {LAST}")
    return bytes(found)


def numbers_in(text: bytes) -> Sequence[int]:
    """Return the numbers of an answer: a JSON list of them, or text with blanks, commas or lines between them.

    Raises `BookError` for anything else.
    """
    try:
        if text.lstrip()[:1] in (b"[", b"{", b'"', b"n", b"t", b"f"):
            found: Any = json.loads(text)
            if not isinstance(found, list):
                raise BookError("its answer is not a list of numbers")
            return list(map(_whole, found))
        return list(map(int, text.replace(b",", b" ").split()))
    except (ValueError, TypeError, RecursionError):
        raise BookError("its answer is not a list of numbers") from None


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError(value)
    return int(value)


def _type_of(body: str) -> str:
    try:
        json.loads(body)
    except ValueError:
        return "text/plain; charset=utf-8"
    return "application/json"
