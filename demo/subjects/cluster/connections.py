"""This process's connections to a cluster and to its client process, opened at first use."""

from collections.abc import Mapping
from functools import partial

import aiohttp

from demo.errors import SubjectError
from demo.probes.http import HttpProbe
from demo.probes.result import Reading
from demo.processes import proof_of_identity
from demo.processes.service_auth import HOST

TOTAL_SEC = 5.0

CLIENT = "load"
"""The id under which the client process proves its identity."""


class HttpConnections:
    """One HTTP session for all requests. `close()` ends it; a request after that opens a new one."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    def session(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            connector = aiohttp.TCPConnector(limit=0)
            self._session = aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=TOTAL_SEC))
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


class ClientConnection:
    """Requests to the client process."""

    def __init__(self, lines: HttpConnections, port: int, token: str) -> None:
        self._connections = lines
        self._url = f"http://{HOST}:{port}"
        self._asking = partial(proof_of_identity.SignedRequest, token, CLIENT)

    def probe(
        self, path: str = "health", timeout_sec: float = 0.4, posts: Mapping[str, object] | None = None
    ) -> HttpProbe:
        url = f"{self._url}/{path}"
        return HttpProbe(self._connections.session, url, timeout_sec=timeout_sec, posts=posts, asking=self._asking)

    async def send(self, path: str, body: dict[str, object], within_sec: float = 2.0) -> Reading:
        """Send `body` by POST and return the answer. Raises `SubjectError` if the client does not answer or refuses."""
        reading = await self.probe(path, within_sec, body).read()
        if not reading.ok:
            raise SubjectError(f"the client process: {reading.trouble}")
        return reading
