"""Checks that run at once: in their order, each within its time; and what the machine's own checks make of numbers."""

import asyncio
import socket
import threading
import time
from pathlib import Path

import pytest

from demo.doctor.clock import clock
from demo.doctor.machine import checks, free_port, memory
from demo.doctor.report import Report
from demo.doctor.run import all_at_once
from demo.errors import SubjectError
from demo.findings import Finding, maybe, no, ok, together
from demo.watchdog.client import check_start


@pytest.mark.anyio
async def test_checks_run_at_once_and_are_told_in_their_order() -> None:
    both = asyncio.Barrier(2)

    async def one() -> Finding:
        await both.wait()
        await asyncio.sleep(0)
        return ok("one", "1")

    async def several() -> list[Finding]:
        await both.wait()
        return [ok("two", "2"), maybe("three", "3")]

    assert [found.what for found in await together({"a": one(), "b": several()}, 5)] == ["one", "two", "three"]


@pytest.mark.anyio
async def test_a_check_that_raises_or_takes_too_long_is_a_finding() -> None:
    async def refuses() -> Finding:
        raise SubjectError("it is gone: get another")

    async def breaks() -> Finding:
        return ok("x", str(1 / 0))

    async def gives_up() -> Finding:
        raise TimeoutError

    checks = {
        "gone": refuses(),
        "broken": breaks(),
        "of its own": gives_up(),
        "late": asyncio.sleep(3600, ok("late", "")),
        "fine": asyncio.sleep(0, ok("fine", "")),
    }
    found = {finding.what: finding for finding in await together(checks, 0.3)}
    assert found["gone"] == no("gone", "it is gone: get another")
    assert "ZeroDivisionError: division by zero" in found["broken"].found
    assert "TimeoutError" in found["of its own"].found
    assert found["late"].found == "the check took longer than 0.3 s"
    assert found["late"].verdict == "no"
    assert found["fine"].verdict == "ok"


def test_a_thread_that_hangs_keeps_no_other_and_is_left_behind() -> None:
    release = threading.Event()
    began = time.monotonic()
    done = all_at_once({"hangs": release.wait, "answers": lambda: True, "breaks": lambda: bool(1 / 0)}, 0.3)
    assert time.monotonic() - began < 3
    assert done["hangs"] is None
    assert done["answers"] is not None
    assert done["answers"].result() is True
    assert done["breaks"] is not None
    assert isinstance(done["breaks"].exception(), ZeroDivisionError)
    release.set()


def test_every_check_of_the_machine_gives_a_finding_of_its_name() -> None:
    for what, check in checks(0).items():
        assert check().what == what


@pytest.mark.parametrize(
    ("said", "verdict", "found"),
    [
        ("MemTotal: 9 kB\nMemAvailable:  2000000 kB\n", "ok", "2.0 GB available"),
        ("MemAvailable:  300000 kB\n", "maybe", "307 MB available"),
        ("MemAvailable:  1000 kB\n", "no", "1 MB available"),
        ("MemTotal: 9 kB\n", "maybe", "does not say"),
        ("MemAvailable: much\n", "maybe", "does not say"),
        ("\xff nonsense", "maybe", "does not say"),
    ],
)
def test_memory_is_judged_by_what_is_available(tmp_path: Path, said: str, verdict: str, found: str) -> None:
    (tmp_path / "meminfo").write_text(said)
    judged = memory(tmp_path / "meminfo")
    assert judged.verdict == verdict
    assert found in judged.found
    assert bool(judged.remedy) is (verdict != "ok")


def test_a_clock_that_stands_before_this_program_was_made_is_wrong() -> None:
    assert clock().verdict != "no"
    assert clock(made=time.time() + 60).verdict != "no"
    wrong = clock(made=time.time() + 90_000)
    assert wrong == no("clock", wrong.found, "set the clock (timedatectl set-ntp true)")
    assert "is earlier than the date of this program" in wrong.found


def test_looking_at_a_port_does_not_take_it() -> None:
    with socket.socket() as some:
        some.bind(("127.0.0.1", 0))
        port = some.getsockname()[1]
    assert free_port(port).verdict == free_port(port).verdict == "ok"


def marked(mark: str) -> list[Path]:
    return [entry for entry in Path("/proc").iterdir() if entry.name != "self" and is_marked(entry, mark)]


@pytest.mark.anyio
async def test_a_trial_of_the_watchdog_leaves_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRIAL_MARK", str(tmp_path))
    await check_start()
    assert not marked(str(tmp_path))


def is_marked(entry: Path, mark: str) -> bool:
    try:
        return f"TRIAL_MARK={mark}".encode() in (entry / "environ").read_bytes().split(b"\0")
    except OSError:
        return False


def test_what_a_finding_says_is_one_line_and_commands_no_terminal() -> None:
    report = Report()
    report.add("own:\x1b[31mOne", [no("lamp", "two\nlines \x1b[2J", "go\taway")])
    assert [line.plain for line in report.lines()] == ["own:One:", "no  lamp  two lines : go away"]
    assert not report.is_ok
