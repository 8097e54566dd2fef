"""The show of TiKV over real containers: brought up, a store killed, PD's late word, the verdict, attach, and halves.

In the containers stand relays to the fake cluster (tests/support/tikv_containers.py), not TiKV: everything around
it is real, the engine, the compose file, the ports, the client process, the faults and the undo ledger.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.containers import docker
from tests.support.fake_tikv_hub import PARTS
from tests.support.recording_checks import check_reported_and_replayed
from tests.support.servers import Server
from tests.support.tikv_containers import Project, running_cluster

UP_SEC = 60.0
ALL_RUN = dict.fromkeys(PARTS, "running")


@pytest.fixture(scope="module")
def stage() -> Iterator[Project]:
    with running_cluster() as made:
        yield made


@pytest.fixture
def project(stage: Project) -> Iterator[Project]:
    made = Project(stage.image)
    try:
        yield made
    finally:
        made.remove()


def node(state: dict[str, Any], ident: str) -> dict[str, Any]:
    found: dict[str, Any] = next((node for node in state["health"]["nodes"] if node["id"] == ident), {})
    return found


def fault(state: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(fault for fault in state["chaos"] if fault["name"] == name)
    return found


def until_up(server: Server) -> dict[str, Any]:
    return server.until(
        lambda s: bool(s["health"]) and len(s["health"]["nodes"]) >= 9 and not s["health"]["has_issues"], UP_SEC
    )


def step(server: Server, number: int) -> dict[str, Any]:
    """Advance, and wait until chapter `number` stands with its action over."""
    assert server.client.post("/advance").status_code == 200
    return server.until(
        lambda s: s["chapter"]["number"] == number and s["chapter"]["status"] in ("idle", "done", "failed"), UP_SEC
    )


def texts(state: dict[str, Any]) -> list[str]:
    return [line["text"] for line in state["log"]]


def test_the_whole_story_from_an_empty_machine_to_the_verdict(project: Project, state_home: Path) -> None:
    server = project.show(state_home=state_home)
    try:
        state = until_up(server)
        assert project.states() == ALL_RUN
        assert [n["id"] for n in state["health"]["nodes"]] == [
            *("tikv0", "tikv1", "tikv2", "pd0", "pd1", "pd2", "load", "writes", "engine")
        ]
        leading = state["health"]["leader"]["id"]
        assert fault(state, "kill-store")["target"] == f"the leading store, {leading}"
        state = step(server, 2)
        assert "200 ms" in state["chapter"]["narration"], "the stage profile is disclosed"
        step(server, 4)
        server.client.post("/advance")
        state = server.until(lambda s: s["chapter"]["number"] == 6, UP_SEC)
        # The one that leads by then: on a machine that stood still for a moment another one was elected.
        named = re.search(r"^At zero: (tikv\d), the leading store\.$", "\n".join(texts(state)), re.MULTILINE)
        assert named, texts(state)
        victim = named[1]
        # On a busy machine PD's own report may come late.
        server.until(lambda s: node(s, victim)["detail"] == "PD: Up · killed" and node(s, victim)["health"] == "down")
        state = step(server, 7)
        new = state["health"]["leader"]["id"]
        assert new not in (None, victim)
        elected = next(text for text in texts(state) if " after the kill" in text)
        assert re.fullmatch(
            r"\d\.\d s after the kill every region has a leader: (tikv\d leads \d(, )?){2}\. "
            r"No write was confirmed in one region for \d\.\d s\.",
            elected,
        )
        assert victim not in elected
        state = server.until(lambda s: any(t.startswith("PD reported Disconnected after") for t in texts(s)), UP_SEC)
        assert node(state, victim)["detail"].startswith("PD: Disconnected")
        state = step(server, 8)
        assert state["chapter"]["status"] == "done", state["chapter"]["error"]
        verdict = next(text for text in texts(state) if "written keys still have" in text)
        assert re.search(r"PD reported Disconnected after \d+ s\.$", verdict)
        done = fault(state, "kill-store")
        assert (done["state"], done["error"]) == ("idle", None)
        assert done["detected_after_sec"] < 1.0
        assert done["recovered_after_sec"] is not None
        state = step(server, 9)
        assert state["complete"]
        assert project.states() == ALL_RUN
    finally:
        code = server.stop()
        server.remove_state()
    assert (code, project.states()) == (0, {})
    check_reported_and_replayed(state_home)


def break_and_heal(server: Server, name: str, seen: str, role: str) -> None:
    """Until the wall has seen it, another is in that role, writes are taken, and all is up again."""
    assert server.client.post(f"/chaos/{name}").status_code == 202
    state = server.until(lambda s: fault(s, name)["detected_after_sec"] is not None, UP_SEC)
    victim = fault(state, name)["target"]
    # A probe that was under way may be quicker than the engine's word.
    server.until(lambda s: seen in node(s, victim)["detail"])
    server.until(lambda s: s["health"][role]["id"] not in (None, victim), UP_SEC)
    server.until(lambda s: node(s, "writes")["health"] == "up", UP_SEC)
    assert server.client.post(f"/chaos/{name}/heal").status_code == 202
    state = server.until(lambda s: fault(s, name)["recovered_after_sec"] is not None, UP_SEC)
    assert fault(state, name)["error"] is None


def test_every_other_fault_is_seen_and_undone(project: Project) -> None:
    server = project.show()
    try:
        until_up(server)
        for name, seen in (("freeze-store", "frozen"), ("cut-off-store", ""), ("kill-pd-leader", "killed")):
            break_and_heal(server, name, seen, "pd_leader" if "pd" in name else "leader")
        assert project.states() == ALL_RUN
    finally:
        server.stop()
        server.remove_state()


def test_an_attached_project_is_matched_by_name_broken_healed_and_left_alone(project: Project) -> None:
    project.compose("up", "-d")
    server = Server("tikv", "--attach", project.name)
    try:
        state = until_up(server)
        assert {n["id"] for n in state["health"]["nodes"]} == {*PARTS, "load", "writes", "engine"}
        assert node(state, "tikv1")["address"].endswith(f":{project.first_port + 6}")
        assert "200 ms" not in step(server, 2)["chapter"]["narration"]
        assert server.client.post("/chaos/kill-store").status_code == 202
        state = server.until(lambda s: fault(s, "kill-store")["detected_after_sec"] is not None, UP_SEC)
        victim = fault(state, "kill-store")["target"]
        server.until(lambda s: s["health"]["leader"]["id"] not in (None, victim), UP_SEC)
        assert server.client.post("/heal").status_code == 202
        server.until(lambda s: fault(s, "kill-store")["recovered_after_sec"] is not None, UP_SEC)
    finally:
        server.stop()
        server.remove_state()
    assert project.states() == ALL_RUN


def test_half_a_project_is_said_and_completed(project: Project) -> None:
    project.compose("up", "-d", "pd0", "pd1", "pd2")
    server = project.show()
    try:
        until_up(server)
        assert "is running only in part: starting tikv0, tikv1, tikv2" in server.read_output()
    finally:
        server.stop()
        server.remove_state()
    assert project.states() == ALL_RUN


def test_a_killed_server_leaves_no_store_dead(project: Project) -> None:
    server = project.show()
    try:
        until_up(server)
        assert server.client.post("/chaos/kill-store").status_code == 202
        server.until(lambda s: fault(s, "kill-store")["detected_after_sec"] is not None, UP_SEC)
        server.kill()
        again = project.show()
        try:
            until_up(again)
            assert project.states() == ALL_RUN
        finally:
            assert again.stop() == 0, again.output
            again.remove_state()
    finally:
        server.stop()
        server.remove_state()
    assert project.states() == {}


def test_a_project_that_is_not_there_or_publishes_nothing_is_refused_in_a_sentence(project: Project) -> None:
    run = [
        sys.executable,
        *("-m", "demo", "serve", "tikv", "--no-open", "--port", "0", "--attach", f"{project.name}-none"),
    ]
    done = subprocess.run(run, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert f"there is no container of the compose project '{project.name}-none' on this engine" in done.stderr
    mark = ("--label", f"com.docker.compose.project={project.name}", "--label", "com.docker.compose.service=pd0")
    docker("run", "--detach", "--name", f"{project.name}-pd0", "--network", "none", *mark, project.image, "sleep", "60")
    run[-1] = project.name
    done = subprocess.run(run, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert "no container of it publishes PD's port 2379 on this machine" in done.stderr
    assert "its containers: pd0" in done.stderr
