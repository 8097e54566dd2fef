"""One client of the limiter: asks a node, tries another one once if that fails, and counts the outcomes."""

import itertools
import time
from collections import Counter, deque
from collections.abc import Mapping

import aiohttp
from yarl import URL

from demo.processes.proof_of_identity import SignedRequest
from demo.processes.service_auth import HOST
from demo.subjects.request_stats import SPAN_SEC, Outcome, RollingStats

ANSWER_SEC = 2.0
ATTEMPTS = 2

_OUTCOMES: dict[int, Outcome] = {200: "ok", 429: "limited"}


class Caller:
    """Takes the nodes in turn. It sends POST, because aiohttp repeats a failed GET by itself."""

    def __init__(self, ports: Mapping[str, int], token: str) -> None:
        """Set up; `ports`: of each node by its id."""
        self._nodes = tuple(ports.items())
        self._turn = itertools.count()
        self._token = token
        self._session: aiohttp.ClientSession | None = None
        self.recent = RollingStats()
        self.retried = 0
        self.in_flight: Counter[str] = Counter()
        self._peaks: deque[tuple[float, str, int]] = deque()

    def open(self) -> aiohttp.ClientSession:
        """Open and return the session, which the caller closes; needs a running event loop."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=ANSWER_SEC),
        )
        return self._session

    async def ask(self, key: str) -> Outcome:
        started = time.perf_counter()
        self._count_in_flight(key)
        try:
            outcome = await self._ask(key)
        finally:
            self.in_flight[key] -= 1
        self.recent.add(outcome, time.perf_counter() - started)
        return outcome

    async def _ask(self, key: str) -> Outcome:
        first = next(self._turn)
        for attempt in range(ATTEMPTS):
            node, port = self._nodes[(first + attempt) % len(self._nodes)]
            outcome = _OUTCOMES.get(await self._request_status(node, port, key))
            if outcome is not None:
                return outcome
            self.retried += attempt == 0
        return "failed"

    async def _request_status(self, node: str, port: int, key: str) -> int:
        """Send one request and return its HTTP status; 0 without an answer, or if another process answered."""
        if self._session is None:
            return 0
        question = SignedRequest(self._token, node, "POST", f"/check/{key}")
        url = URL(f"http://{HOST}:{port}{question.path}", encoded=True)
        try:
            async with self._session.post(url, headers=question.headers) as answer:
                return answer.status if question.is_answered(answer.status, answer.headers, b"") else 0
        except (aiohttp.ClientError, OSError, TimeoutError):
            return 0

    def _count_in_flight(self, key: str) -> None:
        self.in_flight[key] += 1
        self._peaks.append((time.monotonic(), key, self.in_flight[key]))

    def peaks(self) -> dict[str, int]:
        """Return the maximum number of simultaneous requests in the last seconds, by key."""
        while self._peaks and self._peaks[0][0] < time.monotonic() - SPAN_SEC:
            self._peaks.popleft()
        highest: dict[str, int] = {}
        for _, key, count in self._peaks:
            highest[key] = max(highest.get(key, 0), count)
        return highest
