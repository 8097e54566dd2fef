"""A show file that adds to the rate limiter: both play, a prediction is judged, a killed server is healed."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.servers import serving, wait_for

pytestmark = pytest.mark.system

DECK = """\
---
title: My limiter
subject: ratelimiter
options: {fallback: open}
probes:
  door:
    run: [test, "!", -e, shut]
    interval: 200ms
faults:
  shut-door:
    title: Shut the door
    run: [touch, shut]
    undo: [rm, -f, shut]
    healed: door is up
    duration: 60s
---

# At rest

---

```yaml
hypothesis: A node that dies is back soon.
expect: node-2 is up within 120s
on_enter:
  - wait_until: all up within 30s
  - fault: kill-node
  - wait_until: node-2 is down
  - wait_until: node-2 is up within 120s
  - python: limiter_steps:measure
```

# A node dies
"""

STEPS = """
def measure(stage, subject):
    seen = stage.measured("kill-node").detected_after_sec
    stage.say(f"{subject.name} with {subject.system.settings.fallback}: seen {seen is not None}")
"""


def health(state: dict[str, Any]) -> dict[str, str]:
    return {node["id"]: node["health"] for node in (state["health"] or {}).get("nodes", [])}


def test_a_file_plays_with_a_subject_and_leaves_nothing_broken(tmp_path: Path, state_home: Path) -> None:
    deck = tmp_path / "mine.md"
    deck.write_text(DECK)
    (tmp_path / "limiter_steps.py").write_text(STEPS)
    with serving(str(deck), "-x", state_home=state_home) as server:
        state = server.until(lambda state: len(health(state)) == 7 and set(health(state).values()) == {"up"}, 60)
        assert [fault["name"] for fault in state["chaos"]] == ["kill-node", "burst", "pause-redis", "shut-door"]
        assert server.client.post("/advance").status_code == 200
        state = server.until(lambda state: state["chapter"]["status"] not in ("running", "idle"), 240)
        assert state["chapter"]["error"] is None
        texts = {line["text"] for line in state["log"]}
        assert "ratelimiter with open: seen True" in texts
        server.until(lambda state: any(line["text"].startswith("node-2 is up") for line in state["log"]), 130)

        assert server.client.post("/chaos/shut-door").status_code == 202
        server.until(lambda state: health(state)["door"] == "down" and health(state)["node-1"] == "up", 30)
        server.kill()
    wait_for(lambda: not (tmp_path / "shut").exists(), 40)
