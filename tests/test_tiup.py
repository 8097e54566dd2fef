"""`demo serve tikv --tiup` on a tiup that is none: begun, broken, mended, and ended with everything below it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo.chaos.child import birth_of
from demo.chaos.procfs import Launch, is_stopped, listeners, marked
from demo.subjects.tikv.grounds import MARK
from demo.subjects.tikv.subject import Tikv
from demo.subjects.tikv.tiup import STAGE_PROFILE
from tests.playground import install
from tests.serving import Server, serving, wait_for

UP_SEC = 90.0
GONE_SEC = 30.0
SERVED = "SERVED_BY_TEST"
SHOW = ("tikv", "--tiup", "--fresh")


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return install(tmp_path / "bin")


@pytest.fixture
def server(environ: dict[str, str]) -> Iterator[Server]:
    with serving(*SHOW, env=environ) as server:
        server.until(all_up, UP_SEC)
        yield server


def nodes(state: dict[str, Any]) -> dict[str, str]:
    return {node["id"]: node["health"] for node in state["health"]["nodes"]}


def all_up(state: dict[str, Any]) -> bool:
    known = nodes(state)
    return len(known) >= 8 and set(known.values()) == {"up"}


def fault(state: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(fault for fault in state["chaos"] if fault["name"] == name)
    return found


def below(server: Server) -> set[int]:
    """Everything that this server or its descendants have started, and that lives."""
    found = marked(SERVED, server.mark)
    return set(found) - {server.process.pid}


def leader(server: Server) -> str:
    return str(server.state()["health"]["leader"]["id"])


def pid_of(server: Server, node: str) -> int:
    """Of the process that listens where that node is asked."""
    address = next(n["address"] for n in server.state()["health"]["nodes"] if n["id"] == node)
    return listeners(below(server))[int(address.rpartition(":")[2])]


def test_a_store_is_killed_seen_and_started_again_as_it_was_and_ctrl_c_leaves_nothing(
    server: Server, tmp_path: Path
) -> None:
    victim = leader(server)
    before = pid_of(server, victim)
    was = Launch.of(before)
    others = {name: pid_of(server, name) for name in nodes(server.state()) if name not in (victim, "load", "writes")}
    assert server.client.post("/chaos/kill-store").status_code == 202
    state = server.until(lambda state: nodes(state)[victim] == "down", 5)
    assert fault(state, "kill-store")["target"] == victim
    assert birth_of(before) is None
    state = server.until(lambda state: fault(state, "kill-store")["detected_after_sec"] is not None)
    assert fault(state, "kill-store")["detected_after_sec"] < 2.0
    server.until(lambda state: state["health"]["leader"]["id"] not in (None, victim) and nodes(state)["writes"] == "up")
    assert server.client.post("/chaos/kill-store/heal").status_code == 202
    server.until(all_up, 30)
    after = pid_of(server, victim)
    assert after != before
    assert Launch.of(after) == was
    assert {name: pid_of(server, name) for name in others} == others
    assert was.output.endswith("node.log")
    assert Path(was.output).read_text().count("runs in") == 2
    data = tmp_path / "bin" / "home" / "data"
    assert list(data.iterdir())
    assert server.stop(signal.SIGINT) == 0
    assert below(server) == set()
    assert list(data.iterdir()) == []
