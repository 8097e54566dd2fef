"""Whatever a subject, a driver or a caller says: no command lets it steer the terminal, or forge a line of ours."""

import contextlib
import os
import pty
import re
import select
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from demo.clean import clean
from tests.support import fetch
from tests.support.forked_servers import FORK_SERVER, ForkedProcess, can_fork
from tests.support.terminal_injection_subject import CONTROL_SEQUENCES, FORGED_LINES

ROOT = Path(__file__).parents[2]
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
STEERING = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f]")
TITLE = re.compile("\x1b[]P]|\x07|\x9b|\u202e")
"""What no picture of ours holds either."""


class Command:
    """`demo` with these arguments, on a terminal of its own."""

    def __init__(self, state: Path, *arguments: str) -> None:
        self.said = ""
        self._ours, theirs = pty.openpty()
        self._mark = f"XDG_STATE_HOME={state}".encode()
        environ = {**os.environ, "XDG_STATE_HOME": str(state), "PYTHONPATH": str(ROOT), "TERM": "xterm-256color"}
        assert can_fork(environ)
        self.process = ForkedProcess(*FORK_SERVER.start_on((theirs, theirs, theirs), arguments, environ, None))
        os.close(theirs)

    def until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 40
        while not condition():
            assert time.monotonic() < deadline, self.said[-2000:]
            self._hear()

    def client(self) -> httpx.Client:
        """To the server, once it has said where it listens."""
        self.until(lambda: re.search(r":\d+/advance", self.said))
        return fetch.client(base_url=re.findall(r"http://127\.0\.0\.1:\d+(?=/advance)", self.said)[0])

    def end(self) -> str:
        """All that was said, once nobody holds the terminal any more."""
        self.until(lambda: self.process.poll() is not None)
        deadline = time.monotonic() + 5
        while self._hear() and time.monotonic() < deadline:
            pass
        return self.said

    def _hear(self) -> bool:
        """Read what there is; False when the terminal has closed."""
        if select.select([self._ours], [], [], 0.05)[0]:
            try:
                self.said += os.read(self._ours, 65536).decode(errors="replace")
            except OSError:
                return False
        return True

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._ours)
        self._end_watchdogs()

    def _end_watchdogs(self) -> None:
        """What these subjects break cannot be healed: their watchdogs would try for ever."""
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                is_one = entry.name.isdecimal() and b"watchdog/process.py" in (entry / "cmdline").read_bytes()
                if is_one and self._mark in (entry / "environ").read_bytes().split(b"\0"):
                    os.kill(int(entry.name), signal.SIGKILL)


@contextlib.contextmanager
def command(state: Path, *arguments: str) -> Iterator[Command]:
    running = Command(state, *arguments)
    try:
        yield running
    finally:
        running.close()


def steering(said: str) -> list[str]:
    """What is neither text nor a colour; and lines that somebody else began."""
    plain = COLOURS.sub("", said)
    found = [repr(plain[max(0, hit.start() - 30) : hit.end() + 20]) for hit in STEERING.finditer(plain)]
    return found + [line for line in re.split(r"[\r\n]+", plain) if line.startswith("FORGED")]


CALLS = [
    ("serve", "tests.support.terminal_injection_subject:RefusingSubject", "--no-open", "--port", "0"),
    ("serve", "tests.support.terminal_injection_subject:NotConstructibleSubject", "--no-open", "--port", "0"),
    ("serve", f"tests.support.terminal_injection_subject:{CONTROL_SEQUENCES}"),
    ("serve", FORGED_LINES),
    ("serve", "none", "--host", FORGED_LINES),
    ("serve", "none", f"--{FORGED_LINES}"),
    ("serve", "none", "--public-name", FORGED_LINES),
    ("serve", "none", "--journal", f"/proc/{FORGED_LINES}"),
    ("relay", "--redis", FORGED_LINES),
    ("up", FORGED_LINES),
    ("down", FORGED_LINES),
    ("doctor", "tests.support.terminal_injection_subject:InjectingSubject"),
    ("doctor", FORGED_LINES),
    ("shows", "--remove", FORGED_LINES),
    (FORGED_LINES,),
]


@pytest.mark.parametrize("call", CALLS, ids=lambda call: clean(" ".join(call))[:40])
def test_no_command_says_anything_that_steers_the_terminal(tmp_path: Path, call: tuple[str, ...]) -> None:
    with command(tmp_path, *call) as running:
        said = running.end()
        assert said.strip()
        assert steering(said) == []


@pytest.mark.parametrize("subject", ["InjectingSubject", "NotStartingSubject"])
def test_a_served_show_says_nothing_that_steers_the_terminal(tmp_path: Path, subject: str) -> None:
    call = ("serve", f"tests.support.terminal_injection_subject:{subject}", "--no-open", "--port", "0")
    with command(tmp_path, *call) as running, running.client() as client:
        running.until(lambda: "gnp.exe" in running.said)
        for path in ("/chaos/off", "/heal", "/advance", "/rerun"):
            client.post(path)
        running.until(lambda: "ANSI" in running.said)  # what the deck printed on stderr itself
        running.process.send_signal(signal.SIGINT)
        said = running.end()
        assert steering(said) == []
    with command(tmp_path, "shows") as listing:
        assert "forging" in listing.end()
        assert steering(listing.said) == []


def test_the_healing_process_says_nothing_that_steers_the_terminal(tmp_path: Path) -> None:
    call = ("serve", "tests.support.terminal_injection_subject:InjectingSubject", "--no-open", "--port", "0")
    with command(tmp_path, *call) as running, running.client() as client:
        running.until(lambda: "gnp.exe" in running.said)
        client.post("/chaos/off")
        running.until(lambda: client.get("/state").json()["chaos"][0]["state"] == "active")
        running.process.kill()
        running.until(lambda: "demo watchdog: off" in running.said)
        assert steering(running.said) == []


@pytest.mark.parametrize("call", [("run",), ("serve", "--terminal", "--no-open", "--port", "0")], ids=["run", "serve"])
def test_a_show_in_the_terminal_is_neither_titled_nor_turned_by_it(tmp_path: Path, call: tuple[str, ...]) -> None:
    with command(tmp_path, call[0], "tests.support.terminal_injection_subject:InjectingSubject", *call[1:]) as running:
        running.until(lambda: running.said.count("gnp.exe") > 3)
        running.process.send_signal(signal.SIGINT)
        assert TITLE.findall(running.end()) == []
