"""Connections of this process to a cluster and to its client process, opened at first use."""

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
"""The id of the client process."""


class Connections:
    """`close()` ends them; whoever asks after that opens them anew."""

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
    """How the client process is asked and told."""

    def __init__(self, lines: Connections, port: int, token: str) -> None:
        self._lines = lines
        self._url = f"http://{HOST}:{port}"
        self._asking = partial(proof_of_identity.Question, token, CLIENT)

    def probe(
        self, path: str = "health", deadline_sec: float = 0.4, posts: Mapping[str, object] | None = None
    ) -> HttpProbe:
        url = f"{self._url}/{path}"
        return HttpProbe(self._lines.session, url, deadline_sec=deadline_sec, posts=posts, asking=self._asking)

    async def tell(self, path: str, body: dict[str, object], within_sec: float = 2.0) -> Reading:
        """Raises `SubjectError` when it does not answer, or refuses."""
        reading = await self.probe(path, within_sec, body).look()
        if not reading.ok:
            raise SubjectError(f"the client process: {reading.trouble}")
        return reading
