"""The server's side of its watchdog: starts it before the first fault, hands it every undo, gives signs of life."""

import asyncio
import contextlib
import json
import math
import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from demo.errors import FaultError, UsageError
from demo.processes.child import ROOT, start_time_of
from demo.types import Plan

SCRIPT = Path(__file__).with_name("process.py")
ANSWER_SEC = 3.0
BEAT_SEC = 0.5
MAX_UNANSWERED = 10
GRACE_SEC = 1.0
"""What a fault may outlast its time before the watchdog doubts the server."""

PATIENCE = "DEMO_WATCHDOG_PATIENCE_SEC"


def patience_sec() -> float:
    """How long a server may be silent until what lasts until it is healed is healed for it. Raises `UsageError`."""
    said = os.environ.get(PATIENCE) or "30"
    with contextlib.suppress(ValueError):
        if 0 < (patience := float(said)) < math.inf:
            return patience
    raise UsageError(f"{PATIENCE} is {said!r}: it takes a number of seconds above 0, like 30")


class WatchdogClient:
    """A process in a session of its own that heals what is pending as soon as this one is gone, or hangs.

    Told what `demo.watchdog.heal` needs to make the drivers anew: the subject's name and options.
    """

    def __init__(self, subject: str, options: Mapping[str, Any]) -> None:
        self._show = {
            "subject": subject,
            "options": dict(options),
            "journal": None,
            "root": str(ROOT),
            "pid": os.getpid(),
            "patience": patience_sec(),
        }
        self._held: dict[str, dict[str, Any]] = {}
        self._line: _WatchdogPipe | None = None
        self._beating: asyncio.Task[None] | None = None
        self._one_at_a_time = asyncio.Lock()
        self._tell_presenter: Callable[[str], None] = lambda text: None

    def begin(self, journal: Path, tell: Callable[[str], None]) -> None:
        self._show["journal"] = str(journal.absolute())
        self._tell_presenter = tell

    @property
    def pid(self) -> int | None:
        """Of the process, while it lives."""
        return self._line.pid if self._line is not None and self._line.is_open else None

    @property
    def is_alive(self) -> bool:
        return self.pid is not None and start_time_of(self.pid) is not None

    async def hold(self, ident: str, fault: str, plan: Plan, lasts_sec: float) -> None:
        """Returns when the watchdog has this undo. Raises `FaultError` when there can be none.

        `lasts_sec`: the fault's own time; `math.inf` until somebody heals it.
        """
        lasts = None if lasts_sec == float("inf") else lasts_sec + GRACE_SEC
        plain = asdict(plan) | {"undo": dict(plan.undo)}
        order = {"hold": ident, "fault": fault, "plan": plain, "lasts": lasts, "applied": False}
        async with self._one_at_a_time:
            self._held[ident] = order
            try:
                await self._hand_over(ident, order)
            except BaseException:
                self._held.pop(ident, None)
                raise
        if self._beating is None or self._beating.done():
            self._beating = asyncio.create_task(self._beat(), name="signs of life for the watchdog")

    async def _hand_over(self, ident: str, order: Mapping[str, Any]) -> None:
        if self._line is None or not self._line.is_open or not await self._line.ask(order, {"held": ident}):
            await self._start()

    async def _start(self) -> None:
        """A new process with everything that is held; an old one that does not answer is ended first."""
        if self._line is not None:
            self._line.end()
        self._line = await _WatchdogPipe.open(self._show)
        for ident, order in tuple(self._held.items()):
            # What was healed meanwhile is not handed over any more.
            if ident in self._held and not await self._line.ask(order, {"held": ident}):
                raise FaultError("the watchdog that would heal it after a crash does not answer")
            if ident not in self._held:
                self._tell({"release": ident})

    def applied(self, ident: str) -> None:
        """The fault is in place: nothing of it is under way any more."""
        if ident in self._held:
            self._held[ident]["applied"] = True
        self._tell({"applied": ident})

    def release(self, ident: str) -> None:
        """It is healed, and that was verified."""
        self._held.pop(ident, None)
        self._tell({"release": ident})

    def _tell(self, order: Mapping[str, Any]) -> None:
        if self._line is not None:
            self._line.tell(order)

    async def _beat(self) -> None:
        """While anything is held. A watchdog that died is replaced at once."""
        while self._held:
            async with self._one_at_a_time:
                await self._replace()
            if self._line is not None:
                self._line.beat()
                await asyncio.wait({self._line.ended}, timeout=BEAT_SEC)

    async def _replace(self) -> None:
        if self._line is not None and self._line.is_open:
            return
        try:
            await self._start()
        except Exception as error:  # noqa: BLE001 - it is tried again, as long as anything is held
            self._tell_presenter(f"the watchdog died, and no other could be started: {error}")
            await asyncio.sleep(BEAT_SEC)
        else:
            self._tell_presenter("the watchdog died; another one took over")

    async def close(self) -> None:
        """Let go. What is still held is healed by the watchdog, which stays for that; else it ends."""
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.wait({self._beating})
        if self._line is not None:
            self._line.close()


async def trial() -> None:
    """Start one that has nothing to heal, and see it end. Raises `FaultError` when there can be none."""
    line = await _WatchdogPipe.open(
        {"subject": "", "options": {}, "journal": None, "root": str(ROOT), "pid": os.getpid()}
    )
    line.close()
    until = asyncio.get_running_loop().time() + ANSWER_SEC
    while line.pid is not None and start_time_of(line.pid) is not None:
        if asyncio.get_running_loop().time() > until:
            raise FaultError(f"the watchdog did not end within {ANSWER_SEC:g} s: kill {line.pid} ends it")
        await asyncio.sleep(0.01)


class _WatchdogPipe:
    """The two pipes to one watchdog process. `close` is what it takes for our death."""

    def __init__(self, orders: int, words: int) -> None:
        self._orders = orders
        self._words = words
        self._heard: list[dict[str, Any]] = []
        self._buffer = b""
        self._news = asyncio.Event()
        self._unanswered = 0
        self.pid: int | None = None
        self.is_open = True
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().add_reader(words, self._read)

    @classmethod
    async def open(cls, show: Mapping[str, Any]) -> "_WatchdogPipe":
        """Start a process and wait until it is ready. Raises `FaultError`."""
        try:
            stdin, orders = os.pipe()
            words, stdout = os.pipe()
        except OSError as error:
            raise FaultError(f"no watchdog could be started: {error.strerror or error}") from error
        os.set_blocking(orders, False)
        os.set_blocking(words, False)
        line = cls(orders, words)
        try:
            await line._spawn(stdin, stdout, show)
        except BaseException:
            line.end()
            raise
        return line

    async def _spawn(self, stdin: int, stdout: int, show: Mapping[str, Any]) -> None:
        command = (sys.executable, "-I", "-S", str(SCRIPT))
        try:
            starter = await asyncio.create_subprocess_exec(*command, stdin=stdin, stdout=stdout, start_new_session=True)
        except OSError as error:
            raise FaultError(f"no watchdog could be started: {error.strerror or error}") from error
        finally:
            os.close(stdin)
            os.close(stdout)
        self.tell(show)
        ready = await self._until(lambda word: "ready" in word)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ANSWER_SEC):
                await starter.wait()
        if ready is None:
            raise FaultError(f"no watchdog could be started: it was not ready within {ANSWER_SEC:g} s")
        self.pid = ready["ready"]

    def beat(self) -> None:
        """A sign of life, which is answered; a watchdog that answers none of ten is given up."""
        self._unanswered += 1
        if self._unanswered > MAX_UNANSWERED:
            self.end()
        else:
            self.tell({"beat": self._unanswered})

    async def ask(self, order: Mapping[str, Any], answer: Mapping[str, Any]) -> bool:
        """Send an order and wait for its answer; False when there is none in time."""
        return self.tell(order) and await self._until(lambda word: word == answer) is not None

    def tell(self, order: Mapping[str, Any]) -> bool:
        """Send without waiting. A line that takes no more is given up."""
        if not self.is_open:
            return False
        line = json.dumps(order).encode() + b"\n"
        try:
            sent = os.write(self._orders, line)
        except OSError:
            sent = 0
        if sent < len(line):
            self.end()
            return False
        return True

    async def _until(self, wanted: Any) -> dict[str, Any] | None:
        try:
            async with asyncio.timeout(ANSWER_SEC):
                while True:
                    for word in self._heard:
                        if wanted(word):
                            self._heard.remove(word)
                            return word
                    if not self.is_open:
                        return None
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return None

    def _read(self) -> None:
        try:
            chunk = os.read(self._words, 65536)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        *lines, self._buffer = (self._buffer + chunk).split(b"\n")
        for word in map(json.loads, lines):
            if "beat" in word:
                self._unanswered = 0
            else:
                self._heard.append(word)
        if not chunk:
            self.close()
        self._news.set()

    def close(self) -> None:
        """Our end of the pipes. Safe to call twice."""
        if self.is_open:
            self.is_open = False
            asyncio.get_running_loop().remove_reader(self._words)
            os.close(self._words)
            os.close(self._orders)
            self._news.set()
            self.ended.set_result(None)

    def end(self) -> None:
        """It does not answer: end it, so that two never heal the same. Its number is ours as long as its pipe is."""
        if self.is_open and self.pid is not None:
            with contextlib.suppress(OSError):
                os.kill(self.pid, signal.SIGKILL)
        self.close()
