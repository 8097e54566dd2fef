"""The server's client of its watchdog: starts it before the first fault, sends it every undo, and a heartbeat."""

import asyncio
import contextlib
import fcntl
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
"""How much later than its time a fault may be healed before the watchdog heals it."""

MAX_ORDER_BYTES = 1 << 20

PATIENCE = "DEMO_WATCHDOG_PATIENCE_SEC"


def read_max_silence_sec() -> float:
    """Return how long a server may be silent before the watchdog heals faults without a time limit, in seconds.

    Raises `UsageError` for an environment variable that is not a number above 0.
    """
    text = os.environ.get(PATIENCE) or "30"
    with contextlib.suppress(ValueError):
        if 0 < (seconds := float(text)) < math.inf:
            return seconds
    raise UsageError(f"{PATIENCE} must be a number of seconds above 0, like 30, not {text!r}")


class WatchdogClient:
    """A process in its own session that heals pending faults as soon as this process is gone or hangs.

    It is given what `demo.watchdog.heal` needs to create the drivers again: the subject's name and options. `options`
    returns them as they are at the moment: with each undo those are sent with which its fault is injected.
    """

    def __init__(self, subject: str, options: Callable[[], Mapping[str, Any]]) -> None:
        self._options = options
        self._config = {
            "subject": subject,
            "options": dict(options()),
            "journal": None,
            # Where the package is: the healing processes put it on their search path.
            "root": str(ROOT),
            "pid": os.getpid(),
            "max_silence_sec": read_max_silence_sec(),
        }
        self._pending: dict[str, dict[str, Any]] = {}
        self._pipe: _WatchdogPipe | None = None
        self._heartbeat_task: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()
        self._notify_presenter: Callable[[str], None] = lambda text: None

    def begin(self, journal: Path, tell: Callable[[str], None]) -> None:
        """Set the journal whose undos the watchdog marks, and the function that notifies the presenter."""
        self._config["journal"] = str(journal.absolute())
        self._notify_presenter = tell

    @property
    def pid(self) -> int | None:
        """The id of the watchdog process; None while there is none."""
        return self._pipe.pid if self._pipe is not None and self._pipe.is_open else None

    @property
    def is_alive(self) -> bool:
        return self.pid is not None and start_time_of(self.pid) is not None

    async def hold(self, ident: str, fault: str, plan: Plan, lasts_sec: float) -> None:
        """Give an undo to the watchdog and return once it has confirmed. Raises `FaultError` when it cannot.

        `lasts_sec`: the duration of the fault; `math.inf` until somebody heals it.
        """
        # A server that is alive heals its own faults: the watchdog acts only this much later.
        heal_after_sec = None if lasts_sec == float("inf") else lasts_sec + GRACE_SEC
        plan_json = asdict(plan) | {"undo": dict(plan.undo)}
        order = {"hold": ident, "fault": fault, "plan": plan_json, "lasts": heal_after_sec, "applied": False}
        if (now := dict(self._options())) != self._config["options"]:
            order["options"] = now
        # One at a time: two tasks that both find the watchdog dead must not start two of them.
        async with self._lock:
            self._pending[ident] = order
            try:
                await self._send_undo(ident, order)
            except BaseException:
                # The fault is not injected then, so a later watchdog must not get this undo either.
                self._pending.pop(ident, None)
                raise
        if self._heartbeat_task is None or self._heartbeat_task.done():
            self._heartbeat_task = asyncio.create_task(self._send_heartbeats(), name="heartbeats for the watchdog")

    async def _send_undo(self, ident: str, order: Mapping[str, Any]) -> None:
        if self._pipe is None or not self._pipe.is_open or not await self._pipe.ask(order, {"held": ident}):
            await self._start()

    async def _start(self) -> None:
        """Start a new watchdog process and send it all pending undos; kill an old one that does not answer first.

        Raises `FaultError`.
        """
        if self._pipe is not None:
            self._pipe.end()
        self._pipe = await _WatchdogPipe.open(self._config)
        for ident, order in tuple(self._pending.items()):
            # Awaiting lets `release` run in between: what was healed meanwhile is not sent any more.
            if ident in self._pending and not await self._pipe.ask(order, {"held": ident}):
                raise FaultError("the watchdog that would heal it after a crash does not answer")
            if ident not in self._pending:
                self._send({"release": ident})

    def applied(self, ident: str) -> None:
        """Tell the watchdog that the injection is complete: nothing of it is under way any more."""
        if ident in self._pending:
            self._pending[ident]["applied"] = True
        self._send({"applied": ident})

    def release(self, ident: str) -> None:
        """Tell the watchdog that the fault is healed, and that this was verified."""
        self._pending.pop(ident, None)
        self._send({"release": ident})

    def _send(self, order: Mapping[str, Any]) -> None:
        if self._pipe is not None:
            self._pipe.send(order)

    async def _send_heartbeats(self) -> None:
        """Send a heartbeat while any undo is pending, and replace a watchdog that died at once."""
        while self._pending:
            async with self._lock:
                await self._restart_if_dead()
            if self._pipe is not None:
                self._pipe.beat()
                await asyncio.wait({self._pipe.ended}, timeout=BEAT_SEC)

    async def _restart_if_dead(self) -> None:
        if self._pipe is not None and self._pipe.is_open:
            return
        try:
            await self._start()
        except Exception as error:  # noqa: BLE001 - retried as long as an undo is pending
            self._notify_presenter(f"the watchdog has terminated, and no other could be started: {error}")
            await asyncio.sleep(BEAT_SEC)
        else:
            self._notify_presenter("the watchdog has terminated; a new one has taken over")

    async def close(self) -> None:
        """Close the pipes.

        A watchdog with pending undos takes that for our death and heals them; without any it ends.
        """
        if self._heartbeat_task is not None:
            self._heartbeat_task.cancel()
            await asyncio.wait({self._heartbeat_task})
        if self._pipe is not None:
            self._pipe.close()


async def check_start() -> None:
    """Start a watchdog with nothing to heal and wait until it ends.

    Raises `FaultError` when it cannot start or does not end.
    """
    pipe = await _WatchdogPipe.open(
        {"subject": "", "options": {}, "journal": None, "root": str(ROOT), "pid": os.getpid()}
    )
    pipe.close()
    deadline = asyncio.get_running_loop().time() + ANSWER_SEC
    while pipe.pid is not None and start_time_of(pipe.pid) is not None:
        if asyncio.get_running_loop().time() > deadline:
            raise FaultError(f"the watchdog did not stop within {ANSWER_SEC:g} s: `kill {pipe.pid}` stops it")
        await asyncio.sleep(0.01)


class _WatchdogPipe:
    """The two pipes to one watchdog process. It takes their `close` for the death of this process."""

    def __init__(self, command_fd: int, answer_fd: int) -> None:
        self._command_fd = command_fd
        self._answer_fd = answer_fd
        self._answers: list[dict[str, Any]] = []
        self._buffer = b""
        self._changed = asyncio.Event()
        self._unanswered = 0
        self.pid: int | None = None
        self.is_open = True
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().add_reader(answer_fd, self._read)

    @classmethod
    async def open(cls, show: Mapping[str, Any]) -> "_WatchdogPipe":
        """Start a watchdog process and wait until it is ready. Raises `FaultError`."""
        try:
            stdin, orders = os.pipe()
            # An order with a whole show file in it is written at once.
            with contextlib.suppress(OSError, AttributeError):
                fcntl.fcntl(orders, fcntl.F_SETPIPE_SZ, MAX_ORDER_BYTES)
            answers, stdout = os.pipe()
        except OSError as error:
            raise FaultError(f"no watchdog could be started: {error.strerror or error}") from error
        # A watchdog that hangs must not block the event loop once a pipe is full.
        os.set_blocking(orders, False)
        os.set_blocking(answers, False)
        pipe = cls(orders, answers)
        try:
            await pipe._spawn(stdin, stdout, show)
        except BaseException:
            pipe.end()
            raise
        return pipe

    async def _spawn(self, stdin: int, stdout: int, show: Mapping[str, Any]) -> None:
        # Isolated and without `site`: it starts in milliseconds, and no setting of the user changes what it imports.
        command = (sys.executable, "-I", "-S", str(SCRIPT))
        try:
            starter = await asyncio.create_subprocess_exec(*command, stdin=stdin, stdout=stdout, start_new_session=True)
        except OSError as error:
            raise FaultError(f"no watchdog could be started: {error.strerror or error}") from error
        finally:
            os.close(stdin)
            os.close(stdout)
        self.send(show)
        # The first process only forks the watchdog and exits, so its end says nothing: the answer does.
        ready = await self._wait_for_answer(lambda message: "ready" in message)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ANSWER_SEC):
                await starter.wait()
        if ready is None:
            raise FaultError(f"no watchdog could be started: it was not ready within {ANSWER_SEC:g} s")
        self.pid = ready["ready"]

    def beat(self) -> None:
        """Send a heartbeat, which the watchdog answers. Kill a watchdog that has left ten of them unanswered."""
        # Counted from the last answer: any answer sets it back to 0.
        self._unanswered += 1
        if self._unanswered > MAX_UNANSWERED:
            self.end()
        else:
            self.send({"beat": self._unanswered})

    async def ask(self, order: Mapping[str, Any], answer: Mapping[str, Any]) -> bool:
        """Send an order and wait for its answer; return False when none comes in time."""
        return self.send(order) and await self._wait_for_answer(lambda message: message == answer) is not None

    def send(self, order: Mapping[str, Any]) -> bool:
        """Send an order without waiting; return whether it was sent.

        A pipe that is full means that the watchdog hangs: it is killed.
        """
        if not self.is_open:
            return False
        line = json.dumps(order).encode() + b"\n"
        try:
            sent = os.write(self._command_fd, line)
        except OSError:
            sent = 0
        if sent < len(line):
            self.end()
            return False
        return True

    async def _wait_for_answer(self, is_wanted: Any) -> dict[str, Any] | None:
        try:
            async with asyncio.timeout(ANSWER_SEC):
                while True:
                    for answer in self._answers:
                        if is_wanted(answer):
                            self._answers.remove(answer)
                            return answer
                    if not self.is_open:
                        return None
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return None

    def _read(self) -> None:
        try:
            chunk = os.read(self._answer_fd, 65536)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        *lines, self._buffer = (self._buffer + chunk).split(b"\n")
        for answer in map(json.loads, lines):
            if "beat" in answer:
                self._unanswered = 0
            else:
                self._answers.append(answer)
        if not chunk:
            self.close()
        self._changed.set()

    def close(self) -> None:
        """Close our ends of the pipes. Safe to call twice."""
        if self.is_open:
            self.is_open = False
            asyncio.get_running_loop().remove_reader(self._answer_fd)
            os.close(self._answer_fd)
            os.close(self._command_fd)
            self._changed.set()
            self.ended.set_result(None)

    def end(self) -> None:
        """Kill a watchdog that does not answer, so that two of them never heal the same fault.

        Its pid cannot belong to another process while its pipe is open: the watchdog closes it only by ending.
        """
        if self.is_open and self.pid is not None:
            with contextlib.suppress(OSError):
                os.kill(self.pid, signal.SIGKILL)
        self.close()
