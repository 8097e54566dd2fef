"""The watchdog process, run as a script: waits until the server is gone or hangs, then has its faults healed.

It holds the undo of every active fault, received as lines of JSON on stdin. While it waits, it sleeps in one `select`.
Each undo is healed by a process of its own (`demo.watchdog.heal`), so a driver that hangs does not delay the others.
It imports nothing of this package, so that it starts in milliseconds and stays small. It ends when the server has
terminated and nothing is left to heal.
"""

import contextlib
import fcntl
import json
import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import Any

HUNG_SEC = 3.0
"""A server that is silent for this long counts as hung; faults past their time are healed for it then."""

HEAL_ATTEMPT_TIMEOUT_SEC = 45.0
RETRY_FIRST_SEC, MAX_RETRY_SEC = 1.0, 10.0
"""Pauses between attempts: after a failed heal, and while an interrupted injection may still take effect."""

GIVE_UP_AFTER_SEC = 600.0
MAX_ANSWER = 65536

RUN_HEAL = (
    "import runpy, sys; sys.path.append(sys.argv.pop(1)); runpy.run_module('demo.watchdog.heal', run_name='__main__')"
)
"""What `python -P -c` runs to heal one undo; its argument is the directory of the package."""

WATCHDOG_LOCK = ".watchdog"
"""As in `demo.journal.library.leftovers`."""


def uptime() -> float:
    """Return the uptime in seconds, time asleep included, as `demo.clock.uptime`: for due times, not for heartbeats."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class HealAttempt:
    """One attempt at one undo, in a process of its own.

    `gone`: the server has terminated. `final`: the injection can no longer take effect late; the healing process may
    find that out by itself too.
    """

    def __init__(self, config: dict[str, Any], order: dict[str, Any], gone: bool, final: bool) -> None:
        self.ends_at = time.monotonic() + HEAL_ATTEMPT_TIMEOUT_SEC
        self._answer_bytes, self._error_bytes = b"", b""
        # A session of its own: whoever kills the watchdog's group must not kill what the driver starts for good.
        self._process = subprocess.Popen(  # noqa: S603 - a module of ours
            # The current directory is off the search path and the package last on it: neither shadows a module.
            [sys.executable, "-P", "-c", RUN_HEAL, config["root"]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        request = json.dumps({**config, **order, "gone": gone, "final": final}).encode()
        with contextlib.suppress(OSError), self._process.stdin as stdin:  # type: ignore[union-attr]
            stdin.write(request)
        self.pipes = {self._process.stdout.fileno(), self._process.stderr.fileno()}  # type: ignore[union-attr]
        self._answer_fd = self._process.stdout.fileno()  # type: ignore[union-attr]

    def read(self, pipe: int) -> None:
        """Read what has come on one pipe; a pipe at its end is removed from `pipes`."""
        chunk = os.read(pipe, MAX_ANSWER)
        if not chunk:
            self.pipes.discard(pipe)
        elif pipe == self._answer_fd:
            # Only the end is kept: a driver that prints without end must not fill the memory.
            self._answer_bytes = (self._answer_bytes + chunk)[-MAX_ANSWER:]
        else:
            self._error_bytes = (self._error_bytes + chunk)[-MAX_ANSWER:]

    @property
    def is_over(self) -> bool:
        """Return whether it has answered, terminated, or timed out."""
        return b"\n" in self._answer_bytes or self._process.poll() is not None or time.monotonic() > self.ends_at

    def end(self) -> dict[str, Any]:
        """Kill the process and return its answer, as `demo.watchdog.heal` describes it."""
        timed_out = time.monotonic() > self.ends_at
        for pipe in tuple(self.pipes):
            while pipe in self.pipes and select.select([pipe], [], [], 0)[0]:
                self.read(pipe)
        code = self._process.poll()
        self._process.kill()
        self._process.wait()
        for file in (self._process.stdout, self._process.stderr):
            if file is not None:
                file.close()
        # A process that was killed may have written half a line: only a complete answer counts.
        for line in self._answer_bytes.splitlines():
            with contextlib.suppress(ValueError):
                answer = json.loads(line)
                if isinstance(answer, dict) and "why" in answer:
                    return answer
        if timed_out:
            return {"why": f"not healed within {HEAL_ATTEMPT_TIMEOUT_SEC:g} s"}
        last = self._error_bytes.decode(errors="replace").strip().splitlines()[-1:] or [f"its exit code was {code}"]
        return {"why": f"the healing process failed: {last[0][:300]}"}


@dataclass
class PendingUndo:
    """One undo. `due`: an uptime in seconds, None for a fault that lasts until somebody heals it.

    `was_healed_for_hung_server`: it is not healed again until that server is heard of. `reported`: the last reason that
    was printed. `attempt`: the attempt under way.
    """

    order: dict[str, Any]
    due: float | None
    applied: bool = False
    was_healed_for_hung_server: bool = False
    reported: str = ""
    next_attempt_at: float = 0.0
    pause_sec: float = RETRY_FIRST_SEC
    attempt: HealAttempt | None = None

    @property
    def name(self) -> str:
        return str(self.order["fault"])


@dataclass
class WatchdogProcess:
    """What the watchdog knows: the pending undos, and when it last heard of the server.

    `config`: what `demo.watchdog.heal` needs of the show, with `root`, the directory of the package, and
    `max_silence_sec`: after so many seconds of silence even faults that last until somebody heals them are healed.
    """

    config: dict[str, Any]
    undos: dict[str, PendingUndo] = field(default_factory=dict)
    server_gone_at: float | None = None
    heard_at: float = field(default_factory=time.monotonic)
    lock_fd: int | None = None

    @property
    def is_server_gone(self) -> bool:
        return self.server_gone_at is not None

    def lock_journal(self) -> None:
        """Show other servers that this journal's undos are being watched, until this process ends.

        Shared: a server that was started again has a watchdog of its own beside this one.
        """
        if not self.config.get("journal"):
            return
        with contextlib.suppress(OSError):
            if self.lock_fd is None:
                name = self.config["journal"] + WATCHDOG_LOCK
                self.lock_fd = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            # With each undo: somebody who looks has it locked for a moment.
            fcntl.flock(self.lock_fd, fcntl.LOCK_SH | fcntl.LOCK_NB)

    def handle_message(self, line: bytes) -> None:
        """Handle an order of the server: `hold`, `applied`, `release`, or a heartbeat, which is answered."""
        self.heard_at = time.monotonic()
        order = json.loads(line)
        for undo in self.undos.values():
            undo.was_healed_for_hung_server = False  # the server lives, and may inject it again
        if "hold" in order:
            self.lock_journal()
            lasts = order.pop("lasts")
            due = None if lasts is None else uptime() + lasts
            self.undos[order["hold"]] = PendingUndo(order, due, applied=order.pop("applied"))
            send_message({"held": order["hold"]})
        elif "applied" in order and order["applied"] in self.undos:
            self.undos[order["applied"]].applied = True
        elif "release" in order:
            self.undos.pop(order["release"], None)
        elif "beat" in order:
            send_message(order)

    def mark_server_gone(self) -> None:
        """Note that the server has terminated, for whatever reason."""
        if self.server_gone_at is None:
            self.server_gone_at = time.monotonic()

    def start_attempts(self) -> None:
        """Start an attempt for each undo that the server no longer takes care of."""
        now = time.monotonic()
        for undo in self.undos.values():
            if undo.attempt is None and now >= undo.next_attempt_at and self._is_abandoned(undo, now):
                undo.attempt = HealAttempt(
                    self.config, undo.order, self.is_server_gone, final=self._is_settled(undo, now)
                )

    def _is_abandoned(self, undo: PendingUndo, now: float) -> bool:
        """Return whether the server will not heal this fault: it is gone, or hangs while the fault is due."""
        if self.is_server_gone:
            return True
        # By a clock that stands still while the machine sleeps: the server slept as well, and does not hang.
        silent_sec = now - self.heard_at
        if undo.was_healed_for_hung_server:
            return False
        if undo.due is None:
            return bool(silent_sec > self.config["max_silence_sec"])
        return silent_sec > HUNG_SEC and uptime() > undo.due

    def _is_settled(self, undo: PendingUndo, now: float) -> bool:
        """Return whether the injection can no longer take effect. A server that only hangs may still go on with it."""
        return self.is_server_gone and (undo.applied or now >= self._settles_at(undo))

    def _settles_at(self, undo: PendingUndo) -> float:
        return (self.server_gone_at or 0.0) + float(undo.order["plan"]["late_sec"])

    def collect(self, pipes: list[int]) -> None:
        """Read what the healing processes have written, and handle the answers of those that are done."""
        for ident, undo in tuple(self.undos.items()):
            if undo.attempt is None:
                continue
            for pipe in undo.attempt.pipes.intersection(pipes):
                undo.attempt.read(pipe)
            if undo.attempt.is_over:
                answer = undo.attempt.end()
                undo.attempt = None
                self._handle_answer(ident, undo, answer)

    def _handle_answer(self, ident: str, undo: PendingUndo, answer: dict[str, Any]) -> None:
        if answer["why"] is not None:
            self._handle_failure(ident, undo, str(answer["why"]))
        elif answer.get("already"):
            del self.undos[ident]
        elif not self.is_server_gone:
            undo.was_healed_for_hung_server = True
        elif answer.get("final"):
            del self.undos[ident]
            log_line(f"the server has terminated; healed {undo.name} ({undo.order['plan']['target']})")
            if "unnoted" in answer:
                log_line(f"the next start heals {undo.name} again: {answer['unnoted']}")
        else:
            # Healed, but the injection may still take effect: check again, at the latest when it no longer can.
            self._delay_next_attempt(undo)
            undo.next_attempt_at = max(time.monotonic(), min(undo.next_attempt_at, self._settles_at(undo)))

    def _delay_next_attempt(self, undo: PendingUndo) -> None:
        undo.next_attempt_at = time.monotonic() + undo.pause_sec
        undo.pause_sec = min(MAX_RETRY_SEC, undo.pause_sec * 2)

    def _handle_failure(self, ident: str, undo: PendingUndo, why: str) -> None:
        self._delay_next_attempt(undo)
        gives_up = self.server_gone_at is not None and time.monotonic() > self.server_gone_at + GIVE_UP_AFTER_SEC
        # Once for each reason: a line at every attempt would bury the terminal for ten minutes.
        if gives_up or undo.reported != why:
            undo.reported = why
            log_line(f"{undo.name} is NOT healed{'' if gives_up else ' yet'}: {why}")
        if gives_up:
            del self.undos[ident]

    def pipes(self) -> list[int]:
        return [pipe for undo in self.undos.values() if undo.attempt is not None for pipe in undo.attempt.pipes]

    def wait_sec(self) -> float | None:
        """Return for how many seconds to sleep at most; None: until the server sends something."""
        if any(undo.attempt is not None for undo in self.undos.values()):
            # A child that holds the pipes open hides the end of its parent from `select`: poll the process.
            return 0.1
        if self.is_server_gone:
            return max(0.0, min(undo.next_attempt_at for undo in self.undos.values()) - time.monotonic())
        # Nothing arrives from a server that hangs: its silence has to be noticed in time.
        return 0.5 if self.undos else None


def send_message(message: dict[str, Any]) -> None:
    """Send a message to the server, if it still reads."""
    with contextlib.suppress(OSError):
        os.write(sys.stdout.fileno(), json.dumps(message).encode() + b"\n")


def log_line(text: str) -> None:
    """Write a line to the server's terminal; drop it when that would block."""
    with contextlib.suppress(OSError, ValueError):
        if select.select([], [sys.stderr.fileno()], [], 0)[1]:
            plain = "".join(char if char.isprintable() else " " for char in text)  # no control characters of a driver
            os.write(sys.stderr.fileno(), f"demo watchdog: {plain[:900]}\n".encode(errors="replace"))


class ServerMonitor:
    """Watches the server by its pipe and by its process: a forked child of it may hold the pipe open after its end."""

    def __init__(self) -> None:
        self.buffer = b""
        self.open: set[int] = {sys.stdin.fileno()}
        self._server = -1

    def watch(self, pid: int) -> None:
        """Watch the process itself by a pidfd, where the system has those."""
        with contextlib.suppress(OSError, AttributeError):
            self._server = os.pidfd_open(pid)
            self.open.add(self._server)

    def listen(self, ready: list[int]) -> tuple[list[bytes], bool]:
        """Return the lines that have come, and whether the server has terminated."""
        lines: list[bytes] = []
        pipe = sys.stdin.fileno()
        gone = self._server in ready
        # When the process is gone, its last orders may still be in the pipe: read them first.
        while pipe in self.open and (pipe in ready or gone) and select.select([pipe], [], [], 0)[0]:
            chunk = os.read(pipe, 65536)
            *more, self.buffer = (self.buffer + chunk).split(b"\n")
            lines += more
            if not chunk:
                gone = True
                break
        if gone:
            self.open.clear()
        return lines, gone


def run_loop(watchdog: WatchdogProcess, server: ServerMonitor) -> None:
    """Run the main loop until the server has terminated and nothing is left to heal."""
    while watchdog.undos or not watchdog.is_server_gone:
        watchdog.start_attempts()
        ready = select.select([*server.open, *watchdog.pipes()], [], [], watchdog.wait_sec())[0]
        lines, gone = server.listen(ready)
        if gone:
            watchdog.mark_server_gone()
        for line in lines:
            watchdog.handle_message(line)
        watchdog.collect(ready)


def main() -> None:
    """Detach from the server, read the configuration, and watch until nothing is left to do."""
    # A second fork, so that init adopts it: the server need not reap it, and no terminal can become its own.
    if os.fork():
        os._exit(0)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    # Whoever started the server may have had SIGCHLD ignored; then the healing processes could not be waited for.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    server = ServerMonitor()
    lines: list[bytes] = []
    gone = False
    while not lines:
        lines, gone = server.listen(select.select([sys.stdin.fileno()], [], [])[0])
        if gone and not lines:
            return
    config = json.loads(lines[0])
    server.watch(config["pid"])
    send_message({"ready": os.getpid()})
    watchdog = WatchdogProcess(config)
    if gone:
        watchdog.mark_server_gone()
    for line in lines[1:]:
        watchdog.handle_message(line)
    while True:
        try:
            run_loop(watchdog, server)
        except Exception as error:  # noqa: BLE001 - whatever is wrong, pending undos must still be healed
            log_line(f"{type(error).__name__}: {error}")
            time.sleep(RETRY_FIRST_SEC)
        else:
            return


if __name__ == "__main__":
    main()
