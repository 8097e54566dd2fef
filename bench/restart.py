"""What a start costs by the length of the show it continues: CPU seconds of the server until it serves pages.

The journals are made here, as a server makes them: two samples a second of 3 KB, something said twice a minute, thinned
out, a snapshot, and what came in the half minute between that and a `kill -9`.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from bench.start import free_port
from demo.clock import CLOCK
from demo.journal import Journal
from demo.show import ShowState, apply, create_initial_state
from demo.show import events as e
from demo.subjects.registry import load

HOURS = (1 / 6, 2.0, 8.0)
STEP_SEC = 0.5
BEHIND = 60
"""Samples that came after the newest snapshot."""

TICKS = os.sysconf("SC_CLK_TCK")

Row = tuple[str, list[float], str]


def restarts(count: int) -> Iterator[Row]:
    """`count` starts for each length; what they take more than as many starts of a fresh show."""
    with tempfile.TemporaryDirectory() as place:
        journals = {hours: Path(place) / f"after-{hours:.2f}" for hours in HOURS}
        for hours, path in journals.items():
            asyncio.run(_fill(path, hours))
            yield f"a journal after {hours:.3g} h of show, two samples of 3 KB a second", [_size(path) / 1e6], "MB"
        fresh, taken = [], {hours: list[float]() for hours in HOURS}
        for number in range(count + 1):
            fresh.append(_start(Path(place) / f"fresh-{number}"))
            for hours, path in journals.items():
                taken[hours].append(_start(path))
    yield "CPU of `demo serve none` until it serves pages, a fresh show", fresh[1:], "s"
    for hours, found in taken.items():
        yield f"… continuing {hours:.3g} h of show", found[1:], "s"


async def _fill(path: Path, hours: float) -> None:
    subject = load("none")
    deck = subject.chapters if not callable(subject.chapters) else subject.chapters(None)  # type: ignore[arg-type]
    state, journal = create_initial_state(subject.title, subject.name, subject.description, deck), Journal(path)
    ends = CLOCK.now()
    snapshot_at = ends - BEHIND * STEP_SEC
    for entries, after in _entries(tuple(chapter.title for chapter in deck), ends - hours * 3600, ends):
        for entry in entries:
            state = _fold(state, entry, ends)
        await journal.append(entries)
        while await journal.thin(after, ()):
            """One step after the other."""
        if after >= snapshot_at:
            await journal.save_snapshot(state)
            snapshot_at = ends + 1
    await journal.close()


def _fold(state: ShowState, entry: e.JournalEntry, ends: float) -> ShowState:
    """Samples of long ago leave nothing in the state; without them this is quick."""
    return state if isinstance(entry.event, e.HealthSampled) and entry.at < ends - 120 else apply(state, entry)


def _entries(titles: tuple[str, ...], begins: float, ends: float) -> Iterator[tuple[list[e.JournalEntry], float]]:
    nodes = [{"id": f"node-{n}", "name": f"node-{n}", "health": "up", "detail": "x" * 300} for n in range(8)]
    seq, at = 2, begins
    yield (
        [
            e.JournalEntry(1, at, "show", e.ShowOpened("none", titles)),
            e.JournalEntry(2, at, "show", e.ChapterEntered(1, True, 1)),
        ],
        at,
    )
    while at < ends:
        batch = []
        for _ in range(60):
            seq, at = seq + 1, at + STEP_SEC
            batch.append(
                e.JournalEntry(seq, at, "poller", e.HealthSampled({"nodes": nodes, "interval_sec": STEP_SEC}, at))
            )
        seq += 1
        yield [*batch, e.JournalEntry(seq, at, "curl", e.Said(f"line {seq}"))], at


def _size(path: Path) -> int:
    return sum(one.stat().st_size for one in path.parent.iterdir() if one.name.startswith(path.name))


def _start(journal: Path) -> float:
    """User and system time of the process until `/healthz` answers."""
    port = free_port()
    program = [sys.executable, "-m", "demo", "serve", "none", "--no-open", "--port", str(port)]
    null = subprocess.DEVNULL
    process = subprocess.Popen([*program, "--journal", str(journal)], stdin=null, stdout=null, stderr=null)
    try:
        until = time.monotonic() + 60
        while not _is_up(port):
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"`demo serve` did not come up on {journal}")
            time.sleep(0.005)
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS
    finally:
        process.kill()
        process.wait()


def _is_up(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=30).status_code == 200
    except httpx.TransportError:
        return False
