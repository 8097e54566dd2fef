"""`demo serve --from N`: a new show begins in its middle, with a system that is only starting."""

import sys
import tempfile
from pathlib import Path

from tests.support.played_shows import playing
from tests.support.proxies import free_ports

SHOW = """\
---
processes:
  web: {{run: [{python}, -c, "{program}", "{port}"], port: {port}}}
probes:
  web: {{http: "http://127.0.0.1:{port}/", interval: 250ms}}
faults:
  kill-web: {{process: {{name: web, do: kill}}, duration: 1s}}
---
# A web server

---

```yaml
on_enter: [say: nobody asked for this chapter]
```
# Not shown

---

```yaml
hypothesis: It is back soon
expect: web is up within 20s
on_enter: [fault: kill-web]
```
# It is killed
"""

PROGRAM = (
    "import http.server as h, sys, time; time.sleep(1); "
    "h.test(h.SimpleHTTPRequestHandler, port=int(sys.argv[1]), bind='127.0.0.1')"
)


def test_the_action_of_the_first_chapter_waits_until_the_system_is_up() -> None:
    with tempfile.TemporaryDirectory(prefix="from-") as name:
        deck = Path(name) / "show.md"
        deck.write_text(SHOW.format(python=sys.executable, program=PROGRAM, port=free_ports(1)[0]))
        with playing(deck, "--from", "3", state_home=Path(name) / "state", limit=60.0) as show:
            state = show.settle()
            assert (state["progress"], state["chapter"]["status"]) == ("[3/3]", "done")
            assert show.until_judged(3).held is True
            events = [event["type"] for event in show.events()]
            assert events.count("ChapterEntered") == 1
            assert "Said" not in events
            assert "FaultDetected" in events
