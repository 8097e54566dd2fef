"""The watchdog's own process, run as a script: waits until the server is gone or hangs, then has its faults healed.

It holds the undo of every fault in place, told as lines of JSON on stdin. Waiting costs it one `select`; what heals
are processes of their own (`demo.watchdog.heal`, one an undo): a driver that hangs keeps nothing else from healing.
It imports nothing of this package: it must start in milliseconds and stay small. It ends when nothing is left to heal
and the server has gone.
"""

import contextlib
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
"""A server that was silent for so long does not heal what is due."""

MEND_TIMEOUT_SEC = 45.0
RETRY_FIRST_SEC, MAX_RETRY_SEC = 1.0, 10.0
"""What failed is tried again; what was still being applied may land late, and is looked at until it cannot."""

GIVE_UP_AFTER_SEC = 600.0
MAX_ANSWER = 65536

_RUN = (
    "import runpy, sys; sys.path.append(sys.argv.pop(1)); runpy.run_module('demo.watchdog.heal', run_name='__main__')"
)


def uptime() -> float:
    """As `demo.clock.uptime`: what the machine slept counts for a fault's own time, not for a server's silence."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class HealAttempt:
    """One attempt at one undo, in a process of its own.

    `gone`: the server has ended. `final`: nothing of the injection can land any more; whoever heals may see that too.
    """

    def __init__(self, config: dict[str, Any], order: dict[str, Any], gone: bool, final: bool) -> None:
        self.ends_at = time.monotonic() + MEND_TIMEOUT_SEC
        self._told, self._muttered = b"", b""
        # A session of its own: what it starts for good is in no group that somebody ends with this process.
        self._process = subprocess.Popen(  # noqa: S603 - a module of ours
            [sys.executable, "-P", "-c", _RUN, config["root"]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        work = json.dumps({**config, **order, "gone": gone, "final": final}).encode()
        with contextlib.suppress(OSError), self._process.stdin as stdin:  # type: ignore[union-attr]
            stdin.write(work)
        self.pipes = {self._process.stdout.fileno(), self._process.stderr.fileno()}  # type: ignore[union-attr]
        self._answers = self._process.stdout.fileno()  # type: ignore[union-attr]

    def read(self, pipe: int) -> None:
        """Take what has come; a pipe that has ended is looked at no more."""
        chunk = os.read(pipe, MAX_ANSWER)
        if not chunk:
            self.pipes.discard(pipe)
        elif pipe == self._answers:
            self._told = (self._told + chunk)[-MAX_ANSWER:]
        else:
            self._muttered = (self._muttered + chunk)[-MAX_ANSWER:]

    @property
    def is_over(self) -> bool:
        """It has answered, ended, or taken too long."""
        return b"\n" in self._told or self._process.poll() is not None or time.monotonic() > self.ends_at

    def end(self) -> dict[str, Any]:
        """Its answer: `why` (None: it is healed), perhaps `final`, or `already` (somebody else had noted that)."""
        late = time.monotonic() > self.ends_at
        for pipe in tuple(self.pipes):
            while pipe in self.pipes and select.select([pipe], [], [], 0)[0]:
                self.read(pipe)
        code = self._process.poll()
        self._process.kill()
        self._process.wait()
        for file in (self._process.stdout, self._process.stderr):
            if file is not None:
                file.close()
        for line in self._told.splitlines():
            with contextlib.suppress(ValueError):
                answer = json.loads(line)
                if isinstance(answer, dict) and "why" in answer:
                    return answer
        if late:
            return {"why": f"not within {MEND_TIMEOUT_SEC:g} s"}
        last = self._muttered.decode(errors="replace").strip().splitlines()[-1:] or [f"its exit code was {code}"]
        return {"why": f"the healing process ended: {last[0][:300]}"}


@dataclass
class PendingUndo:
    """One undo. `due`: an uptime, None for a fault that lasts until somebody heals it."""

    order: dict[str, Any]
    due: float | None
    applied: bool = False
    mended: bool = False
    said: str = ""
    try_at: float = 0.0
    pause_sec: float = RETRY_FIRST_SEC
    work: HealAttempt | None = None

    @property
    def name(self) -> str:
        return str(self.order["fault"])


@dataclass
class WatchdogProcess:
    """`config`: what `demo.watchdog.heal` is told of the show, `root`, where the package lies, and `patience`.

    After `patience` seconds of silence a server does not heal what lasts until somebody heals it.
    """

    config: dict[str, Any]
    held: dict[str, PendingUndo] = field(default_factory=dict)
    gone_at: float | None = None
    heard_at: float = field(default_factory=time.monotonic)

    @property
    def gone(self) -> bool:
        return self.gone_at is not None

    def hear(self, line: bytes) -> None:
        """An order of the server: `hold`, `applied`, `release`, or a sign of life, which is answered."""
        self.heard_at = time.monotonic()
        order = json.loads(line)
        for held in self.held.values():
            held.mended = False  # the server lives, and may have broken it anew
        if "hold" in order:
            lasts = order.pop("lasts")
            due = None if lasts is None else uptime() + lasts
            self.held[order["hold"]] = PendingUndo(order, due, applied=order.pop("applied"))
            say({"held": order["hold"]})
        elif "applied" in order and order["applied"] in self.held:
            self.held[order["applied"]].applied = True
        elif "release" in order:
            self.held.pop(order["release"], None)
        elif "beat" in order:
            say(order)

    def lose(self) -> None:
        """The server has gone, however it went."""
        if self.gone_at is None:
            self.gone_at = time.monotonic()

    def begin(self) -> None:
        """Start healing what nobody else will heal any more."""
        now = time.monotonic()
        for held in self.held.values():
            if held.work is None and now >= held.try_at and self._is_left(held, now):
                held.work = HealAttempt(self.config, held.order, self.gone, final=self._is_settled(held, now))

    def _is_left(self, held: PendingUndo, now: float) -> bool:
        if self.gone:
            return True
        silent = now - self.heard_at
        if held.mended:
            return False
        return silent > self.config["patience"] if held.due is None else silent > HUNG_SEC and uptime() > held.due

    def _is_settled(self, held: PendingUndo, now: float) -> bool:
        """Can nothing of the injection land any more? While the server only hangs, it can."""
        return self.gone and (held.applied or now >= self._settles_at(held))

    def _settles_at(self, held: PendingUndo) -> float:
        return (self.gone_at or 0.0) + float(held.order["plan"]["late_sec"])

    def collect(self, pipes: list[int]) -> None:
        """Take what the healing processes have said, and draw the conclusions."""
        for ident, held in tuple(self.held.items()):
            if held.work is None:
                continue
            for pipe in held.work.pipes.intersection(pipes):
                held.work.read(pipe)
            if held.work.is_over:
                answer = held.work.end()
                held.work = None
                self._conclude(ident, held, answer)

    def _conclude(self, ident: str, held: PendingUndo, answer: dict[str, Any]) -> None:
        if answer["why"] is not None:
            self._failed(ident, held, str(answer["why"]))
        elif answer.get("already"):
            del self.held[ident]
        elif not self.gone:
            held.mended = True
        elif answer.get("final"):
            del self.held[ident]
            tell(f"the server is gone; healed {held.name} ({held.order['plan']['target']})")
            if "unnoted" in answer:
                tell(f"the next start heals {held.name} again: {answer['unnoted']}")
        else:
            # Nothing more to undo now: the next look is the last one as soon as nothing can land any more.
            self._wait(held)
            held.try_at = max(time.monotonic(), min(held.try_at, self._settles_at(held)))

    def _wait(self, held: PendingUndo) -> None:
        held.try_at = time.monotonic() + held.pause_sec
        held.pause_sec = min(MAX_RETRY_SEC, held.pause_sec * 2)

    def _failed(self, ident: str, held: PendingUndo, why: str) -> None:
        self._wait(held)
        ends = self.gone_at is not None and time.monotonic() > self.gone_at + GIVE_UP_AFTER_SEC
        if ends or held.said != why:
            held.said = why
            tell(f"{held.name} is NOT healed{'' if ends else ' yet'}: {why}")
        if ends:
            del self.held[ident]

    def pipes(self) -> list[int]:
        return [pipe for held in self.held.values() if held.work is not None for pipe in held.work.pipes]

    def wait_sec(self) -> float | None:
        """How long to sleep at most; None: until the server says something."""
        if any(held.work is not None for held in self.held.values()):
            return 0.1
        if self.gone:
            return max(0.0, min(held.try_at for held in self.held.values()) - time.monotonic())
        return 0.5 if self.held else None


def say(word: dict[str, Any]) -> None:
    """To the server, if it still listens."""
    with contextlib.suppress(OSError):
        os.write(sys.stdout.fileno(), json.dumps(word).encode() + b"\n")


def tell(text: str) -> None:
    """To whoever looks at the terminal that the server had; never waits for one that takes no more."""
    with contextlib.suppress(OSError, ValueError):
        if select.select([], [sys.stderr.fileno()], [], 0)[1]:
            plain = "".join(char if char.isprintable() else " " for char in text)  # what a driver said steers nothing
            os.write(sys.stderr.fileno(), f"demo watchdog: {plain[:900]}\n".encode(errors="replace"))


class ServerMonitor:
    """What tells of the server: its pipe, and the process itself (a fork of it may hold the pipe open)."""

    def __init__(self) -> None:
        self.buffer = b""
        self.open: set[int] = {sys.stdin.fileno()}
        self._server = -1

    def watch(self, pid: int) -> None:
        with contextlib.suppress(OSError, AttributeError):
            self._server = os.pidfd_open(pid)
            self.open.add(self._server)

    def listen(self, ready: list[int]) -> tuple[list[bytes], bool]:
        """The lines that have come, and whether the server has gone."""
        lines: list[bytes] = []
        pipe = sys.stdin.fileno()
        gone = self._server in ready
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


def keep(vigil: WatchdogProcess, ears: ServerMonitor) -> None:
    """Until nothing is left to heal and the server has gone."""
    while vigil.held or not vigil.gone:
        vigil.begin()
        ready = select.select([*ears.open, *vigil.pipes()], [], [], vigil.wait_sec())[0]
        lines, gone = ears.listen(ready)
        if gone:
            vigil.lose()
        for line in lines:
            vigil.hear(line)
        vigil.collect(ready)


def main() -> None:
    # Nobody's child: the server never has to reap it, and it is in no terminal's reach.
    if os.fork():
        os._exit(0)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    # As the server's starter left it, it could hide the end of the healing processes.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    ears = ServerMonitor()
    lines: list[bytes] = []
    gone = False
    while not lines:
        lines, gone = ears.listen(select.select([sys.stdin.fileno()], [], [])[0])
        if gone and not lines:
            return
    config = json.loads(lines[0])
    ears.watch(config["pid"])
    say({"ready": os.getpid()})
    vigil = WatchdogProcess(config)
    if gone:
        vigil.lose()
    for line in lines[1:]:
        vigil.hear(line)
    while True:
        try:
            keep(vigil, ears)
        except Exception as error:  # noqa: BLE001 - whatever is wrong now, what is held is still to be healed
            tell(f"{type(error).__name__}: {error}")
            time.sleep(RETRY_FIRST_SEC)
        else:
            return


if __name__ == "__main__":
    main()
