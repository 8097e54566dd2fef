"""The watchdog beside a real server: a fault of the user's own, healed by their own driver in another process."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from demo.errors import FaultError
from demo.journal.library.inspect import pending_undos
from demo.processes.child import start_time_of
from demo.types import Plan
from demo.watchdog.client import WatchdogClient
from tests.support.lamp import LAMP, inject, install_subject, lamp, read_more, watchdogs
from tests.support.servers import wait_for

pytestmark = pytest.mark.anyio


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return install_subject(tmp_path)


def test_a_fault_of_the_user_s_own_is_healed_after_kill_9(home: Path) -> None:
    with lamp(home) as server:
        assert watchdogs(home) == [], "none before the first fault"
        inject(server, home)
        assert len(watchdogs(home)) == 1
        server.kill()
        wait_for(lambda: not (home / "dark").exists())
        wait_for(lambda: not watchdogs(home))
    with lamp(home) as again:
        again.until(lambda state: state["chaos"][0]["state"] == "idle")
        assert (home / "hands").read_text() == "healed\n", "the ledger knew: nobody healed it twice"


def test_the_watchdog_ends_with_a_show_that_ends_well(home: Path) -> None:
    with lamp(home) as server:
        inject(server, home)
        server.client.post("/chaos/dark/heal")
        server.until(lambda state: state["chaos"][0]["state"] == "idle")
        assert server.stop() == 0
        wait_for(lambda: not watchdogs(home))
        assert "watchdog" not in server.output
    assert (home / "hands").read_text() == "healed\n", "what is healed is not healed again at the end"


def test_what_hangs_is_healed_at_its_time_though_the_server_says_nothing(home: Path) -> None:
    with lamp(home, "BriefSubject") as server:
        assert server.client.post("/chaos/dark").status_code == 202
        wait_for((home / "dark").exists)
        wait_for(lambda: watchdogs(home) or None)
        server.process.send_signal(signal.SIGSTOP)
        try:
            wait_for(lambda: not (home / "dark").exists())
        finally:
            server.process.send_signal(signal.SIGCONT)
        server.until(lambda state: state["chaos"][0]["state"] == "idle")


def test_an_infinite_fault_stays_while_the_server_lives_and_ends_when_it_hangs_for_long(home: Path) -> None:
    with lamp(home, DEMO_WATCHDOG_PATIENCE_SEC="2") as server:
        inject(server, home)
        time.sleep(4.0)
        assert (home / "dark").exists(), "the server gives signs of life"
        server.process.send_signal(signal.SIGSTOP)
        try:
            wait_for(lambda: not (home / "dark").exists())
        finally:
            server.process.send_signal(signal.SIGCONT)


@pytest.mark.parametrize("said", ["soon", "0", "-3", "nan", "inf"])
def test_a_patience_that_is_none_is_refused_before_anything_starts(
    said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEMO_WATCHDOG_PATIENCE_SEC", said)
    command = [sys.executable, "-m", "demo", "serve", "none", "--port", "0", "--journal", str(tmp_path / "show")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 2
    text = f"demo: DEMO_WATCHDOG_PATIENCE_SEC must be a number of seconds above 0, like 30, not {said!r}\n"
    assert done.stderr == text
    assert done.stdout == ""


def test_what_cannot_be_healed_is_shouted_with_the_command_and_tried_again(home: Path) -> None:
    with lamp(home) as server:
        inject(server, home)
        (home / "stuck").touch()
        server.client.post("/chaos/dark/heal")
        state = server.until(lambda state: state["chaos"][0]["state"] == "failed")
        assert state["chaos"][0]["error"] == "the switch is stuck. By hand: rm dark"
        assert "rm dark" in server.client.get("/presenter").text
        assert "rm dark" in server.client.get("/remote").text
        # It is tried again meanwhile, and is then called healing for a moment.
        stage = wait_for(lambda: text if "not healed" in (text := server.client.get("/").text) else None)
        assert "rm dark" not in stage
        server.process.kill()
        said = wait_for(lambda: read_more(server) if "NOT healed yet" in server.output else read_more(server) and None)
        assert "dark is NOT healed yet: the switch is stuck. By hand: rm dark" in said
        assert pending(home) == ["applied"], "nobody may call that healed"
        (home / "stuck").unlink()
        wait_for(lambda: not (home / "dark").exists())
        wait_for(lambda: not watchdogs(home))
        assert pending(home) == []


def pending(home: Path) -> list[str]:
    """The states of the undos that nobody has verified."""
    return [row[8] for row in pending_undos(home / "show.journal")]


def test_an_end_that_cannot_heal_says_so_and_leaves_it_to_the_watchdog(home: Path) -> None:
    with lamp(home) as server:
        inject(server, home)
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
    breaking = "import demo.watchdog.client as w; from pathlib import Path; w.SCRIPT = Path('/nowhere')\n"
    (home / "lamp.py").write_text(breaking + LAMP)
    with lamp(home) as server:
        server.client.post("/chaos/dark")
        state = server.until(lambda state: state["chaos"][0]["state"] == "failed")
        assert "not injected: no watchdog could be started" in state["chaos"][0]["error"]
        assert not (home / "dark").exists()
        assert server.client.post("/advance").status_code == 200


async def test_a_watchdog_that_does_not_answer_is_replaced(home: Path) -> None:
    watchdog = WatchdogClient("none", dict)
    plan = Plan("dark", "the lamp", {})
    await watchdog.hold("one", "dark", plan, 60.0)
    first = watchdog.pid
    assert first is not None
    os.kill(first, signal.SIGSTOP)
    await watchdog.hold("two", "dark", plan, 60.0)
    assert watchdog.pid not in (None, first)
    assert start_time_of(first) is None, "two must never heal the same"
    watchdog.release("one")
    watchdog.release("two")
    await watchdog.close()


async def test_it_cannot_be_asked_for_what_no_pipe_takes(home: Path) -> None:
    watchdog = WatchdogClient("none", dict)
    with pytest.raises(FaultError, match="watchdog"):
        await watchdog.hold("one", "dark", Plan("dark", "the lamp", {"much": "x" * 2_000_000}), 60.0)
    await watchdog.close()


def test_half_a_line_at_the_end_of_the_pipe_is_no_order() -> None:
    """The server died while it handed a fault over: it was never answered, so nothing was touched."""
    script = Path(sys.modules[WatchdogClient.__module__].__file__ or "").with_name("process.py")
    show: dict[str, object] = {"subject": "none", "options": {}, "journal": None, "root": "/", "pid": os.getpid()}
    told = json.dumps(show).encode() + b'\n{"hold": "one", "fau'
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(script)], input=told, capture_output=True, timeout=10, check=False
    )
    assert done.stdout.startswith(b'{"ready": ')
    assert done.stderr == b""
