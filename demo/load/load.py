"""One load: sends requests at a steady rate of arrivals. A slow or dead system does not slow it."""

import asyncio
import logging
from collections.abc import Callable

from demo.clock import uptime
from demo.errors import log_unexpected
from demo.load.arrivals import MAX_LATE_SEC, Arrivals
from demo.load.measured import MeasuredRequests
from demo.load.sender import RequestResult, Sender
from demo.load.window import SLICE_SEC, Window

logger = logging.getLogger(__name__)

MAX_IN_FLIGHT = 2000
"""Requests under way at the same time. What is due beyond that is not sent, which is counted and said."""

LATEST_SLEEP_SEC = 0.5
CLOSE_TIMEOUT_SEC = 3.0


class Load:
    """Sends by `sender`, whose timeout is `timeout_sec`. `measured` is called a few times a second while it does.

    All in one event loop. `set_rate` begins; `close` ends it for good.
    """

    def __init__(
        self,
        sender: Sender,
        timeout_sec: float,
        *,
        max_in_flight: int = MAX_IN_FLIGHT,
        measured: Callable[[], None] = lambda: None,
    ) -> None:
        self._sender, self._timeout_sec = sender, timeout_sec
        self._most, self._bound = max_in_flight, max_in_flight
        self._tell = measured
        self._told_at = 0.0
        self._arrivals = Arrivals()
        self._window = Window()
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._number = 0
        self._failed_before = False
        self.last_trouble = ""
        """Why the newest request that failed did so; empty after one that succeeded."""

    @property
    def rate(self) -> float:
        """Arrivals a second; 0 while it is stopped."""
        return self._arrivals.rate

    @property
    def in_flight(self) -> int:
        return len(self._tasks)

    def set_rate(self, rate: float, max_in_flight: int | None = None) -> None:
        """Send so many a second from now on; 0 sends no more, and lets those end that are under way.

        `max_in_flight` can only lower the bound of those that are under way at the same time.
        """
        self._bound = self._most if max_in_flight is None else min(self._most, max_in_flight)
        self._arrivals.set_rate(rate, uptime())
        self._wait()

    def measure_since(self, moment: float | None) -> None:
        """Measure from an uptime on, in seconds: a fault began then. None: there is no fault."""
        if moment != self._window.since:
            self._window.begin(moment)

    def measured(self) -> MeasuredRequests:
        """Return what was measured since the fault began, or else of the last 10 s."""
        return self._window.recent(uptime()) if self._window.since is None else self._window.all_since()

    def recent(self, seconds: float) -> MeasuredRequests:
        """Return what was measured in the last `seconds`, up to 10."""
        return self._window.recent(uptime(), seconds)

    async def close(self) -> None:
        """Stop, cancel what is under way, and close the connections."""
        self._arrivals.set_rate(0, uptime())
        self._wait()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=CLOSE_TIMEOUT_SEC)
        await self._sender.close()

    def _wait(self) -> None:
        """Set the timer for the next request; without a task of its own, a start costs one wake-up."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        if (due := self._arrivals.next_at) is not None:
            # The timers of the loop stop while the machine sleeps, the uptime does not.
            delay = min(max(due - uptime(), 0.0), LATEST_SLEEP_SEC)
            self._timer = asyncio.get_running_loop().call_later(delay, self._start_due)

    def _start_due(self) -> None:
        now = uptime()
        due = self._arrivals.take(now)
        missed = due.missed
        for moment in due.moments:
            if len(self._tasks) >= self._bound:
                missed += 1
                continue
            self._number += 1
            task = asyncio.create_task(self._request(self._number, moment))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        if missed:
            self._miss(missed, now)
        self._wait()

    def _miss(self, count: int, now: float) -> None:
        for place in self._window.at(now):
            place.missed += count

    async def _request(self, number: int, due: float) -> None:
        started = uptime()
        if started - due > MAX_LATE_SEC:
            # This machine is too slow: what would be measured now is not the system.
            self._miss(1, started)
            return
        try:
            answer = await self._sender.send(number)
        except Exception as error:  # noqa: BLE001 - it is logged, and the request has failed
            self._log_once(error)
            answer = RequestResult("the request could not be sent", is_answer=False)
        self._take(answer, started - due, uptime(), started)

    def _log_once(self, error: Exception) -> None:
        """Log the first error that should not happen: a thousand a second would hide everything else."""
        if not self._failed_before:
            self._failed_before = True
            log_unexpected(logger, "a request of a load failed", error)

    def _take(self, answer: RequestResult, late: float, now: float, started: float) -> None:
        took = now - started if answer.is_answer else max(now - started, self._timeout_sec)
        for place in self._window.at(now):
            place.took.add(took)
            place.late.add(max(late, 0.0))
            place.errors += bool(answer.trouble)
        self.last_trouble = answer.trouble
        if now - self._told_at >= SLICE_SEC:
            self._told_at = now
            self._tell()
