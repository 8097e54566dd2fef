"""Requests to receivers: one attempt each, with a timeout, without redirects, proxies or cookies."""

import asyncio
import email.utils
import errno
import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any, Literal
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from demo import __version__
from demo.notify.delivery import DeliveryResult
from demo.threads.worker_thread import run_in_thread

TIMEOUT_SEC = 15.0
"""How long one attempt may take, the lookup of the host included."""

MAX_BODY = 65_536
"""Bytes of an answer that are read."""

GONE = 410
NOT_ACCEPTED = (400, 413, 415, 422)
"""The answers that concern this one message: sent again, it would be refused again."""


@dataclass(frozen=True, slots=True)
class DeliveryAnswer:
    """What came of an attempt. `status` 0: no answer, and `error` says why. `retry_after_sec`: as asked for."""

    status: int
    body: bytes = b""
    retry_after_sec: float | None = None
    error: str = ""


def outcome_of(answer: DeliveryAnswer) -> DeliveryResult:
    """Return what an answer means for the message that was sent."""
    if 200 <= answer.status < 300:
        return DeliveryResult("delivered")
    if answer.status == GONE:
        return DeliveryResult("gone", "it answers 410, gone")
    error = answer.error or f"it answers {answer.status}"
    if 300 <= answer.status < 400:
        error += ", a redirect, which is not followed: give the address it leads to"
    kind: Literal["refused", "failed"] = "refused" if answer.status in NOT_ACCEPTED else "failed"
    return DeliveryResult(kind, error, answer.retry_after_sec)


class DaemonResolver(AbstractResolver):
    """Looks hosts up in daemon threads: a lookup that hangs keeps neither the loop's threads nor the process."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        lookup = run_in_thread(lambda: socket.getaddrinfo(host, port, family, socket.SOCK_STREAM), f"looking up {host}")
        return [
            ResolveResult(
                hostname=host, host=str(address[0]), port=port, family=found, proto=proto, flags=socket.AI_NUMERICHOST
            )
            for found, _, proto, _, address in await asyncio.wrap_future(lookup)
        ]

    async def close(self) -> None: ...


class HttpClient:
    """One session for all receivers. `wall_clock` returns the date in seconds of the epoch, for `Retry-After`."""

    def __init__(self, wall_clock: Callable[[], float], timeout_sec: float = TIMEOUT_SEC) -> None:
        self._wall_clock = wall_clock
        self._timeout_sec = timeout_sec
        self._session: aiohttp.ClientSession | None = None

    async def request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, *, reads_body: bool = False
    ) -> DeliveryAnswer:
        """Send a request and return its answer, or why there is none. Raises nothing but a cancellation."""
        try:
            async with asyncio.timeout(self._timeout_sec):
                sending = self._open().request(method, url, headers=headers, data=body, allow_redirects=False)
                async with sending as response:
                    retry_after = self._read_retry_after(response.headers.get("retry-after", ""))
                    return DeliveryAnswer(
                        response.status, await _read_body(response) if reads_body else b"", retry_after
                    )
        except TimeoutError:
            return DeliveryAnswer(0, error=f"it does not answer within {self._timeout_sec:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return DeliveryAnswer(0, error=_describe(error))

    async def find_host(self, url: str) -> str:
        """Return why the host of `url` cannot be looked up; empty when it can."""
        host = urlsplit(url).hostname or ""
        try:
            async with asyncio.timeout(self._timeout_sec):
                await DaemonResolver().resolve(host)
        except TimeoutError:
            return f"its host was not found within {self._timeout_sec:g} s"
        except (OSError, ValueError):
            return "its host cannot be found"
        return ""

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(resolver=DaemonResolver()),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(),
                headers={"User-Agent": f"chaos-stage/{__version__}"},
            )
        return self._session

    def _read_retry_after(self, text: str) -> float | None:
        """Return the seconds of a `Retry-After`, which is a number of them or a date; None for neither."""
        if text.isascii() and text.isdecimal() and len(text) < 10:
            return float(text)
        try:
            date = email.utils.parsedate_to_datetime(text)
        except ValueError:
            return None
        return max(0.0, (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - self._wall_clock())


async def _read_body(response: aiohttp.ClientResponse) -> bytes:
    body = b""
    async for chunk in response.content.iter_chunked(8192):
        body += chunk
        if len(body) > MAX_BODY:
            break
    return body[:MAX_BODY]


def _describe(error: Exception) -> str:
    """Say why there is no answer, in our own words: texts of libraries may contain the URL."""
    reasons: tuple[tuple[type[Any], str], ...] = (
        (aiohttp.ClientConnectorDNSError, "its host cannot be found"),
        (aiohttp.ClientConnectorCertificateError, "its certificate is not trusted"),
        (aiohttp.ClientSSLError, "no TLS connection to it can be made"),
        (aiohttp.ClientConnectorError, "it cannot be reached"),
        (aiohttp.ServerDisconnectedError, "it closes the connection without an answer"),
        (aiohttp.ClientOSError, "the connection to it breaks"),
        (aiohttp.ClientPayloadError, "its answer breaks off"),
        (aiohttp.ClientResponseError, "its answer is not valid HTTP"),
    )
    known = next((text for kind, text in reasons if isinstance(error, kind)), type(error).__name__)
    # Its subclasses are about names and TLS, whose numbers are not the system's.
    number = error.os_error.errno if type(error) is aiohttp.ClientConnectorError else None
    return f"{known} ({os.strerror(number)})" if number in errno.errorcode and number else known
