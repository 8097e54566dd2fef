"""The watchdog beside a real server: a fault of the user's own, healed by their own driver in another process."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from demo.chaos.child import birth_of
from demo.chaos.watchdog import ProcessWatchdog
from demo.errors import FaultError
from demo.types import Plan
from tests.serving import Server, serving, wait_for

pytestmark = pytest.mark.anyio

LAMP = '''
from pathlib import Path
from demo.errors import FaultError
from demo.subjects.none import NoSystem
from demo.types import ChaosConfig, ChaosType, Plan

HERE = Path(__file__).parent

class Dark:
    """The fault leaves a file, which only its heal removes; `stuck` keeps it from healing."""
    target, observable = "the lamp", "it is dark"

    def __init__(self, duration):
        self.config = ChaosConfig("dark", ChaosType.CONTAINER_KILL, "Put out the lamp", duration)

    async def plan(self):
        return Plan("dark", self.target, {"file": str(HERE / "dark")}, manual="rm dark")

    async def inject(self, plan):
        Path(plan.undo["file"]).touch()

    async def heal(self, plan):
        if (HERE / "stuck").exists():
            raise FaultError("the switch is stuck")
        with open(HERE / "hands", "a") as hands:
            hands.write("healed\\n")
        Path(plan.undo["file"]).unlink(missing_ok=True)

    async def is_healed(self, plan):
        return not Path(plan.undo["file"]).exists()

    def is_seen(self, health, since):
        return False

class Lamp(NoSystem):
    faults = (Dark(float("inf")),)

class Brief(NoSystem):
    faults = (Dark(1.0),)
'''


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "lamp.py").write_text(LAMP)
    return tmp_path


@contextmanager
def lamp(home: Path, kind: str = "Lamp", **env: str) -> Iterator[Server]:
    with serving(f"lamp:{kind}", "--journal", str(home / "show.journal"), cwd=home, env=env) as server:
        yield server


def put_out(server: Server, home: Path) -> None:
    assert server.client.post("/chaos/dark").status_code == 202
    server.until(lambda state: state["chaos"][0]["state"] == "active")
    assert (home / "dark").exists()


def watchdogs(home: Path) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            ours = entry.name.isdecimal() and (entry / "cwd").readlink() == home
            if ours and b"vigil.py" in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def test_a_fault_of_the_user_s_own_is_healed_after_kill_9(home: Path) -> None:
    with lamp(home) as server:
        assert watchdogs(home) == [], "none before the first fault"
        put_out(server, home)
        assert len(watchdogs(home)) == 1
        server.kill()
        wait_for(lambda: not (home / "dark").exists())
        wait_for(lambda: not watchdogs(home))
    with lamp(home) as again:
        again.until(lambda state: state["chaos"][0]["state"] == "idle")
        assert (home / "hands").read_text() == "healed\n", "the ledger knew: nobody healed it twice"


def test_the_watchdog_ends_with_a_show_that_ends_well(home: Path) -> None:
    with lamp(home) as server:
        put_out(server, home)
        assert server.stop() == 0
    assert not (home / "dark").exists()
    wait_for(lambda: not watchdogs(home))


def test_what_hangs_is_healed_at_its_time_though_the_server_says_nothing(home: Path) -> None:
    with lamp(home, "Brief") as server:
        assert server.client.post("/chaos/dark").status_code == 202
        wait_for((home / "dark").exists)
        wait_for(lambda: watchdogs(home) or None)
        server.process.send_signal(signal.SIGSTOP)
        try:
            wait_for(lambda: not (home / "dark").exists())
        finally:
            server.process.send_signal(signal.SIGCONT)
        server.until(lambda state: state["chaos"][0]["state"] == "idle")


def test_an_infinite_fault_is_left_to_a_server_that_only_hangs_for_a_while(home: Path) -> None:
    with lamp(home) as server:
        put_out(server, home)
        server.process.send_signal(signal.SIGSTOP)
        time.sleep(4.0)
        server.process.send_signal(signal.SIGCONT)
        assert (home / "dark").exists()
        server.until(lambda state: state["chaos"][0]["state"] == "active")


def test_what_cannot_be_healed_is_shouted_with_the_command_and_tried_again(home: Path) -> None:
    with lamp(home) as server:
        put_out(server, home)
        (home / "stuck").touch()
        server.client.post("/chaos/dark/heal")
        state = server.until(lambda state: state["chaos"][0]["state"] == "failed")
        assert state["chaos"][0]["error"] == "the switch is stuck. By hand: rm dark"
        assert "rm dark" in server.client.get("/presenter").text
        assert "rm dark" in server.client.get("/remote").text
        stage = server.client.get("/").text
        assert "not healed" in stage
        assert "rm dark" not in stage
        server.process.kill()
        said = wait_for(lambda: read_more(server) if "NOT healed yet" in server.output else read_more(server) and None)
        assert "dark is NOT healed yet: the switch is stuck. By hand: rm dark" in said
        (home / "stuck").unlink()
        wait_for(lambda: not (home / "dark").exists())
        wait_for(lambda: not watchdogs(home))


def read_more(server: Server) -> str:
    """What was said so far, by whoever holds the server's terminal."""
    assert server.process.stdout is not None
    os.set_blocking(server.process.stdout.fileno(), False)
    try:
        server.output += os.read(server.process.stdout.fileno(), 65536).decode()
    except BlockingIOError:
        time.sleep(0.05)
    return server.output


def test_an_end_that_cannot_heal_says_so_and_leaves_it_to_the_watchdog(home: Path) -> None:
    with lamp(home) as server:
        put_out(server, home)
        (home / "stuck").touch()
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(10) == 1
        wait_for(lambda: "The watchdog goes on trying" in read_more(server))
        assert (home / "dark").exists()
        assert len(watchdogs(home)) == 1
        (home / "stuck").unlink()
        wait_for(lambda: not (home / "dark").exists())


def test_without_a_watchdog_there_is_no_fault(home: Path) -> None:
    """No process can be started: the fault is refused, nothing is touched, and the show goes on."""
    breaking = "import demo.chaos.watchdog as w; from pathlib import Path; w.SCRIPT = Path('/nowhere')\n"
    (home / "lamp.py").write_text(breaking + LAMP)
    with lamp(home) as server:
        server.client.post("/chaos/dark")
        state = server.until(lambda state: state["chaos"][0]["state"] == "failed")
        assert "not injected: no watchdog could be started" in state["chaos"][0]["error"]
        assert not (home / "dark").exists()
        assert server.client.post("/advance").status_code == 200


async def test_a_watchdog_that_does_not_answer_is_replaced(home: Path) -> None:
    watchdog = ProcessWatchdog("none", {})
    plan = Plan("dark", "the lamp", {})
    await watchdog.hold("one", "dark", plan, 60.0)
    first = watchdog.pid
    assert first is not None
    os.kill(first, signal.SIGSTOP)
    await watchdog.hold("two", "dark", plan, 60.0)
    assert watchdog.pid not in (None, first)
    assert birth_of(first) is None, "two must never heal the same"
    watchdog.release("one")
    watchdog.release("two")
    await watchdog.close()


async def test_it_cannot_be_asked_for_what_no_pipe_takes(home: Path) -> None:
    watchdog = ProcessWatchdog("none", {})
    with pytest.raises(FaultError, match="watchdog"):
        await watchdog.hold("one", "dark", Plan("dark", "the lamp", {"much": "x" * 500_000}), 60.0)
    await watchdog.close()


def test_half_a_line_at_the_end_of_the_pipe_is_no_order() -> None:
    """The server died while it handed a fault over: it was never answered, so nothing was touched."""
    script = Path(sys.modules[ProcessWatchdog.__module__].__file__ or "").with_name("vigil.py")
    show: dict[str, object] = {"subject": "none", "options": {}, "journal": None, "root": "/", "pid": os.getpid()}
    told = json.dumps(show).encode() + b'\n{"hold": "one", "fau'
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(script)], input=told, capture_output=True, timeout=10, check=False
    )
    assert done.stdout.startswith(b'{"ready": ')
    assert done.stderr == b""
