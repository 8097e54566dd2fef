"""A panel in a real terminal: what its program prints reaches the screen as text, and the terminal not at all."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.servers import wait_for
from tests.terminal.test_tmux import Tmux

STEERING = r"printf '\033]2;stolen\007\033]52;c;c3RvbGVu\007\033[5;31mred\033[0m \033]8;;http://e/\007link\033[6n\n'"

DECK = f"""\
---
title: In a terminal
panels:
  steering: {{run: [sh, -c, "{STEERING.replace(chr(92), chr(92) * 2)}; cat; exec sleep 600"], title: the program}}
---

```yaml
panel: steering
```

# One

The text beside it.
"""

SCRIPT = """\
import sys
from demo.__main__ import main
sys.argv = ["demo", "run", "show.md", "-x"]
main()
"""


@pytest.fixture
def tmux(tmp_path: Path, state_home: Path) -> Iterator[Tmux]:
    if shutil.which("tmux") is None:
        pytest.skip("NO tmux FOUND: panels were not tried in it. Install Debian's tmux")
    (tmp_path / "show.md").write_text(DECK)
    script = tmp_path / "show.py"
    script.write_text(SCRIPT)
    opened = Tmux(state_home, script)
    opened("set-option", "-g", "set-clipboard", "on")
    try:
        yield opened
    finally:
        opened("send-keys", "q")
        wait_for(lambda: not opened("list-panes"), 30.0, say=lambda: opened("capture-pane", "-p"))
        opened("kill-server")


def test_an_escape_sequence_of_a_panel_does_not_reach_the_terminal(tmux: Tmux) -> None:
    title = tmux("display-message", "-p", "#{pane_title}")
    wait_for(lambda: "red link" in tmux("capture-pane", "-p"), 40.0, say=lambda: tmux("capture-pane", "-p"))
    assert "the program" in tmux("capture-pane", "-p")
    assert "\x1b[31mred" in tmux("capture-pane", "-p", "-e")
    assert tmux("display-message", "-p", "#{pane_title}") == title != "stolen\n"
    assert tmux("list-buffers") == "", "nothing was put on the clipboard"
    assert os.environ.get("TMUX") is None
