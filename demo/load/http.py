"""Requests by HTTP: GET of one URL. An answer below 400 is a success; a redirect is an answer, and not followed."""

import asyncio
from collections.abc import Mapping

import aiohttp

from demo.load.sender import BROKEN, NO_ANSWER, OK, RequestResult

REFUSED = RequestResult("connection refused", is_answer=False)


class HttpSender:
    """Keeps connections open between requests, as many as are needed at the same time. Made within a running loop."""

    def __init__(self, url: str, timeout_sec: float, headers: Mapping[str, str] | None = None) -> None:
        self._url, self._timeout_sec = url, timeout_sec
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(),
            headers=headers,
        )

    async def send(self, number: int) -> RequestResult:
        try:
            async with (
                asyncio.timeout(self._timeout_sec),
                self._session.get(self._url, allow_redirects=False) as response,
            ):
                while await response.content.readany():
                    pass
        except TimeoutError:
            return NO_ANSWER
        except aiohttp.ClientConnectorError:
            return REFUSED
        except (aiohttp.ClientError, OSError):
            return BROKEN
        return OK if response.status < 400 else RequestResult(f"answered with status {response.status}")

    async def close(self) -> None:
        await self._session.close()
