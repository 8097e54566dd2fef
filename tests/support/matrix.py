"""Every way a server can go, at every step of a fault's life, against a system that outlives it. Nothing stays broken.

What there is to break is a `Stand`'s business: `matrix_limiter.py`, `matrix_containers.py`. `scripts/matrix` runs many.
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
    """One fault, what happens, and (for a kill -9) who heals: the watchdog, or a server on the same journal."""

    fault: str
    what: str
    healer: str = ""

    def __str__(self) -> str:
        return "-".join(part for part in (self.fault, self.what, self.healer) if part)


class Stand(Protocol):
    """A system that stands by itself, for all cells."""

    @property
    def served(self) -> Sequence[str]:
        """What `demo serve` is told: a subject that crashes, and its options."""

    @property
    def ends_a_life(self) -> Sequence[str]:
        """The faults whose target is not the same one afterwards."""

    @property
    def late_sec(self) -> float:
        """How long an interrupted injection may still take effect: so long its undo is looked at again."""

    @property
    def ways(self) -> Mapping[str, Callable[["Case"], None]]:
        """Ends of its own, beside those that every server can come to."""

    def what_is_broken(self) -> list[str]:
        """By probes of our own: the server has no say."""

    def life(self, fault: str) -> object:
        """What the target of a fault is now, told apart from what it was before it ended."""

    def replace(self, fault: str) -> None:
        """Somebody ends what the fault is in, and makes it anew."""

    def repair(self) -> None:
        """What a cell has left broken, and said so."""

    def end(self) -> None:
        """Leave nothing."""


def until_whole(stand: Stand, limit: float = HEALED_SEC) -> None:
    wait_for(lambda: not stand.what_is_broken(), limit, lambda: f"left broken: {stand.what_is_broken()}")


@dataclass
class Case:
    """One run of a cell: its server's journal, environment and processes."""

    stand: Stand
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
        """A server on this case's journal; the first may crash."""
        env = {"CASE": self.mark, "CRASH_DURATION": str(self.duration), "CRASH_TOKEN": str(self.token), **self.env}
        if crash:
            self.token.touch()
            env |= {"CRASH_AT": self.crash_at, "CRASH_FAULT": self.cell.fault}
            env |= {"CRASH_WATCHDOG": "1" if self.healer == "restart" else "0"}
        args = (*self.stand.served, "--journal", str(self.journal))
        server = Server(*args, env=env, cwd=ROOT, state_home=Path(os.environ["XDG_STATE_HOME"]))
        server.until(lambda state: bool(state["health"] and not state["health"]["has_issues"]))
        return server

    def watchdogs(self) -> list[int]:
        """The watchdogs of this case's servers."""
        found = []
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if entry.name.isdecimal() and b"watchdog/process.py" in (entry / "cmdline").read_bytes():
                    marked = f"CASE={self.mark}".encode() in (entry / "environ").read_bytes().split(b"\0")
                    found += [int(entry.name)] if marked else []
        return found

    def pending(self) -> list[str]:
        """The states of the undos that nobody has verified, read past any server."""
        with contextlib.closing(sqlite3.connect(f"file:{self.journal}?mode=ro", uri=True)) as db:
            return [row[0] for row in db.execute("SELECT state FROM undos WHERE state != 'healed'")]

    def until_settled(self) -> None:
        """Noted as healed. What was still being applied is looked at twice, each time by a process of its own."""
        limit = HEALED_SEC + self.stand.late_sec
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


def kill_at_step(case: Case) -> None:
    """kill -9 of the server at one step; then the watchdog or a new server heals."""
    case.crash_at, case.healer = case.cell.what, case.cell.healer
    before = case.stand.life(case.cell.fault)
    server = case.serve(crash=True)
    with contextlib.suppress(Exception):
        if case.cell.what in ("half-undone", "undone"):
            inject(server, case.cell.fault)
            server.client.post(f"/chaos/{case.cell.fault}/heal")
        else:
            server.client.post(f"/chaos/{case.cell.fault}")
    reap(server)
    assert server.process.returncode == -signal.SIGKILL, "the server was to kill itself"
    assert not case.token.exists()
    if case.cell.healer == "restart":
        with end_of(case.serve()) as again:
            again.until(lambda state: all(f["state"] in ("idle", "failed") for f in state["chaos"]))
            assert again.client.post("/advance").status_code == 200
            until_whole(case.stand)
            case.until_settled()
    until_whole(case.stand)
    if case.cell.healer == "watchdog" and case.cell.what != "intended":
        case.until_settled()
    happened = STEPS.index(case.cell.what) >= STEPS.index("half-applied")
    if case.cell.fault in case.stand.ends_a_life:
        assert (case.stand.life(case.cell.fault) != before) == happened
    case.until_unwatched()


def stopped(case: Case) -> None:
    """SIGSTOP past the deadline: the watchdog heals; a server that goes on afterwards agrees."""
    case.duration = 1.0
    with end_of(case.serve()) as server:
        server.client.post(f"/chaos/{case.cell.fault}")
        wait_for(lambda: bool(case.pending()), 5.0)
        wait_for(lambda: case.watchdogs() or None, 5.0)
        os.kill(server.process.pid, signal.SIGSTOP)
        try:
            time.sleep(0.2)
            until_whole(case.stand)
        finally:
            os.kill(server.process.pid, signal.SIGCONT)
        server.until(lambda state: all(f["state"] in ("idle", "failed") for f in state["chaos"]))
        assert server.client.post("/advance").status_code == 200
        until_whole(case.stand)
    case.until_settled()
    case.until_unwatched()


def ends_itself(case: Case, *signals: signal.Signals) -> None:
    """Signals while the fault is in place: healed before the end."""
    server = case.serve()
    inject(server, case.cell.fault)
    for number in signals:
        server.process.send_signal(number)
        time.sleep(0.05)
    code = reap(server)
    broken = case.stand.what_is_broken()
    assert not broken, f"left broken: {broken}: {server.output}"
    assert code == 0, f"exit code {code}: {server.output}"
    case.until_settled()
    case.until_unwatched()


def ctrl_c_twice(case: Case) -> None:
    ends_itself(case, signal.SIGINT, signal.SIGINT)


def terminated(case: Case) -> None:
    ends_itself(case, signal.SIGTERM)


def hung_up(case: Case) -> None:
    ends_itself(case, signal.SIGHUP, signal.SIGHUP)


def exception(case: Case) -> None:
    """A bug in the server ends it: healed before the end, said without a traceback."""
    case.crash_at = "exception"
    server = case.serve(crash=True)
    inject(server, case.cell.fault)
    case.token.unlink()
    assert reap(server) == 1
    broken = case.stand.what_is_broken()
    assert not broken, f"left broken: {broken}: {server.output}"
    case.until_settled()
    case.until_unwatched()


def watchdog_killed(case: Case) -> None:
    """A dead watchdog is replaced; the new one knows what is pending."""
    server = case.serve()
    inject(server, case.cell.fault)
    first = wait_for(lambda: case.watchdogs() or None, 5.0)
    for pid in first:
        os.kill(pid, signal.SIGKILL)
    server.until(lambda state: any("a new one has taken over" in line["text"] for line in state["log"]))
    assert set(case.watchdogs()).isdisjoint(first)
    server.process.kill()
    reap(server)
    until_whole(case.stand)
    case.until_settled()
    case.until_unwatched()


def target_replaced(case: Case) -> None:
    """Somebody kills the very process that the fault is in, and starts it again: that counts as healed."""
    server = case.serve()
    inject(server, case.cell.fault)
    case.stand.replace(case.cell.fault)
    renewed = case.stand.life(case.cell.fault)
    server.process.kill()
    reap(server)
    until_whole(case.stand)
    case.until_settled()
    case.until_unwatched()
    assert case.stand.life(case.cell.fault) == renewed


def disk_full(case: Case) -> None:
    """Nothing can be noted: the watchdog heals all the same, and a restart finds all well once there is room."""
    with full_disk(case.folder) as fill:
        server = case.serve()
        inject(server, case.cell.fault)
        fill()
        server.process.kill()
        reap(server)
        until_whole(case.stand)
        case.until_unwatched()
        (case.folder / "ballast").unlink()
        with end_of(case.serve()) as again:
            again.until(lambda state: all(f["state"] in ("idle", "failed") for f in state["chaos"]))
            until_whole(case.stand)
            case.until_settled()
    case.until_unwatched()


def torn_page(case: Case) -> None:
    """The log ends in half a frame, as after a power cut: the ledger's synced entries stand."""
    case.crash_at, case.healer = "applied", "restart"
    server = case.serve(crash=True)
    with contextlib.suppress(Exception):
        server.client.post(f"/chaos/{case.cell.fault}")
    reap(server)
    log = case.journal.with_name(case.journal.name + "-wal")
    frame = log.read_bytes()[-4120:]
    with log.open("ab") as file:
        file.write(frame[: len(frame) // 2])
    assert case.pending(), "the undo was on disk before the fault"
    with end_of(case.serve()) as again:
        again.until(lambda state: all(f["state"] in ("idle", "failed") for f in state["chaos"]))
        until_whole(case.stand)
        case.until_settled()
    case.until_unwatched()


SCENARIOS: dict[str, Callable[[Case], None]] = {
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


def run_cell(stand: Stand, cell: Cell, folder: Path) -> None:
    """Raises `AssertionError` with what was left broken."""
    if stand.what_is_broken():
        stand.repair()
    case = Case(stand, cell, folder)
    ({**SCENARIOS, **stand.ways}).get(cell.what, kill_at_step)(case)


@contextmanager
def end_of(server: Server) -> Iterator[Server]:
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
