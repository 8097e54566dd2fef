"""A real pseudo-terminal with a show in it, read through a terminal emulator; and small shows to put there."""

import contextlib
import fcntl
import os
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyte

from tests.support.forked_servers import FORK_SERVER, ForkedProcess, can_fork

TIMEOUT_SEC = 20.0

SHOW = '''
import asyncio, math, sys, time
from demo.runner import DemoRunner
from demo.types import ChaosConfig, ChaosType, Chapter, Plan

class Lamp:
    """A fault that can be looked at: a file exists while it is in place."""
    target, observable = "lamp", "the lamp is out"
    def __init__(self, name="out", duration=math.inf):
        self.config = ChaosConfig(name, ChaosType.CONTAINER_KILL, "Put the lamp out", duration)
        self.out = False
    async def plan(self): return Plan(self.config.name, "lamp", {}, late_sec=0.0)
    async def inject(self, plan): self.out = True; print("lamp out", file=LOG, flush=True)
    async def heal(self, plan): await asyncio.sleep(HEAL_SEC); self.out = False; print("lamp on", file=LOG, flush=True)
    async def is_healed(self, plan): return not self.out
    def is_seen(self, health, since): return False

HEAL_SEC = 0.0
LOG = open("log.txt", "a")
GATE = asyncio.Event()

def note(text): print(text, file=LOG, flush=True)

def deck(stage):
    async def work():
        note("worked")
        await stage.say("the action ran")
    return [Chapter("First", "The **first** story."), Chapter("Second", "The second story.", on_enter=work),
            Chapter("Third", "The last story.")]

OPTIONS = {}
FAULTS = [Lamp()]
LOOP = None
BODY

async def main():
    await DemoRunner("lamps", deck, None, faults=FAULTS, title="Two lamps", **OPTIONS).run()
    note("returned")

if __name__ == "__main__":
    with asyncio.Runner(loop_factory=LOOP) as runner:
        runner.run(main())
'''


def write_show(folder: Path, body: str = "") -> Path:
    """The show above, with `body` in place of BODY, as a program of its own."""
    path = folder / "show.py"
    path.write_text(SHOW.replace("BODY", body))
    return path


class Terminal:
    """A program on a terminal of its own. Everything waits for a condition, with a deadline."""

    def __init__(self, script: Path, size: tuple[int, int] = (100, 30), **environ: str) -> None:
        self._master, self._slave = os.openpty()
        self.screen = pyte.Screen(*size)
        self._stream = pyte.ByteStream(self.screen)
        self.sent = b""
        self.resize(*size)
        self.before = self.settings()
        self.process = _begin(script, self._slave, {**os.environ, "TERM": "xterm-256color", **environ})

    def settings(self) -> list[object]:
        return list(termios.tcgetattr(self._slave))

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.screen.resize(rows, columns)

    def freeze(self) -> None:
        """It takes nothing any more, as after Ctrl-S."""
        termios.tcflow(self._slave, termios.TCOOFF)

    def press(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    @property
    def text(self) -> str:
        return "\n".join(self.screen.display)

    def wait_for(self, *words: str, without: str = "") -> None:
        """Until all of these are on the screen, and `without` is not."""
        self.wait(lambda: all(word in self.text for word in words) and not (without and without in self.text))

    def wait(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + TIMEOUT_SEC
        while not condition():
            assert time.monotonic() < deadline, f"never came; the screen:\n{self.text}"
            self.pump(0.05)

    def pump(self, seconds: float) -> None:
        if select.select([self._master], [], [], seconds)[0]:
            with contextlib.suppress(OSError):
                data = os.read(self._master, 65536)
                self.sent += data
                self._stream.feed(data)

    def end(self) -> int:
        """The program's exit code, once it has ended by itself."""
        self.wait(lambda: self.process.poll() is not None)
        self.pump(0.05)
        return int(self.process.wait())

    def hang_up(self) -> None:
        """The terminal goes away, as when its window is closed."""
        os.close(self._slave)
        os.close(self._master)
        self._slave = self._master = -1

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        for fd in (self._master, self._slave):
            if fd >= 0:
                os.close(fd)


def _begin(script: Path, terminal: int, environ: dict[str, str]) -> subprocess.Popen[bytes] | ForkedProcess:
    streams = (terminal, terminal, terminal)
    if can_fork(environ):
        return ForkedProcess(*FORK_SERVER.start_on(streams, (), environ, script.parent, script))
    command = [sys.executable, str(script)]
    return subprocess.Popen(
        command,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        cwd=script.parent,
        start_new_session=True,
        env=environ,
    )


@contextlib.contextmanager
def terminal(script: Path, size: tuple[int, int] = (100, 30), **environ: str) -> Iterator[Terminal]:
    opened = Terminal(script, size, **environ)
    try:
        yield opened
    finally:
        opened.close()
