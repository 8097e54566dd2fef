"""`Delivery`: a bounded queue to one receiver, and the task that empties it, in order and with retries."""

import asyncio
import contextlib
import logging
import random
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from demo.errors import log_unexpected

logger = logging.getLogger(__name__)

T = TypeVar("T")

MAX_QUEUED = 1000
"""Messages that wait for one receiver; when there are more, the oldest is dropped."""

MAX_AGE_SEC = 600.0
"""How long a message is tried to be delivered, counted from its event."""

FIRST_PAUSE_SEC, MAX_PAUSE_SEC = 0.5, 30.0
"""The pause between two attempts: twice as long after each that fails, and in part random."""

MAX_RETRY_AFTER_SEC = 300.0
"""A receiver may ask for a longer pause, up to this."""

FAILURES_UNTIL_SAID = 2
SAID_EVERY_SEC = 60.0
"""That a receiver fails is said after so many failures in a row, and at most this often."""


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    """What becomes of a message: `failed` is tried again, after `retry_after_sec` at the earliest."""

    kind: Literal["delivered", "failed", "refused", "gone"]
    error: str = ""
    retry_after_sec: float | None = None


class Delivery(Generic[T]):
    """Sends messages to one receiver until `close`.

    `name` is its label in the metrics, `address` what people are shown of its URL. `send` makes one attempt. `say` gets
    a line for the presenter, and whether it is an error.
    """

    def __init__(
        self, name: str, address: str, send: Callable[[T], Awaitable[DeliveryResult]], say: Callable[[str, bool], None]
    ) -> None:
        self.name, self.address = name, address
        self.counts = Counter({"delivered": 0, "retried": 0, "dropped": 0})
        self._send, self._say = send, say
        self._queue: deque[tuple[T, float]] = deque()
        self._under_way = 0
        self._grown, self._closing = asyncio.Event(), asyncio.Event()
        self._is_gone = False
        self._failures = 0
        self._dropped_before = 0
        self._said_at: float | None = None
        self._is_said = False

    @property
    def waiting(self) -> int:
        """Return how many messages are not delivered yet."""
        return len(self._queue) + self._under_way

    def put(self, message: T, age_sec: float = 0.0) -> None:
        """Enqueue a message; it is dropped if the receiver is gone, and the oldest one if too many wait.

        `age_sec`: how long ago its event was.
        """
        if self._is_gone or self._closing.is_set():
            self.counts["dropped"] += 1
            return
        if len(self._queue) >= MAX_QUEUED:
            self._queue.popleft()
            self.counts["dropped"] += 1
        self._queue.append((message, time.monotonic() - age_sec))
        self._grown.set()

    async def run(self) -> None:
        """Deliver until the receiver is gone, or until the queue is empty after `finish`."""
        while not self._is_gone:
            if self._queue:
                await self._deliver(*self._queue.popleft())
            elif self._closing.is_set():
                return
            else:
                self._grown.clear()
                await self._grown.wait()

    def finish(self) -> None:
        """Make `run` end: what waits is sent at once, and nothing more once an attempt has failed."""
        self._closing.set()
        self._grown.set()

    def drop_all(self) -> None:
        """Count what was not delivered as dropped."""
        self.counts["dropped"] += self.waiting
        self._queue.clear()
        self._under_way = 0

    async def _deliver(self, message: T, since: float) -> None:
        self._under_way = 1
        while True:
            if time.monotonic() - since > MAX_AGE_SEC:
                break
            outcome = await self._attempt(message)
            if outcome.kind == "delivered":
                self._under_way = 0
                self.counts["delivered"] += 1
                self._note_success()
                return
            self._note_failure(outcome)
            if outcome.kind == "gone":
                self._is_gone = True
                self.drop_all()
                return
            if outcome.kind == "refused":
                break
            if self._closing.is_set():
                self.drop_all()
                return
            self.counts["retried"] += 1
            await self._pause(outcome.retry_after_sec)
        self._under_way = 0
        self.counts["dropped"] += 1

    async def _attempt(self, message: T) -> DeliveryResult:
        try:
            return await self._send(message)
        except Exception as error:  # noqa: BLE001 - a bug of ours costs this message, not the others
            log_unexpected(logger, f"telling {self.name}", error)
            return DeliveryResult("refused", f"the message cannot be sent ({type(error).__name__})")

    async def _pause(self, retry_after_sec: float | None) -> None:
        pause = min(MAX_PAUSE_SEC, FIRST_PAUSE_SEC * 2 ** min(self._failures - 1, 20))
        # Random, so that many shows do not come back to a receiver all at once.
        pause = random.uniform(pause / 2, pause)  # noqa: S311 - no secret
        pause = max(pause, min(retry_after_sec or 0.0, MAX_RETRY_AFTER_SEC))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), pause)

    def note_unreachable(self, why: str) -> None:
        """Say that the receiver cannot be reached, known before there was anything to send."""
        if not self._is_said:
            self._tell(f"{self.name} ({self.address}) fails: {why}. The show goes on without it", is_error=True)
            self._is_said, self._said_at = True, time.monotonic()

    def _note_failure(self, outcome: DeliveryResult) -> None:
        self._failures += 1
        if outcome.kind == "gone":
            self._tell(f"{self.name} ({self.address}) is told nothing any more: {outcome.error}", is_error=True)
            return
        recently = self._said_at is not None and time.monotonic() - self._said_at < SAID_EVERY_SEC
        is_due = self._failures >= FAILURES_UNTIL_SAID or outcome.kind == "refused" or self._closing.is_set()
        if self._is_said or recently or not is_due:
            return
        self._is_said, self._said_at = True, time.monotonic()
        self._dropped_before = self.counts["dropped"]
        what = "this message is dropped" if outcome.kind == "refused" else "it is tried again"
        self._tell(f"{self.name} ({self.address}) fails: {outcome.error}; {what}", is_error=True)

    def _note_success(self) -> None:
        self._failures = 0
        if self._is_said:
            self._is_said = False
            lost = self.counts["dropped"] - self._dropped_before
            text = f"; {lost} {'message was' if lost == 1 else 'messages were'} dropped" if lost else ""
            self._tell(f"{self.name} ({self.address}) works again{text}", is_error=False)

    def _tell(self, text: str, *, is_error: bool) -> None:
        logger.log(logging.WARNING if is_error else logging.INFO, text)
        self._say(text, is_error)
