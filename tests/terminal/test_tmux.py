"""The show in a real tmux: what a person does there besides pressing keys."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.servers import wait_for
from tests.support.terminals import write_show


class Tmux:
    """A tmux server of the test's own, with one program in it."""

    def __init__(self, place: Path, script: Path) -> None:
        self._environ = {**os.environ, "TMUX_TMPDIR": str(place)}
        size = ("-x", "100", "-y", "30")
        command = f"cd '{script.parent}' && exec '{sys.executable}' '{script}'"
        self("-f", "/dev/null", "new-session", "-d", *size, "/bin/sh", "-c", command)

    def __call__(self, *words: str) -> str:
        done = subprocess.run(["tmux", *words], env=self._environ, capture_output=True, text=True, check=False)
        return done.stdout

    def resize(self, columns: int, rows: int) -> None:
        self("resize-window", "-x", str(columns), "-y", str(rows))

    def wait_for(self, words: str, limit: float = 15.0) -> None:
        wait_for(lambda: words in self("capture-pane", "-p"), limit, lambda: self("capture-pane", "-p"))


@pytest.fixture
def tmux(tmp_path: Path, state_home: Path) -> Iterator[Tmux]:
    if shutil.which("tmux") is None:
        pytest.skip("NO tmux FOUND: the terminal was not tried in it. Install Debian's tmux")
    opened = Tmux(state_home, write_show(tmp_path))
    try:
        yield opened
    finally:
        opened("kill-server")


def test_pasted_text_does_nothing_and_keys_go_on_to_count(tmux: Tmux, tmp_path: Path) -> None:
    tmux.wait_for("[1/3]")
    tmux("set-buffer", "c1\nxx n q\n")
    tmux("paste-buffer", "-p")
    tmux("send-keys", "n")
    tmux.wait_for("[2/3]")
    tmux.wait_for("the action ran")
    assert (tmp_path / "log.txt").read_text() == "worked\n"
    tmux("send-keys", "q")
    wait_for(lambda: (tmp_path / "log.txt").read_text() == "worked\nreturned\n")
