"""A show that brings a compose project up: its containers are broken, healed, adopted after a kill, and removed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.compose_projects import ComposeFile, compose_file
from tests.support.containers import docker
from tests.support.servers import Server, serving
from tests.support.system_description import wait_for_system_description

pytestmark = pytest.mark.system

UP_SEC = 120.0

DECK = """---
title: Two containers
system: {compose: compose.yaml, project: PROJECT}
probes:
  db: {docker: db}
  log: {log: {service: web, match: /alive/}, up: count >= 1}
faults:
  kill-db:
    container: {service: db, do: kill}
    duration: 10min
---

# They run
"""

SAYS = "echo I am alive; exec /bin/busybox sleep 100000"


@pytest.fixture
def file(tmp_path: Path) -> Iterator[ComposeFile]:
    with compose_file(tmp_path) as made:
        made.write({"db": {}, "web": {"command": ["sh", "-c", SAYS]}})
        yield made


def cards(state: dict[str, Any]) -> dict[str, str]:
    return {node["id"]: node["health"] for node in (state["health"] or {"nodes": ()})["nodes"]}


def the_end_of_a_container_is_told(server: Server, name: str) -> None:
    """No probe sees whether it runs: its log has said all that it ever will."""
    docker("kill", name)
    end = f"container {name} ended with code 137"
    told = server.until(lambda state: state["health"].get("problems") == [end])
    assert [line["level"] for line in told["log"] if line["text"] == end] == ["error"]
    server.client.post("/heal")
    server.until(lambda state: "problems" not in state["health"], UP_SEC)


def test_containers_outlive_a_killed_server_and_end_with_the_next_one(file: ComposeFile, tmp_path: Path) -> None:
    deck = tmp_path / "two.md"
    deck.write_text(DECK.replace("PROJECT", file.project))
    home = tmp_path / "state"
    with serving(str(deck), "-x", state_home=home) as first:
        first.until(lambda state: cards(state) == {"db": "up", "log": "up"}, UP_SEC)
        facts = wait_for_system_description(first, "container engine")  # made as soon as the start is over
        assert facts["runs as"] == f"compose project {file.project}, started with compose"
        assert facts["images"] == file.inspect("db")["Config"]["Image"].replace(":", " ")
        the_end_of_a_container_is_told(first, file.inspect("web")["Name"].removeprefix("/"))
        before = {name: file.inspect(name)["State"]["StartedAt"] for name in ("db", "web")}
        # No label demo.target, and all the same a target: the show has brought it up.
        assert first.client.post("/chaos/kill-db").status_code == 202
        first.until(lambda state: cards(state)["db"] == "down" and state["chaos"][0]["state"] == "active", UP_SEC)
        first.kill_with_watchdog()
    with serving(str(deck), "-x", state_home=home) as second:
        second.until(lambda state: cards(state) == {"db": "up", "log": "up"}, UP_SEC)
        second.until(lambda state: state["chaos"][0]["state"] == "idle", UP_SEC)
        assert file.inspect("web")["State"]["StartedAt"] == before["web"], "nothing is started twice"
        docker("kill", file.container("web"))
        second.client.post("/heal")
        second.until(lambda state: file.states() == {"db": "running", "web": "running"}, UP_SEC)
        assert second.stop() == 0
    assert (file.states(), file.networks()) == ({}, [])
