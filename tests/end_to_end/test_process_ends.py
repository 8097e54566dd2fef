"""A process of a show that ends by itself, and that no probe watches: the presenter is told, and nobody else."""

import sys
from pathlib import Path

from tests.support.servers import serving

PROGRAM = """
import pathlib, sys, time
time.sleep(2)  # an end within the first 0.3 s is a failed start, which is told in another way
while not pathlib.Path(sys.argv[1]).exists():
    time.sleep(0.02)
print("boom", flush=True)
sys.exit(3)
"""

DECK = f"""\
---
title: A program that fails
processes:
  web: {{run: [{sys.executable}, program.py, fail]}}
probes:
  other: {{run: ["true"]}}
---

# One
"""

CRASH = "web ended with code 3: boom"


def test_the_presenter_is_told_and_nobody_else_until_it_runs_again(tmp_path: Path, state_home: Path) -> None:
    deck, fail = tmp_path / "show.md", tmp_path / "fail"
    deck.write_text(DECK)
    (tmp_path / "program.py").write_text(PROGRAM)
    with serving(str(deck), "-x", state_home=state_home) as server:
        server.until(lambda state: [node["health"] for node in (state["health"] or {}).get("nodes", ())] == ["up"], 40)
        assert "problems" not in server.state()["health"]
        fail.touch()
        state = server.until(lambda state: state["health"].get("problems") == [CRASH])
        assert [line["level"] for line in state["log"] if line["text"] == CRASH] == ["error"]
        assert f"System: {CRASH}" in server.client.get("/presenter").text
        assert CRASH in server.client.get("/remote").text
        assert "boom" not in server.client.get("/").text
        fail.unlink()
        server.client.post("/heal")
        server.until(lambda state: "problems" not in state["health"])
        assert "boom" not in server.client.get("/presenter").text.partition('id="r-log"')[0]
