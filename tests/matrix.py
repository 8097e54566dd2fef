"""Every way a server can go, at every step of a fault's life, against a system that outlives it. Nothing stays broken.

`scripts/matrix N` runs N of the cells (each as often as any other) and exits with 1 if one was left broken.
"""

import argparse
import asyncio
import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from demo import upkeep
from demo.subjects.ratelimiter.attached import AttachedSystem
from demo.subjects.ratelimiter.faults import TrafficOrders
from demo.subjects.standing import Standing
from tests.crashing import STEPS
from tests.serving import Server, wait_for

ROOT = Path(__file__).parents[1]
FAULTS = ("kill-node", "burst", "pause-redis")
HEALED_SEC = 20.0
OTHER_ENDS = (
    "stopped",
    "ctrl-c-twice",
    "terminated",
    "hung-up",
    "exception",
    "watchdog-killed",
    "target-replaced",
    "disk-full",
    "torn-page",
)


@dataclass(frozen=True)
class Cell:
    """One fault, what happens, and (for a kill -9) who heals: the watchdog, or a server on the same journal."""

    fault: str
    what: str
    healer: str = ""

    def __str__(self) -> str:
        return "-".join(part for part in (self.fault, self.what, self.healer) if part)


CELLS = tuple(
    [Cell(fault, step, healer) for fault in FAULTS for step in STEPS for healer in ("watchdog", "restart")]
    + [Cell(fault, end) for fault in FAULTS for end in OTHER_ENDS]
)


class Stand:
    """A rate limiter that stands by itself, for all cells."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.standing: Standing = upkeep.up("ratelimiter", name)

    def end(self) -> None:
        upkeep.down(self.name)

    def pids(self) -> dict[str, int]:
        """Of each part, as its supervisor has it."""

        async def ask() -> dict[str, int]:
            system = AttachedSystem(self.name)
            await system.start()
            await system.stop()
            return {part.id: part.handle.pid for part in system.parts if part.handle is not None}

        return asyncio.run(ask())

    def what_is_broken(self) -> list[str]:
        """By probes of our own: the server has no say."""

        async def look() -> list[str]:
            system = AttachedSystem(self.name)
            try:
                found = [part.id for part in system.parts if not await part.is_up()]
                with contextlib.suppress(Exception):
                    found += ["bursting"] if await TrafficOrders(system).is_bursting() else []
            finally:
                await system.stop()
            return found

        return asyncio.run(look())

    def until_whole(self, limit: float = HEALED_SEC) -> None:
        wait_for(lambda: not self.what_is_broken(), limit, lambda: f"left broken: {self.what_is_broken()}")


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

    @property
    def journal(self) -> Path:
        return self.folder / "show.journal"

    @property
    def token(self) -> Path:
        return self.folder / "crash"

    def serve(self, *, crash: bool = False) -> Server:
        """A server on this case's journal; the first may crash."""
        env = {"CASE": self.mark, "CRASH_DURATION": str(self.duration), "CRASH_TOKEN": str(self.token)}
        if crash:
            self.token.touch()
            env |= {"CRASH_AT": self.crash_at, "CRASH_FAULT": self.cell.fault}
            env |= {"CRASH_WATCHDOG": "1" if self.healer == "restart" else "0"}
        args = ("tests.crashing:Limiter", "--attach", self.stand.name, "--journal", str(self.journal))
        server = Server(*args, env=env, cwd=ROOT, state_home=Path(os.environ["XDG_STATE_HOME"]))
        server.until(lambda state: bool(state["health"] and not state["health"]["has_issues"]))
        return server

    def watchdogs(self) -> list[int]:
        """The watchdogs of this case's servers."""
        found = []
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if entry.name.isdecimal() and b"vigil.py" in (entry / "cmdline").read_bytes():
                    marked = f"CASE={self.mark}".encode() in (entry / "environ").read_bytes().split(b"\0")
                    found += [int(entry.name)] if marked else []
        return found

    def pending(self) -> list[str]:
        """The states of the undos that nobody has verified, read past any server."""
        with contextlib.closing(sqlite3.connect(f"file:{self.journal}?mode=ro", uri=True)) as db:
            return [row[0] for row in db.execute("SELECT state FROM undos WHERE state != 'healed'")]

    def until_settled(self) -> None:
        """Noted as healed. What was still being applied is looked at twice, each time by a process of its own."""
        wait_for(lambda: not self.pending(), HEALED_SEC, lambda: f"pending: {self.pending()}")

    def until_unwatched(self) -> None:
        """A watchdog ends when nothing is pending and its server has gone."""
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
    before = case.stand.pids()
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
            case.stand.until_whole()
            case.until_settled()
    case.stand.until_whole()
    if case.cell.healer == "watchdog" and case.cell.what != "intended":
        case.until_settled()
    happened = STEPS.index(case.cell.what) >= STEPS.index("half-applied")
    if case.cell.fault == "kill-node":
        assert (case.stand.pids()["node-2"] != before["node-2"]) == happened
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
            case.stand.until_whole()
        finally:
            os.kill(server.process.pid, signal.SIGCONT)
        server.until(lambda state: all(f["state"] in ("idle", "failed") for f in state["chaos"]))
        assert server.client.post("/advance").status_code == 200
        case.stand.until_whole()
    case.until_settled()
    case.until_unwatched()


def ends_itself(case: Case, *signals: signal.Signals) -> int:
    """Signals while the fault is in place: healed before the end."""
    server = case.serve()
    inject(server, case.cell.fault)
    for number in signals:
        server.process.send_signal(number)
        time.sleep(0.05)
    code = reap(server)
    assert not case.stand.what_is_broken(), f"left broken: {case.stand.what_is_broken()}"
    case.until_settled()
    case.until_unwatched()
    return code


def ctrl_c_twice(case: Case) -> None:
    assert ends_itself(case, signal.SIGINT, signal.SIGINT) == 0


def terminated(case: Case) -> None:
    assert ends_itself(case, signal.SIGTERM) == 0


def hung_up(case: Case) -> None:
    assert ends_itself(case, signal.SIGHUP, signal.SIGHUP) == 0


def exception(case: Case) -> None:
    """A bug in the server ends it: healed before the end, said without a traceback."""
    case.crash_at = "exception"
    server = case.serve(crash=True)
    inject(server, case.cell.fault)
    case.token.unlink()
    assert reap(server) == 1
    assert not case.stand.what_is_broken(), f"left broken: {case.stand.what_is_broken()}"
    case.until_settled()
    case.until_unwatched()


def watchdog_killed(case: Case) -> None:
    """A dead watchdog is replaced; the new one knows what is pending."""
    server = case.serve()
    inject(server, case.cell.fault)
    first = wait_for(lambda: case.watchdogs() or None, 5.0)
    for pid in first:
        os.kill(pid, signal.SIGKILL)
    server.until(lambda state: any("another one took over" in line["text"] for line in state["log"]))
    assert set(case.watchdogs()).isdisjoint(first)
    server.process.kill()
    reap(server)
    case.stand.until_whole()
    case.until_settled()
    case.until_unwatched()


def target_replaced(case: Case) -> None:
    """Somebody kills the very process that the fault is in, and starts it again: that counts as healed."""
    server = case.serve()
    inject(server, case.cell.fault)
    part = {"kill-node": "node-2", "burst": "traffic", "pause-redis": "redis"}[case.cell.fault]
    if case.cell.fault != "kill-node":
        os.kill(case.stand.pids()[part], signal.SIGKILL)
        wait_for(lambda: part in case.stand.what_is_broken(), 5.0)
    upkeep.heal(case.stand.name)
    renewed = case.stand.pids()[part]
    server.process.kill()
    reap(server)
    case.until_unwatched()
    case.stand.until_whole()
    case.until_settled()
    assert case.stand.pids()[part] == renewed


def disk_full(case: Case) -> None:
    """Nothing can be noted: the watchdog heals all the same, and a restart finds all well once there is room."""
    with full_disk(case.folder) as fill:
        server = case.serve()
        inject(server, case.cell.fault)
        fill()
        server.process.kill()
        reap(server)
        case.stand.until_whole()
        case.until_unwatched()
        (case.folder / "ballast").unlink()
        with end_of(case.serve()) as again:
            again.until(lambda state: all(f["state"] in ("idle", "failed") for f in state["chaos"]))
            case.stand.until_whole()
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
        case.stand.until_whole()
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
        upkeep.heal(stand.name)  # by a cell that failed, and said so
    case = Case(stand, cell, folder)
    SCENARIOS.get(cell.what, kill_at_step)(case)


@contextmanager
def end_of(server: Server) -> Iterator[Server]:
    try:
        yield server
    finally:
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


def main() -> int:
    """Runs cells, spread evenly, and says of each that failed why; 0 when nothing was left broken."""
    parser = argparse.ArgumentParser(prog="scripts/matrix", description=__doc__)
    parser.add_argument("runs", type=int, nargs="?", default=len(CELLS), help="how many cells to run")
    parser.add_argument("--only", default="", help="cells whose name holds this")
    asked = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGHUP):
        # Started in the background, these may be ignored; the servers would inherit that.
        signal.signal(number, signal.SIG_DFL)
    cells = [cell for cell in CELLS if asked.only in str(cell)]
    if not cells:
        parser.error(f"no cell's name holds {asked.only!r}")
    with tempfile.TemporaryDirectory(prefix="matrix-") as scratch:
        os.environ["XDG_STATE_HOME"] = str(_folder(Path(scratch), "state"))
        stand = Stand("matrix")
        try:
            broken = [number for number in range(asked.runs) if not _passes(stand, cells, number, Path(scratch))]
        finally:
            stand.end()
    print(f"{len(broken)} left broken of {asked.runs} ({len(cells)} cells)")
    return 1 if broken else 0


def _passes(stand: Stand, cells: Sequence[Cell], number: int, scratch: Path) -> bool:
    cell = cells[number % len(cells)]
    started = time.monotonic()
    try:
        run_cell(stand, cell, _folder(scratch, f"run-{number}"))
    except AssertionError as error:
        print(f"{number + 1:4}  {cell}: {str(error)[:2000]}", flush=True)
        return False
    print(f"{number + 1:4}  {cell}: whole after {time.monotonic() - started:.1f} s", flush=True)
    return True


def _folder(scratch: Path, name: str) -> Path:
    folder = scratch / name
    folder.mkdir(mode=0o700)
    return folder


if __name__ == "__main__":
    sys.exit(main())
