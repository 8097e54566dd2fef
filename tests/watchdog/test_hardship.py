"""When things go wrong around the watchdog: what lands late, what is stale, who hangs, who blocks, who forks."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from demo.errors import FaultError
from demo.journal import Journal
from demo.journal.library.inspect import pending_undos
from demo.processes.child import start_time_of
from demo.types import Plan
from tests.support.lamp import end_watchdogs, inject, install_subject, lamp, read_more, watchdogs
from tests.support.servers import Server, wait_for


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return install_subject(tmp_path)


def begin_late(server: Server, home: Path) -> None:
    server.client.post("/chaos/dark")
    wait_for((home / "begun").exists)
    assert not (home / "dark").exists()


def stays_lit(home: Path, seconds: float) -> None:
    """It lands within `seconds`, and is undone: the last word is light."""
    wait_for((home / "landed").exists, seconds)
    wait_for(lambda: not (home / "dark").exists(), seconds)


def undos(home: Path) -> list[str]:
    return [row[8] for row in pending_undos(home / "show.journal")]


# An injection that lands late.


def test_what_lands_after_kill_9_is_undone_by_the_watchdog(home: Path) -> None:
    with lamp(home, "DelayedSubject") as server:
        begin_late(server, home)
        server.process.kill()
        stays_lit(home, 12.0)
        assert undos(home) != [], "a first look that finds all well is no proof"
        wait_for(lambda: not watchdogs(home), 20.0)
        assert undos(home) == []


def test_what_lands_after_ctrl_c_is_left_to_the_watchdog_and_said(home: Path) -> None:
    with lamp(home, "DelayedSubject") as server:
        begin_late(server, home)
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(15) == 1
        wait_for(lambda: "may still take effect" in read_more(server))
        stays_lit(home, 12.0)
        wait_for(lambda: not watchdogs(home), 20.0)
        assert undos(home) == []


def test_what_lands_after_its_limit_is_undone_by_the_server(home: Path) -> None:
    with lamp(home, "HastyDelayedSubject") as server:
        begin_late(server, home)
        server.until(lambda state: state["chaos"][0]["state"] == "failed")
        stays_lit(home, 12.0)
        server.until(lambda state: any("took effect late; it was undone" in line["text"] for line in state["log"]))
        wait_for(lambda: undos(home) == [], 10.0)
        assert server.stop() == 0


def test_what_lands_after_a_restart_is_undone_by_the_next_server(home: Path) -> None:
    with lamp(home, "DelayedSubject") as server:
        begin_late(server, home)
        server.kill_with_watchdog()
    with lamp(home, "DelayedSubject") as again:
        stays_lit(home, 12.0)
        wait_for(lambda: undos(home) == [], 10.0)
        assert again.stop() == 0


def test_what_is_seen_to_have_landed_is_healed_once_and_left_alone_from_then_on(home: Path) -> None:
    with lamp(home, "ReportingSubject") as server:
        server.client.post("/chaos/dark")
        wait_for((home / "landed").exists)
        server.kill()
        wait_for(lambda: not (home / "dark").exists())
        wait_for(lambda: not watchdogs(home))
        assert undos(home) == []


def test_the_server_too_leaves_alone_what_is_seen_to_have_landed(home: Path) -> None:
    with lamp(home, "HastyReportingSubject") as server:
        server.client.post("/chaos/dark")
        server.until(lambda state: state["chaos"][0]["state"] == "failed")
        wait_for(lambda: not (home / "dark").exists())
        wait_for(lambda: undos(home) == [])
        assert server.stop() == 0


def test_a_driver_that_fails_to_see_whether_it_has_landed_is_healed_all_the_same(home: Path) -> None:
    with lamp(home, "ReportingSubject") as server:
        (home / "blind").touch()
        server.client.post("/chaos/dark")
        wait_for((home / "landed").exists)
        server.kill()
        wait_for(lambda: not (home / "dark").exists())
        (home / "dark").touch()
        wait_for(lambda: not (home / "dark").exists())
        assert undos(home) != [], "it may land again until its time is over"
        end_watchdogs(home)


# Orders that are stale.


def test_a_stale_order_does_not_heal_a_later_fault(home: Path) -> None:
    with lamp(home) as server:
        inject(server, home)
        (home / "stuck").touch()
        server.kill()
        old = wait_for(lambda: watchdogs(home) or None)[0]
        wait_for(lambda: "NOT healed yet" in read_more(server))
        os.kill(old, signal.SIGSTOP)
        (home / "stuck").unlink()
    try:
        with lamp(home) as again:
            again.until(lambda state: state["chaos"][0]["state"] == "idle")
            inject(again, home)
            os.kill(old, signal.SIGCONT)
            wait_for(lambda: old not in watchdogs(home))
            assert (home / "dark").exists(), "the new fault is the new server's"
            assert again.state()["chaos"][0]["state"] == "active"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(old, signal.SIGCONT)


def test_what_was_healed_while_the_server_hung_is_looked_at_again_when_it_is_gone(home: Path) -> None:
    with lamp(home, "BriefSubject") as server:
        server.client.post("/chaos/dark")
        wait_for((home / "dark").exists)
        wait_for(lambda: watchdogs(home) or None)
        server.process.send_signal(signal.SIGSTOP)
        wait_for(lambda: not (home / "dark").exists())
        (home / "dark").touch()
        server.process.kill()
        wait_for(lambda: not (home / "dark").exists())


# Those who hang, block and fork.


def test_a_driver_that_blocks_keeps_no_other_fault_from_healing(home: Path) -> None:
    with lamp(home, "TwoFaultsSubject") as server:
        inject(server, home, "blocking")
        inject(server, home)
        server.kill()
        wait_for(lambda: not (home / "dark").exists())
        (home / "blocking").unlink()
        end_watchdogs(home)


def test_a_thread_that_never_comes_back_does_not_keep_the_server(home: Path) -> None:
    with lamp(home, "TwoFaultsSubject", BLOCK="thread") as server:
        inject(server, home, "blocking")
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(18) == 1
        wait_for(lambda: "The watchdog goes on trying" in read_more(server))
        end_watchdogs(home)


def test_a_fork_of_the_server_that_lives_on_does_not_hide_its_death(home: Path) -> None:
    with lamp(home, "ForkingSubject") as server:
        inject(server, home)
        server.kill()
        wait_for(lambda: not (home / "dark").exists(), 12.0)


def test_a_terminal_that_takes_no_more_does_not_stop_the_healing(home: Path) -> None:
    with lamp(home) as server:
        inject(server, home)
        (home / "stuck").touch()
        descriptor = os.open(f"/proc/{server.process.pid}/fd/2", os.O_WRONLY | os.O_NONBLOCK)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(descriptor, b"x" * 4096)
        os.close(descriptor)
        server.process.kill()
        server.process.wait()
        wait_for(lambda: (home / "tries").exists() and (home / "tries").read_text().count("tried") > 1)
        (home / "stuck").unlink()
        wait_for(lambda: not (home / "dark").exists())


def test_a_watchdog_that_hangs_is_noticed_and_replaced(home: Path) -> None:
    with lamp(home) as server:
        inject(server, home)
        first = wait_for(lambda: watchdogs(home) or None)[0]
        os.kill(first, signal.SIGSTOP)
        server.until(lambda state: any("a new one has taken over" in line["text"] for line in state["log"]), 20.0)
        assert first not in watchdogs(home)
        server.kill()
        wait_for(lambda: not (home / "dark").exists())


# What is left over.


def test_what_could_not_be_healed_is_tried_again_by_itself(home: Path) -> None:
    with lamp(home) as server:
        inject(server, home)
        (home / "stuck").touch()
        server.client.post("/chaos/dark/heal")
        server.until(lambda state: state["chaos"][0]["state"] == "failed")
        (home / "stuck").unlink()
        server.until(lambda state: state["chaos"][0]["state"] == "idle")
        assert not (home / "dark").exists()


def test_what_could_not_be_healed_at_the_start_can_be_asked_for(home: Path) -> None:
    """The events do not speak of it: the server died between the ledger and the show."""
    with lamp(home) as server:
        assert server.stop() == 0
    asyncio.run(leave_behind(home))
    with lamp(home) as again:
        state = again.until(lambda state: state["chaos"][0]["state"] == "failed")
        assert "the switch is stuck" in state["chaos"][0]["error"]
        (home / "stuck").unlink()
        assert again.client.post("/heal").status_code == 202
        again.until(lambda state: state["chaos"][0]["state"] == "idle")
        assert not (home / "dark").exists()


async def leave_behind(home: Path) -> None:
    journal = Journal(home / "show.journal")
    await journal.record_undo("dark", 1, Plan("dark", "the lamp", {"file": str(home / "dark")}, late_sec=0.0))
    await journal.close()
    (home / "dark").touch()
    (home / "stuck").touch()


def test_a_journal_of_another_deck_is_refused_but_what_it_left_broken_is_healed(home: Path) -> None:
    with lamp(home) as server:
        inject(server, home)
        server.kill_with_watchdog()
    text = (home / "lamp.py").read_text()
    (home / "lamp.py").write_text(
        text + "\nfrom demo.types import Chapter\nLamp.chapters = lambda self, stage: (Chapter('Other', ''),)\n"
    )
    command = [sys.executable, "-m", "demo", "serve", "lamp:Lamp", "--no-open", "--port", "0"]
    command += ["--journal", str(home / "show.journal")]
    done = subprocess.run(command, cwd=home, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert "belongs to another deck" in done.stderr
    assert "healed first: dark" in done.stderr
    assert not (home / "dark").exists()


def test_not_to_know_is_no_proof_of_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """With no descriptor left, /proc cannot be read: a process that cannot be seen may live."""

    def none_left(*args: object, **more: object) -> str:
        raise OSError(24, "Too many open files")

    assert start_time_of(os.getpid()) is not None
    monkeypatch.setattr(Path, "read_text", none_left)
    with pytest.raises(
        FaultError, match=f"cannot find out whether process {os.getpid()} is running: Too many open files"
    ):
        start_time_of(os.getpid())
