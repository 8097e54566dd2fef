"""The way out of a show whose system ends slowly: impatience neither cuts it short nor meets silence."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support import fetch
from tests.support.servers import script, wait_for
from tests.support.terminals import Terminal, terminal

ROOT = Path(__file__).parents[2]
LEFT_ALONE = b"\x1b[?1049l"
HEALING = "healing what is broken, please wait"
ENDED = "Show ended on [1/1]. Everything it broke is healed."
REMOVING = "removing what this show started, please wait"

SLOW = '''
import asyncio
from pathlib import Path
from demo.types import Chapter

class Slow:
    """Its end takes until the test says so; each leaves a mark at its begin, and one at its end."""
    name, title, description, poller, faults = "slow", "Slow to leave", "", None, ()
    def chapters(self, stage): return [Chapter("Only", "The only story.")]
    def check(self): pass
    async def start(self): pass
    async def heal(self): pass
    async def stop(self):
        with Path("stopping").open("a") as mark:
            mark.write("1")
        while not Path("go").exists():
            await asyncio.sleep(0.02)
        Path("stopped").touch()
'''

LAMP = '''
import asyncio
from pathlib import Path
from demo.types import ChaosConfig, ChaosType, Chapter, Plan

HERE = Path(__file__).parent

class Out:
    """Its healing takes until the test says so."""
    config = ChaosConfig("out", ChaosType.CONTAINER_KILL, "Put the lamp out", 600)
    target, observable = "lamp", "the lamp is dark"
    async def plan(self): return Plan("out", "lamp", {}, late_sec=0.0)
    async def inject(self, plan): (HERE / "dark").touch()
    async def heal(self, plan):
        while not (HERE / "go").exists():
            await asyncio.sleep(0.02)
        (HERE / "dark").unlink(missing_ok=True)
    async def is_healed(self, plan): return not (HERE / "dark").exists()
    def is_seen(self, health, since): return False

class Lamp:
    name, title, description, poller = "lamp", "A lamp", "", None
    def __init__(self): self.faults = [Out()]
    def chapters(self, stage): return [Chapter("Only", "The only story.")]
    def check(self): pass
    async def start(self): pass
    async def heal(self): pass
    async def stop(self): pass
'''

CALLED = """
import sys
sys.argv[1:] = {words!r}
from demo.__main__ import main
main()
"""


@contextmanager
def called(folder: Path, *words: str, term: str = "xterm-256color") -> Iterator[Terminal]:
    """`demo` with these words on a terminal, in a folder that has these subjects."""
    (folder / "slow.py").write_text(SLOW)
    (folder / "lamp.py").write_text(LAMP)
    program = script(folder / "called.py", CALLED.format(words=list(words)))
    found = f"{folder}:{ROOT}"
    try:
        with terminal(Path(program[1]), TERM=term, XDG_STATE_HOME=str(folder), PYTHONPATH=found) as opened:
            yield opened
    finally:
        (folder / "go").touch()  # a watchdog may be waiting for it


SERVE = ("serve", "slow:Slow", "--no-open", "--port", "0")


@pytest.mark.parametrize("words", [("run", "slow:Slow"), SERVE, (*SERVE, "--terminal")])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_the_system_ends_lets_it_end(tmp_path: Path, words: tuple[str, ...], number: int) -> None:
    with called(tmp_path, *words) as term:
        term.wait_for("end        Ctrl-C" if words == SERVE else "[1/1]")
        term.process.send_signal(signal.SIGINT)
        term.wait((tmp_path / "stopping").exists)
        for _ in range(2):
            term.process.send_signal(number)
            term.wait_for(REMOVING)
        assert term.process.poll() is None
        (tmp_path / "go").touch()
        assert term.end() == 0
    assert (tmp_path / "stopped").exists()


@pytest.mark.parametrize("words", [("run", "slow:Slow"), SERVE, (*SERVE, "--terminal")])
def test_a_slow_end_of_the_system_is_said_once_and_unasked(tmp_path: Path, words: tuple[str, ...]) -> None:
    with called(tmp_path, *words) as term:
        term.wait_for("end        Ctrl-C" if words == SERVE else "[1/1]")
        term.process.send_signal(signal.SIGINT)
        term.wait_for(REMOVING)
        (tmp_path / "go").touch()
        assert term.end() == 0
        if words == SERVE:
            assert term.sent.count(REMOVING.encode()) == 1
        assert (tmp_path / "stopping").read_text() == "1", "once is enough, and a second end would be a second wait"


SOUR = """
from demo.errors import FaultError, SubjectError
from lamp import Lamp, Out

class Stuck(Out):
    async def heal(self, plan):
        if not await self.is_healed(plan): raise FaultError("the switch is stuck")

class Sour(Lamp):
    def __init__(self): self.faults = [Stuck()]
    async def stop(self): raise SubjectError("the table stays")
"""


def test_what_was_not_healed_is_said_beside_what_did_not_end(tmp_path: Path) -> None:
    (tmp_path / "lamp.py").write_text(LAMP)
    (tmp_path / "sour.py").write_text(SOUR)
    environ = os.environ | {"XDG_STATE_HOME": str(tmp_path), "PYTHONPATH": f"{tmp_path}:{ROOT}"}
    command = [sys.executable, "-m", "demo", "run", "sour:Sour"]
    # Not through a pipe: the watchdog that goes on trying would keep it open.
    with (
        (tmp_path / "said").open("w") as said,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said, text=True, env=environ
        ) as process,
    ):
        assert process.stdin is not None
        process.stdin.write("c 1\n")
        process.stdin.flush()
        wait_for((tmp_path / "dark").exists, 20)
        process.stdin.write("q\n")
        process.stdin.close()
        assert process.wait(60) == 1
    ended = (tmp_path / "said").read_text().splitlines()[0]
    assert ended.startswith("demo: not healed: out: the switch is stuck")
    assert ended.endswith("; the table stays")
    (tmp_path / "dark").unlink()  # a watchdog is waiting for it


def test_a_quick_end_of_the_system_is_not_spoken_of(tmp_path: Path) -> None:
    (tmp_path / "go").touch()
    with called(tmp_path, "run", "slow:Slow") as term:
        term.wait_for("[1/1]")
        term.press("q")
        assert term.end() == 0
        term.wait_for("Show ended on [1/1].")
        assert REMOVING.encode() not in term.sent


BESIDE = ("serve", "lamp:Lamp", "--terminal", "--no-open", "--port", "0")


def _broken(term: Terminal) -> None:
    term.wait_for("[1/1]")
    term.press("c1\r")
    term.wait_for("no effect seen yet")


def test_who_quits_a_terminal_beside_a_server_is_told_what_is_waited_for(tmp_path: Path) -> None:
    with called(tmp_path, *BESIDE) as term:
        _broken(term)
        term.press("q")
        term.wait_for(HEALING)
        assert LEFT_ALONE in term.sent
        term.process.send_signal(signal.SIGINT)
        term.wait(lambda: term.sent.count(HEALING.encode()) == 2)
        (tmp_path / "go").touch()
        term.wait_for(ENDED)
        assert term.end() == 0


def test_a_signal_leaves_the_picture_until_all_is_healed_and_it_says_so(tmp_path: Path) -> None:
    with called(tmp_path, *BESIDE) as term:
        _broken(term)
        term.process.send_signal(signal.SIGTERM)
        term.wait_for("[1/1]", "healing, please wait")
        term.press("q")
        term.process.send_signal(signal.SIGTERM)
        term.wait_for("[1/1]", "healing, please wait")
        assert LEFT_ALONE not in term.sent
        (tmp_path / "go").touch()
        term.wait_for(ENDED)
        assert term.sent.index(LEFT_ALONE) < term.sent.index(b"Show ended")
        assert term.end() == 0


def test_a_server_without_a_terminal_says_that_it_heals(tmp_path: Path) -> None:
    words = [word for word in BESIDE if word != "--terminal"]
    with called(tmp_path, *words) as term:
        term.wait_for("end        Ctrl-C")
        found = re.search(r"stage +(\S+)/", term.text)
        assert found
        assert fetch.post(f"{found[1]}/chaos/out").status_code == 202
        term.wait((tmp_path / "dark").exists)
        term.process.send_signal(signal.SIGINT)
        term.wait_for(HEALING)
        (tmp_path / "go").touch()
        assert term.end() == 0


def test_a_terminal_that_shows_only_lines_is_told_where_to_pair(tmp_path: Path) -> None:
    with called(tmp_path, *BESIDE, "--public-name", "localhost", term="dumb") as term:
        told = (b"end        Ctrl-C", b"presenter  http://", b"/pair#", b"token      ", b"[1/1] Only")
        term.wait(lambda: all(words in term.sent for words in told))
        assert b"I shows how to pair" not in term.sent
        term.press("q\r")
        assert term.end() == 0
