"""`demo serve tikv --tiup` on a tiup that is none: begun, broken, mended, and ended with everything below it."""

import os
import signal
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo.errors import SubjectError
from demo.processes.child import start_time_of
from demo.processes.procfs import Launch, is_stopped, list_by_environment, listeners
from demo.subjects.tikv.playground.tiup import STAGE_PROFILE, check_ports, survives_last_of_kind
from demo.subjects.tikv.subject import Tikv
from tests.support.demo_command import run_demo
from tests.support.fake_tiup import install
from tests.support.servers import Server, serving, wait_for

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
    found = list_by_environment(SERVED, server.mark)
    return set(found) - {server.process.pid}


def leader(server: Server) -> str:
    """Wait until one store leads: between two leaders there is none for a moment."""
    return str(server.until(lambda state: state["health"]["leader"]["id"] is not None)["health"]["leader"]["id"])


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
    assert start_time_of(before) is None
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


def test_a_frozen_store_is_red_and_thaws_by_itself_or_by_hand(server: Server) -> None:
    victim = leader(server)
    pid = pid_of(server, victim)
    assert server.client.post("/chaos/freeze-store").status_code == 202
    server.until(lambda state: nodes(state)[victim] == "down", 5)
    assert is_stopped(pid)
    assert server.client.post("/chaos/freeze-store/heal").status_code == 202
    server.until(all_up, 20)
    assert not is_stopped(pid)
    assert pid_of(server, victim) == pid


def test_a_store_that_does_not_lead_can_be_named_and_is_killed_for_a_second(server: Server) -> None:
    victim = next(name for name in nodes(server.state()) if name.startswith("store") and name != leader(server))
    answer = server.client.post("/chaos/kill-store", json={"target": "pd-9"})
    assert answer.status_code == 422
    assert victim in answer.json()["detail"]
    assert server.client.post("/chaos/kill-store", json={"target": victim, "duration_sec": 1}).status_code == 202
    server.until(lambda state: nodes(state)[victim] == "down", 5)
    assert fault(server.state(), "kill-store")["target"] == victim
    server.until(all_up, 30)


def test_a_server_that_is_killed_takes_its_playground_with_it_frozen_and_dead_parts_too(
    server: Server, tmp_path: Path
) -> None:
    frozen, dead = leader(server), next(name for name, pd in pd_words(server).items() if pd == "leads")
    assert server.client.post("/chaos/freeze-store").status_code == 202
    assert server.client.post("/chaos/kill-pd-leader").status_code == 202
    server.until(lambda state: nodes(state)[frozen] == nodes(state)[dead] == "down", 5)
    server.kill()
    wait_for(lambda: below(server) == set(), GONE_SEC, lambda: str(below(server)))
    assert list((tmp_path / "bin" / "home" / "data").iterdir()) == []
    assert "healed freeze-store" in server.read_all_output()
    assert "healed kill-pd-leader" in server.read_all_output()


def pd_words(server: Server) -> dict[str, str]:
    return {node["id"]: node["detail"] for node in server.state()["health"]["nodes"] if node["type"] == "pd"}


@pytest.fixture
def state_home() -> Iterator[Path]:
    """Short: a Unix socket lies in it."""
    with tempfile.TemporaryDirectory(prefix="tiup-") as place:
        yield Path(place)


def test_what_outlives_even_its_supervisor_is_ended_by_the_next_show(
    environ: dict[str, str], state_home: Path, tmp_path: Path
) -> None:
    with serving(*SHOW, env=environ, state_home=state_home) as first:
        first.until(all_up, UP_SEC)
        (supervisor,) = processes(first, "tikv.playground.supervisor")
        os.kill(first.process.pid, signal.SIGSTOP)
        os.kill(supervisor, signal.SIGKILL)
        first.kill()
    left = wait_for(lambda: set(processes(first, "tikv-server")))
    with serving(*SHOW, env=environ, state_home=state_home) as second:
        second.until(all_up, UP_SEC)
        assert "which an earlier show left running" in second.read_output()
        assert below(first) == set()
    assert left
    assert list((tmp_path / "bin" / "home" / "data").iterdir()) == []


def processes(server: Server, *words: str) -> list[int]:
    """Of this server, those whose command line holds all the words, and what runs below them not."""

    def said(pid: int) -> str:
        try:
            return (Path("/proc") / str(pid) / "cmdline").read_bytes().decode().replace("\0", " ")
        except OSError:
            return ""

    return sorted(pid for pid in below(server) if all(word in said(pid) for word in words))


def test_a_tiup_that_is_killed_leaves_a_cluster_that_still_ends_with_its_show(server: Server) -> None:
    (tiup,) = processes(server, "fake_tiup_parts.py tiup")
    os.kill(tiup, signal.SIGKILL)
    wait_for(lambda: start_time_of(tiup) is None)
    assert all_up(server.until(lambda state: state["health"]["freshness"] == "live"))
    assert server.stop(signal.SIGINT) == 0
    assert below(server) == set()


def is_down(name: str, state: dict[str, Any]) -> bool:
    return nodes(state)[name] == "down"


def has_playground(environ: dict[str, str], version: str) -> None:
    (Path(environ["TIUP_HOME"]) / "components" / "playground" / version).mkdir(parents=True)


@pytest.mark.parametrize(
    ("versions", "moves", "stays"),
    [
        ((), True, True),
        (("v1.16.0",), False, False),
        (("v1.16.1",), True, False),
        (("v1.16.4", "v1.9.9"), True, False),
        (("v1.16.5",), True, True),
        (("v1.16.4", "v1.16.10"), True, True),
    ],
)
def test_what_a_playground_can_goes_by_the_newest_that_is_here(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, versions: tuple[str, ...], moves: bool, stays: bool
) -> None:
    monkeypatch.setenv("TIUP_HOME", environ["TIUP_HOME"])
    for version in versions:
        has_playground(environ, version)
    assert survives_last_of_kind() is stays
    check_ports(0)
    if moves:
        check_ports(1000)
    else:
        with pytest.raises(SubjectError, match="cannot move its ports: `tiup update playground`"):
            check_ports(1000)


@pytest.fixture
def old_server(environ: dict[str, str]) -> Iterator[Server]:
    has_playground(environ, "v1.16.4")
    with serving(*SHOW, env=environ | {"FAKE_TIUP_IS_OLD": "1"}) as server:
        server.until(all_up, UP_SEC)
        yield server


def test_parts_that_died_unasked_are_healed_and_the_last_of_an_old_tiups_own_is_not_killed(old_server: Server) -> None:
    """It does not know of those that were started again: it may take the last of its own for the end."""
    server = old_server
    last = leader(server)
    others = [name for name in nodes(server.state()) if name.startswith("store-") and name != last]
    for name in others:
        os.kill(pid_of(server, name), signal.SIGKILL)
        server.until(partial(is_down, name))
        assert server.client.post("/heal").status_code == 202
        server.until(all_up, 30)
    was = {name: pid_of(server, name) for name in (last, *others)}
    # Refused until the heal itself has seen that all is up.
    wait_for(lambda: server.client.post("/chaos/kill-store", json={"target": last}).status_code == 202)
    state = server.until(lambda state: fault(state, "kill-store")["state"] == "failed")
    assert f"{last} is the last process of its kind that tiup itself has started" in fault(state, "kill-store")["error"]
    assert {name: pid_of(server, name) for name in was} == was


def test_a_store_that_is_just_dying_is_started_again_once_it_is_dead(server: Server) -> None:
    victim = leader(server)
    pid = pid_of(server, victim)
    os.kill(pid, signal.SIGUSR1)
    server.until(partial(is_down, victim))
    assert server.client.post("/heal").status_code == 202
    assert start_time_of(pid) is not None
    server.until(lambda state: start_time_of(pid) is None and all_up(state), 30)
    assert pid_of(server, victim) != pid


def test_a_supervisor_that_is_killed_ends_the_playground_and_that_is_said(server: Server) -> None:
    (supervisor,) = processes(server, "tikv.playground.supervisor")
    os.kill(supervisor, signal.SIGKILL)
    server.until(lambda state: any("the playground has ended" in line["text"] for line in state["log"]))
    wait_for(lambda: not processes(server, "playground"))
    server.until(lambda state: not {"up", "degraded"} & {nodes(state)[name] for name in ("store-1", "pd0")})
    assert server.client.post("/heal").status_code == 202
    server.until(lambda state: any(line["text"].startswith("the system is not up: the") for line in state["log"]))
    assert server.stop(signal.SIGINT) == 0
    assert below(server) == set()


def test_a_tiup_that_gives_up_is_quoted(environ: dict[str, str]) -> None:
    with serving(*SHOW, env=environ | {"FAKE_TIUP_FAILS": "1"}) as server:
        failed = "failed     the playground did not start: tiup ended with code 1: Error: there is no room"
        wait_for(lambda: failed in server.read_output(), 30, server.read_output)
        assert server.client.get("/").status_code == 200
    assert below(server) == set()


def test_ctrl_c_while_tiup_loads_ends_it(environ: dict[str, str]) -> None:
    with serving(*SHOW, env=environ | {"FAKE_TIUP_LOADS_SEC": "300"}) as server:
        wait_for(lambda: processes(server, "fake_tiup_parts.py tiup"), 30)
        assert server.stop(signal.SIGINT) == 0
        assert below(server) == set()


def demo(*words: str, env: dict[str, str]) -> tuple[int, str]:
    done = run_demo(*words, env=os.environ | env)
    return done.returncode, done.stdout + done.stderr


def test_without_tiup_it_is_one_sentence_with_the_command_that_installs_it(tmp_path: Path) -> None:
    empty = {"PATH": str(tmp_path), "TIUP_HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)}
    code, said = demo(*("serve", *SHOW, "--port", "0", "--no-open"), env=empty)
    assert code == 1
    assert said.strip().splitlines()[-1].startswith("demo: tiup was not found: curl ")
    code, said = demo("doctor", "tikv", "--tiup", "--port", "0", env=empty)
    assert code == 1
    assert "no  tiup" in said


def test_the_doctor_tells_of_tiup_and_of_what_it_would_load(environ: dict[str, str], tmp_path: Path) -> None:
    code, said = demo("doctor", "tikv", "--tiup", "--port", "0", env=environ)
    assert code == 0, said
    assert "1.16.5 tiup" in said
    assert "tiup install playground pd:v8.5.7 tikv:v8.5.7 before the show" in said
    for name in ("playground/v1.16.5", "pd/v8.5.7", "tikv/v8.5.7"):
        (tmp_path / "bin" / "home" / "components" / name).mkdir(parents=True)
    code, said = demo("doctor", "tikv", "--tiup", "--port", "0", env=environ)
    assert "pd and tikv v8.5.7 are installed" in said
    assert not (tmp_path / "bin" / "calls").exists()


def test_ports_can_be_moved(environ: dict[str, str], tmp_path: Path) -> None:
    words = (*SHOW, "-o", "port-offset=10000")
    with serving(*words, env=environ | {"FAKE_TIUP_FAILS": "1"}) as server:
        wait_for(lambda: "tiup ended with code 1" in server.read_output(), 30, server.read_output)
    assert " --port-offset 10000 --tag chaos-stage-" in (tmp_path / "bin" / "calls").read_text()
    code, said = demo("serve", *SHOW, "-o", "port-offset=20000", env=environ)
    assert (code, "port-offset must be between 0 and 12000" in said) == (2, True)


def test_the_stage_profile_is_that_of_the_containers() -> None:
    file = Path(__file__).parents[3] / "demo" / "subjects" / "tikv" / "compose.yaml"
    parts = yaml.safe_load(file.read_text())
    assert parts["services"]["tikv0"]["environment"]["STAGE_PROFILE"] == STAGE_PROFILE


def test_the_faults_of_a_playground_are_those_that_signals_can_do() -> None:
    names = [driver.config.name for driver in Tikv(tiup=True).faults]
    assert names == ["kill-store", "freeze-store", "kill-pd-leader"]
