"""End a server in every way, at every step of a fault, and check that nothing in the system stays broken.

What can break is up to a `SystemUnderTest`: `matrix_limiter.py`, `matrix_containers.py`. `scripts/matrix` runs many.
"""

import contextlib
import os
import signal
import sqlite3
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tests.support.self_killing_subject import STEPS
from tests.support.servers import Server, wait_for

ROOT = Path(__file__).parents[2]
HEALED_SEC = 20.0
HEALERS = ("watchdog", "restart")


@dataclass(frozen=True)
class Cell:
    """One fault, one scenario, and (for a kill -9) who heals: the watchdog, or a server on the same journal."""

    fault: str
    scenario: str
    healer: str = ""

    def __str__(self) -> str:
        return "-".join(part for part in (self.fault, self.scenario, self.healer) if part)


class SystemUnderTest(Protocol):
    """A system that runs apart from the servers under test, for all cells."""

    @property
    def serve_args(self) -> Sequence[str]:
        """The arguments of `demo serve`: a subject that crashes, and its options."""

    @property
    def faults_replacing_target(self) -> Sequence[str]:
        """The faults whose target is not the same one afterwards."""

    @property
    def late_sec(self) -> float:
        """How long an interrupted injection may still take effect: so long its undo is looked at again."""

    @property
    def own_scenarios(self) -> Mapping[str, Callable[["CellRun"], None]]:
        """Scenarios that only this system has, beside those of `SCENARIOS`."""

    def list_broken(self) -> list[str]:
        """List what is broken, by probes of our own: the server is not asked."""

    def target_identity(self, fault: str) -> object:
        """Return what tells the current target of a fault from an earlier or later one."""

    def replace(self, fault: str) -> None:
        """End the target of the fault, and start it again."""

    def repair(self) -> None:
        """Repair what a failed cell has left broken."""

    def end(self) -> None:
        """Leave nothing."""


def until_whole(system: SystemUnderTest, limit: float = HEALED_SEC) -> None:
    wait_for(lambda: not system.list_broken(), limit, lambda: f"left broken: {system.list_broken()}")


@dataclass
class CellRun:
    """One run of a cell: its server's journal, environment and processes."""

    system: SystemUnderTest
    cell: Cell
    folder: Path
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)
    duration: float = 60.0
    crash_at: str = ""
    healer: str = ""
    env: dict[str, str] = field(default_factory=dict)

    @property
    def journal(self) -> Path:
        return self.folder / "show.journal"

    @property
    def token(self) -> Path:
        return self.folder / "crash"

    def serve(self, *, crash: bool = False) -> Server:
        """A server on this run's journal; the first may crash."""
        env = {"CASE": self.mark, "CRASH_DURATION": str(self.duration), "CRASH_TOKEN": str(self.token), **self.env}
        if crash:
            self.token.touch()
            env |= {"CRASH_AT": self.crash_at, "CRASH_FAULT": self.cell.fault}
            env |= {"CRASH_WATCHDOG": "1" if self.healer == "restart" else "0"}
        args = (*self.system.serve_args, "--journal", str(self.journal))
        server = Server(*args, env=env, cwd=ROOT, state_home=Path(os.environ["XDG_STATE_HOME"]))
        server.until(lambda state: bool(state["health"] and not state["health"]["has_issues"]))
        return server

    def watchdogs(self) -> list[int]:
        """The watchdogs of this run's servers."""
        found = []
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if entry.name.isdecimal() and b"watchdog/process.py" in (entry / "cmdline").read_bytes():
                    marked = f"CASE={self.mark}".encode() in (entry / "environ").read_bytes().split(b"\0")
                    found += [int(entry.name)] if marked else []
        return found

    def pending(self) -> list[str]:
        """The states of the undos that nobody has verified, read without a server."""
        with contextlib.closing(sqlite3.connect(f"file:{self.journal}?mode=ro", uri=True)) as db:
            return [row[0] for row in db.execute("SELECT state FROM undos WHERE state != 'healed'")]

    def until_settled(self) -> None:
        """Noted as healed. What was still being applied is looked at twice, each time by a process of its own."""
        limit = HEALED_SEC + self.system.late_sec
        wait_for(lambda: not self.pending(), limit, lambda: f"pending: {self.pending()}")

    def until_unwatched(self) -> None:
        """A watchdog ends when nothing is pending and its server has gone. Its healing has a limit of its own."""
        wait_for(lambda: not self.watchdogs(), 10.0, lambda: f"watchdogs: {self.watchdogs()}")


def fault(server: Server, name: str) -> dict[str, object]:
    return next(fault for fault in server.state()["chaos"] if fault["name"] == name)


def inject(server: Server, name: str) -> None:
    """All the way into the target."""
    assert server.client.post(f"/chaos/{name}").status_code == 202
    server.until(lambda state: any(f["name"] == name and f["state"] == "active" for f in state["chaos"]))


def kill_at_step(run: CellRun) -> None:
    """kill -9 of the server at one step; then the watchdog or a new server heals."""
    run.crash_at, run.healer = run.cell.scenario, run.cell.healer
    before = run.system.target_identity(run.cell.fault)
    server = run.serve(crash=True)
    with contextlib.suppress(Exception):
        if run.cell.scenario in ("half-undone", "undone"):
            inject(server, run.cell.fault)
            server.client.post(f"/chaos/{run.cell.fault}/heal")
        else:
            server.client.post(f"/chaos/{run.cell.fault}")
    reap(server)
    assert server.process.returncode == -signal.SIGKILL, "the server was to kill itself"
    assert not run.token.exists()
    if run.cell.healer == "restart":
        with stopped_at_exit(run.serve()) as again:
            again.until(lambda state: all(f["state"] in ("idle", "failed") for f in state["chaos"]))
            assert again.client.post("/advance").status_code == 200
            until_whole(run.system)
            run.until_settled()
    until_whole(run.system)
    if run.cell.healer == "watchdog" and run.cell.scenario != "intended":
        run.until_settled()
    happened = STEPS.index(run.cell.scenario) >= STEPS.index("half-applied")
    if run.cell.fault in run.system.faults_replacing_target:
        assert (run.system.target_identity(run.cell.fault) != before) == happened
    run.until_unwatched()


def stopped(run: CellRun) -> None:
    """SIGSTOP past the deadline: the watchdog heals; a server that goes on afterwards agrees."""
    run.duration = 1.0
    with stopped_at_exit(run.serve()) as server:
        server.client.post(f"/chaos/{run.cell.fault}")
        wait_for(lambda: bool(run.pending()), 5.0)
        wait_for(lambda: run.watchdogs() or None, 5.0)
        os.kill(server.process.pid, signal.SIGSTOP)
        try:
            time.sleep(0.2)
            until_whole(run.system)
        finally:
            os.kill(server.process.pid, signal.SIGCONT)
        server.until(lambda state: all(f["state"] in ("idle", "failed") for f in state["chaos"]))
        assert server.client.post("/advance").status_code == 200
        until_whole(run.system)
    run.until_settled()
    run.until_unwatched()


def check_heals_on_signal(run: CellRun, *signals: signal.Signals) -> None:
    """Signals while the fault is in place: healed before the end."""
    server = run.serve()
    inject(server, run.cell.fault)
    for number in signals:
        server.process.send_signal(number)
        time.sleep(0.05)
    code = reap(server)
    broken = run.system.list_broken()
    assert not broken, f"left broken: {broken}: {server.output}"
    assert code == 0, f"exit code {code}: {server.output}"
    run.until_settled()
    run.until_unwatched()


def ctrl_c_twice(run: CellRun) -> None:
    check_heals_on_signal(run, signal.SIGINT, signal.SIGINT)


def terminated(run: CellRun) -> None:
    check_heals_on_signal(run, signal.SIGTERM)


def hung_up(run: CellRun) -> None:
    check_heals_on_signal(run, signal.SIGHUP, signal.SIGHUP)


def exception(run: CellRun) -> None:
    """A bug in the server ends it: healed before the end, said without a traceback."""
    run.crash_at = "exception"
    server = run.serve(crash=True)
    inject(server, run.cell.fault)
    run.token.unlink()
    assert reap(server) == 1
    broken = run.system.list_broken()
    assert not broken, f"left broken: {broken}: {server.output}"
    run.until_settled()
    run.until_unwatched()


def watchdog_killed(run: CellRun) -> None:
    """A dead watchdog is replaced; the new one knows what is pending."""
    server = run.serve()
    inject(server, run.cell.fault)
    first = wait_for(lambda: run.watchdogs() or None, 5.0)
    for pid in first:
        os.kill(pid, signal.SIGKILL)
    server.until(lambda state: any("a new one has taken over" in line["text"] for line in state["log"]))
    assert set(run.watchdogs()).isdisjoint(first)
    server.process.kill()
    reap(server)
    until_whole(run.system)
    run.until_settled()
    run.until_unwatched()


def target_replaced(run: CellRun) -> None:
    """Somebody kills the very process that the fault is in, and starts it again: that counts as healed."""
    server = run.serve()
    inject(server, run.cell.fault)
    run.system.replace(run.cell.fault)
    renewed = run.system.target_identity(run.cell.fault)
    server.process.kill()
    reap(server)
    until_whole(run.system)
    run.until_settled()
    run.until_unwatched()
    assert run.system.target_identity(run.cell.fault) == renewed


def disk_full(run: CellRun) -> None:
    """Nothing can be noted: the watchdog heals all the same, and a restart finds all well once there is room."""
    with full_disk(run.folder) as fill:
        server = run.serve()
        inject(server, run.cell.fault)
        fill()
        server.process.kill()
        reap(server)
        until_whole(run.system)
        run.until_unwatched()
        (run.folder / "ballast").unlink()
        with stopped_at_exit(run.serve()) as again:
            again.until(lambda state: all(f["state"] in ("idle", "failed") for f in state["chaos"]))
            until_whole(run.system)
            run.until_settled()
    run.until_unwatched()


def torn_page(run: CellRun) -> None:
    """The log ends in half a frame, as after a power cut: the ledger's synced entries system."""
    run.crash_at, run.healer = "applied", "restart"
    server = run.serve(crash=True)
    with contextlib.suppress(Exception):
        server.client.post(f"/chaos/{run.cell.fault}")
    reap(server)
    log = run.journal.with_name(run.journal.name + "-wal")
    frame = log.read_bytes()[-4120:]
    with log.open("ab") as file:
        file.write(frame[: len(frame) // 2])
    assert run.pending(), "the undo was on disk before the fault"
    with stopped_at_exit(run.serve()) as again:
        again.until(lambda state: all(f["state"] in ("idle", "failed") for f in state["chaos"]))
        until_whole(run.system)
        run.until_settled()
    run.until_unwatched()


SCENARIOS: dict[str, Callable[[CellRun], None]] = {
    "stopped": stopped,
    "ctrl-c-twice": ctrl_c_twice,
    "terminated": terminated,
    "hung-up": hung_up,
    "exception": exception,
    "watchdog-killed": watchdog_killed,
    "target-replaced": target_replaced,
    "disk-full": disk_full,
    "torn-page": torn_page,
}


def run_cell(system: SystemUnderTest, cell: Cell, folder: Path) -> None:
    """Raises `AssertionError` with what was left broken."""
    if system.list_broken():
        system.repair()
    run = CellRun(system, cell, folder)
    ({**SCENARIOS, **system.own_scenarios}).get(cell.scenario, kill_at_step)(run)


@contextmanager
def stopped_at_exit(server: Server) -> Iterator[Server]:
    try:
        yield server
    except BaseException:  # what failed first is what is told
        with contextlib.suppress(AssertionError):
            server.stop()
        raise
    assert server.stop() == 0, server.output


def reap(server: Server) -> int:
    """Wait for its end and take its last words; they hold no traceback."""
    server.client.close()
    try:
        code = server.process.wait(20)
    except subprocess.TimeoutExpired:
        server.process.kill()
        server.process.wait()
        raise AssertionError(f"the server did not end: {server.output}") from None
    if server.process.stdout is not None:
        os.set_blocking(server.process.stdout.fileno(), False)
        with contextlib.suppress(BlockingIOError):
            server.output += os.read(server.process.stdout.fileno(), 65536).decode()
        server.process.stdout.close()
    assert "Traceback" not in server.output, server.output
    return code


@contextmanager
def full_disk(folder: Path) -> Iterator[Callable[[], None]]:
    """A small disk at `folder`, and what fills it."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "chaos-stage-test", str(folder)], check=True)

    def fill() -> None:
        with (folder / "ballast").open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(b"\0" * 4096):
                pass

    try:
        yield fill
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def can_mount() -> bool:
    return os.geteuid() == 0
