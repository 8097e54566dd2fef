"""A show from one Markdown file, with real processes: played, predicted, broken, killed, healed and adopted."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.crashes import free_port
from tests.support.servers import Server, serving, wait_for

DECK = """\
---
title: A shop and its page
processes:
  page:
    run: [PYTHON, -m, http.server, "PORT", --bind, 127.0.0.1]
    port: PORT
    ready: page is up
probes:
  page:
    http: http://127.0.0.1:PORT/
    interval: 100ms
    behind: page
faults:
  kill-page:
    title: Kill the page
    process: {name: page, do: kill}
    duration: 1s
  forbid:
    title: Forbid it
    run: [touch, forbidden]
    undo: [rm, -f, forbidden]
    healed: allowed is up
    duration: 30s
---

# It works

Somebody asks for the page.

<!-- pause -->

**Green** means that it answered.

<!-- the notes of this chapter -->

---

```yaml
require:
  - {condition: page is up, msg: start the page first}
hypothesis: Nobody notices.
expect: page is up
on_enter:
  - fault: kill-page
  - wait_until: page is up within 20s
```

# Pull the plug

---

# What we saw
"""


@pytest.fixture
def deck(tmp_path: Path) -> Path:
    path = tmp_path / "shop.md"
    text = DECK.replace("PORT", str(free_port())).replace("PYTHON", sys.executable)
    path.write_text(text.replace("faults:", "  allowed:\n    run: [test, '!', -e, forbidden]\nfaults:", 1))
    return path


@pytest.fixture
def show(deck: Path, state_home: Path) -> Iterator[Server]:
    with serving(str(deck), "-x", state_home=state_home) as server:
        server.until(lambda state: health(state) == {"page": "up", "allowed": "up"}, 40)
        yield server


def health(state: dict[str, Any]) -> dict[str, str]:
    return {node["id"]: node["health"] for node in (state["health"] or {}).get("nodes", [])}


def fault(state: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in state["chaos"] if one["name"] == name)


def port_of(deck: Path) -> int:
    return int(deck.read_text().partition("port: ")[2].split()[0])


def is_listening(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def test_it_is_played_to_its_verdict(show: Server) -> None:
    assert (
        show.state()["chapter"] | {"title": "It works", "notes": "the notes of this chapter"} == show.state()["chapter"]
    )
    assert show.client.post("/advance?from=1.1").status_code == 200
    assert show.client.post("/advance?from=1.1").json()["code"] == "stale"
    assert show.state()["chapter"]["narration"].endswith("**Green** means that it answered.")
    assert show.client.post("/advance?from=1.2").status_code == 200
    seen = show.until(lambda state: fault(state, "kill-page")["recovered_after_sec"] is not None, 40)
    assert fault(seen, "kill-page")["detected_after_sec"] is not None
    show.until(lambda state: any(line["text"] == "page is down, not up." for line in state["log"]))
    assert show.until(lambda state: state["chapter"]["status"] != "running")["chapter"]["status"] == "done"


def test_what_a_chapter_requires_is_asked_for_at_its_door(show: Server, deck: Path) -> None:
    show.client.post("/chaos/kill-page", params={"duration_sec": 60})
    show.until(lambda state: health(state)["page"] == "down")
    show.client.post("/advance")
    refused = show.client.post("/advance")
    assert (refused.status_code, refused.json()["code"]) == (409, "required")
    assert "start the page first" in refused.json()["detail"]
    assert show.client.post("/advance?override=true").json()["chapter"]["number"] == 2


def test_a_killed_server_leaves_nothing_broken_and_its_processes_to_the_next(
    show: Server, deck: Path, state_home: Path
) -> None:
    forbidden = deck.with_name("forbidden")
    for name in ("kill-page", "forbid"):
        assert show.client.post(f"/chaos/{name}", params={"duration_sec": 60}).status_code == 202
    show.until(lambda state: health(state) == {"page": "down", "allowed": "down"})
    assert forbidden.exists()
    text, port = deck.read_text(), port_of(deck)
    deck.unlink()  # a healer works from what the show was started with
    show.kill()
    wait_for(lambda: not forbidden.exists() and is_listening(port), 40)
    deck.write_text(text)
    with serving(str(deck), "-x", state_home=state_home) as after:
        # Told when the start is over, which may be after the probes have seen that all is up.
        after.until(lambda state: any("still running" in line["text"] for line in state["log"]), 40)
        found = after.until(lambda state: health(state) == {"page": "up", "allowed": "up"}, 40)
        assert [one["state"] for one in found["chaos"]] == ["idle", "idle"]
    wait_for(lambda: not is_listening(port), 20)


def test_without_permission_it_starts_nothing_and_says_what_it_would(deck: Path) -> None:
    command = [sys.executable, "-m", "demo", "serve", str(deck), "--no-open", "--port", "0"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, env={**os.environ}, check=False)
    assert ended.returncode == 1
    assert "is a program" in ended.stderr
    assert "process page" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not is_listening(port_of(deck))


def test_the_end_of_the_show_ends_its_processes(deck: Path, state_home: Path) -> None:
    with serving(str(deck), "-x", state_home=state_home) as server:
        server.until(lambda state: health(state).get("page") == "up", 40)
        assert server.stop(signal.SIGINT) == 0
    assert not is_listening(port_of(deck))


def assert_second_is_refused(deck: Path, first: Server, state_home: Path) -> None:
    command = [sys.executable, "-m", "demo", "serve", str(deck), "-x", "--no-open", "--port", "0"]
    environ = {**os.environ, "XDG_STATE_HOME": str(state_home)}
    ended = subprocess.run(command, capture_output=True, text=True, timeout=90, env=environ, check=False)
    assert ended.returncode == 1
    assert f"is already presented by process {first.process.pid}: end that first" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_second_server_of_a_show_is_refused_and_ends_nothing_of_the_first(deck: Path, state_home: Path) -> None:
    port, page = free_port(), port_of(deck)
    proxies = f"proxies:\n  way: {{listen: '127.0.0.1:{port}', to: '127.0.0.1:{page}'}}\nfaults:"
    deck.write_text(deck.read_text().replace("faults:", proxies, 1))
    with serving(str(deck), "-x", state_home=state_home) as first:
        first.until(lambda state: health(state) == {"page": "up", "allowed": "up"}, 40)
        assert_second_is_refused(deck, first, state_home)
        assert is_listening(port)
        assert is_listening(page)


def test_a_second_server_of_a_show_of_proxies_alone_ends_nothing_of_the_first(tmp_path: Path, state_home: Path) -> None:
    port, deck = free_port(), tmp_path / "way.md"
    deck.write_text(f"---\nproxies:\n  way: {{listen: '127.0.0.1:{port}', to: '127.0.0.1:1'}}\n---\n\n# One\n")
    with serving(str(deck), state_home=state_home) as first:
        wait_for(lambda: is_listening(port), 40)
        assert_second_is_refused(deck, first, state_home)
        assert is_listening(port)
    wait_for(lambda: not is_listening(port), 20)
