"""A kill in a real tmux, on a small terminal and a large one: what a room must read is there, in its place."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.servers import wait_for
from tests.terminal.test_tmux import Tmux

ROOT = Path(__file__).parents[2]
SIZES = ((80, 24), (200, 50))
LIMIT_SEC = 40.0
"""A whole program is started, on a machine that may be busy."""

SCRIPT = f"""\
import sys
sys.path.insert(0, {str(ROOT)!r})
from demo.__main__ import main
sys.argv = ["demo", "run", "tests.support.staged_kill:StagedKill", "--from", "3"]
main()
"""


@pytest.fixture
def tmux(tmp_path: Path, state_home: Path) -> Iterator[Tmux]:
    if shutil.which("tmux") is None:
        pytest.skip("NO tmux FOUND: the terminal was not tried in it. Install Debian's tmux")
    script = tmp_path / "show.py"
    script.write_text(SCRIPT)
    opened = Tmux(state_home, script)
    try:
        yield opened
    finally:
        opened("send-keys", "q")
        wait_for(lambda: not opened("list-panes"), 30.0, say=lambda: opened("capture-pane", "-p"))
        opened("kill-server")


def rows_with(tmux: Tmux, columns: int, *words: str) -> list[str]:
    """The rows of the screen, once all of these words are on it and every row keeps to its width."""

    def look() -> list[str] | None:
        rows = tmux("capture-pane", "-p").split("\n")
        return rows if all(any(word in row for row in rows) for word in words) else None

    rows = wait_for(look, LIMIT_SEC, lambda: tmux("capture-pane", "-p"))
    assert max(map(len, rows)) <= columns
    return rows


def place(rows: list[str], words: str) -> int:
    return next(number for number, row in enumerate(rows) if words in row)


def test_a_kill_is_legible_from_the_prediction_to_the_verdict(tmux: Tmux) -> None:
    for size in SIZES:
        tmux.resize(*size)
        rows = rows_with(tmux, size[0], "What if one dies?", "◇ Prediction", "● All running")
        assert place(rows, "◇ Prediction") < place(rows, "One node of three dies") < place(rows, "All running")
    tmux("send-keys", "n")
    rows_with(tmux, 200, "s to go", "Killing node-2…")
    for size in SIZES:
        tmux.resize(*size)
        rows = rows_with(tmux, size[0], "✗ node-2 killed  detected in", "╌╌✗", "restarts in", "● live", "errors")
        assert place(rows, "Kill a node") < place(rows, "✗ node-2 ") < place(rows, "restarts in")
        assert place(rows, "60 s ago") < place(rows, "restarts in")
    tmux("send-keys", "u")
    for size in SIZES:
        tmux.resize(*size)
        rows = rows_with(
            tmux, size[0], "✓ Confirmed", "of 580 requests failed", "Predicted in chapter 3", "recovered in"
        )
        assert place(rows, "✓ Confirmed") < place(rows, "of 580 requests") < place(rows, "◇ Prediction:")
        assert place(rows, "◇ Prediction:") < place(rows, "✓ 0 of 580 requests failed")
