"""The way out of a show whose system ends slowly: impatience neither cuts it short nor meets silence."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.serving import script
from tests.terminals import Terminal, terminal

REMOVING = "removing what this show started, please wait"

SLOW = '''
import asyncio
from pathlib import Path
from demo.types import Chapter

class Slow:
    """Its end takes until the test says so; a stop that was cut short leaves no second mark."""
    name, title, description, poller, faults = "slow", "Slow to leave", "", None, ()
    def chapters(self, stage): return [Chapter("Only", "The only story.")]
    def check(self): pass
    async def start(self): pass
    async def heal(self): pass
    async def stop(self):
        Path("stopping").touch()
        while not Path("go").exists():
            await asyncio.sleep(0.02)
        Path("stopped").touch()
'''

CALLED = """
import sys
sys.argv[1:] = {words!r}
from demo.__main__ import main
main()
"""


@contextmanager
def called(folder: Path, *words: str) -> Iterator[Terminal]:
    """`demo` with these words on a terminal, in a folder that has the slow subject."""
    (folder / "slow.py").write_text(SLOW)
    program = script(folder / "called.py", CALLED.format(words=list(words)))
    with terminal(Path(program[1]), XDG_STATE_HOME=str(folder)) as term:
        yield term


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
        assert term.sent.count(REMOVING.encode()) == 1


def test_a_quick_end_of_the_system_is_not_spoken_of(tmp_path: Path) -> None:
    (tmp_path / "go").touch()
    with called(tmp_path, "run", "slow:Slow") as term:
        term.wait_for("[1/1]")
        term.press("q")
        assert term.end() == 0
        term.wait_for("Show ended on [1/1].")
        assert REMOVING.encode() not in term.sent
