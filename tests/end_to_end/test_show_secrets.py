"""What programs of a show print reaches everybody who watches, but never with a secret of the show in it."""

import sys
from pathlib import Path

import pytest

from tests.support.servers import serving

VALUE = "kxq7printed7qxk"
CODE = "import os, sys; print('my token is', os.environ['TOKEN'], flush=True); sys.exit(3)"
DECK = f"""\
---
title: A talkative program
secrets:
  TOKEN: {{env: SHOW_TEST_TOKEN}}
processes:
  web: {{run: [{sys.executable}, -c, "{CODE}"], env: {{TOKEN: "${{TOKEN}}"}}}}
probes:
  env: {{run: [printenv, SHOW_TEST_TOKEN], show: [output], interval: 100ms}}
---

```yaml
on_enter:
  - wait_until: env.output == other
    timeout: 1s
```

# It tells all
"""


def test_what_a_program_prints_is_shown_without_the_secrets_in_it(
    tmp_path: Path, state_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOW_TEST_TOKEN", VALUE)
    deck = tmp_path / "show.md"
    deck.write_text(DECK)
    with serving(str(deck), "-x", state_home=state_home) as server:
        server.until(lambda state: any("my token is •••" in line["text"] for line in state["log"]), 40)
        server.until(lambda state: "•••" in str(state["health"]))
        server.until(lambda state: "•••" in str(state["chapter"]["error"]))
        for page in ("/", "/presenter", "/remote", "/state"):
            assert VALUE not in server.client.get(page).text
        stored = [path for path in state_home.rglob("*") if path.is_file()]
        assert stored
        assert not [path for path in stored if VALUE.encode() in path.read_bytes()]
        server.stop()
        assert VALUE not in server.read_all_output()


def test_a_show_without_probes_is_not_called_up_and_its_failed_start_is_printed(
    tmp_path: Path, state_home: Path
) -> None:
    deck = tmp_path / "show.md"
    deck.write_text("---\nprocesses:\n  web: {run: ['false']}\n---\n\n# One\n\nText.\n")
    with serving(str(deck), "-x", state_home=state_home) as server:
        server.until(lambda state: any("is not up" in line["text"] for line in state["log"]), 40)
        server.stop()
        assert "failed     web ended with code 1" in server.read_all_output()
        assert "all up" not in server.read_all_output()
