"""A show file is edited while a real tmux presents it: the terminal shows the edit, and what is wrong with one."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.terminal.test_tmux import Tmux

SOON_SEC = 60.0
"""A whole program is started, on a machine that may be busy."""

DECK = "# First\n\nOne.\n\n---\n\n# Second\n\nTwo.\n"


@pytest.fixture
def deck(tmp_path: Path) -> Path:
    path = tmp_path / "live.md"
    path.write_text(DECK)
    return path


@pytest.fixture
def tmux(deck: Path, state_home: Path) -> Iterator[Tmux]:
    if shutil.which("tmux") is None:
        pytest.skip("NO tmux FOUND: the terminal was not tried in it. Install Debian's tmux")
    script = deck.with_name("present.py")
    script.write_text(
        f"import sys\nfrom demo.__main__ import main\nsys.argv = ['demo', 'run', {str(deck)!r}]\nmain()\n"
    )
    opened = Tmux(state_home, script)
    try:
        yield opened
    finally:
        opened("kill-server")


def test_an_edit_is_in_the_terminal_and_a_broken_one_is_named_until_it_is_mended(tmux: Tmux, deck: Path) -> None:
    tmux.wait_for("[1/2]", SOON_SEC)
    tmux("send-keys", "n")
    tmux.wait_for("Two.", SOON_SEC)
    deck.write_text("# Zeroth\n\nNew.\n\n---\n\n" + DECK.replace("Two.", "Two, edited."))
    tmux.wait_for("Two, edited.", SOON_SEC)
    tmux.wait_for("[3/3]", SOON_SEC)
    deck.write_text(f"---\ntitel: Misspelt\n---\n\n{DECK}")
    tmux.wait_for("live.md:2:1: there is no key", SOON_SEC)
    deck.write_text(DECK)
    tmux.wait_for("[2/2]", SOON_SEC)
    tmux("send-keys", "q")
