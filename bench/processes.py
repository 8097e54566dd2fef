"""What a show's own processes cost: a kill until the server is told, a start until it is ready, the supervisor itself.

`scripts/figures --only processes` runs it, as does `python -m bench.processes`. Everything is real: the supervisor, its
processes, and the signal, which is sent by this process, where the callback runs as well.
"""

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from demo.processes.owned.client import OwnedProcesses
from demo.processes.owned.spec import Limits, ProcessSpec, ProcessState
from demo.processes.process_ref import ProcessRef

TICKS = os.sysconf("SC_CLK_TCK")
KILLS = 100
IDLE_SEC = 5.0
TOLD_TIMEOUT_SEC = 10.0

Row = tuple[str, list[float], str, float]


def processes(kills: int = KILLS) -> Iterator[Row]:
    """Yield what was measured, each value in seconds, and the factor to the unit."""
    with tempfile.TemporaryDirectory(prefix="cs-") as state_home:
        before = os.environ.get("XDG_STATE_HOME")
        os.environ["XDG_STATE_HOME"] = state_home
        try:
            yield from asyncio.run(_measure(kills))
        finally:
            os.environ.pop("XDG_STATE_HOME")
            if before is not None:
                os.environ["XDG_STATE_HOME"] = before


async def _measure(kills: int) -> list[Row]:
    specs = [ProcessSpec(name, ("sleep", "3600"), "/") for name in ("a", "b", "c")]
    owned = OwnedProcesses("figures", specs, dict.fromkeys(("a", "b", "c"), _at_once), Limits())
    began = time.perf_counter()
    await owned.start()
    rows: list[Row] = [
        ("three processes of a show, started one after the other", [time.perf_counter() - began], "s", 1)
    ]
    try:
        supervisor = owned.identity
        assert supervisor is not None
        cpu = _cpu_sec(supervisor.pid)
        await asyncio.sleep(IDLE_SEC)
        idle = (_cpu_sec(supervisor.pid) - cpu) / IDLE_SEC
        told, again = [], []
        for _ in range(kills):
            told.append(await _kill(owned))
            at = time.perf_counter()
            await owned.restart("b")
            again.append(time.perf_counter() - at)
        rows.append((f"`kill -9` of one to the server's callback ({kills} kills)", told, "ms", 1000))
        rows.append(("asked to be restarted, to running again", again, "ms", 1000))
        rows.append(("CPU of the idle supervisor", [idle], "% of a core", 100))
        memory = [_memory(supervisor.pid) + _memory(supervisor.guard)]
        rows.append(("memory of supervisor and guard (PSS)", memory, "MB", 1e-6))
    finally:
        await owned.stop()
    return rows


async def _at_once() -> bool:
    return True


async def _kill(owned: OwnedProcesses) -> float:
    told = asyncio.get_running_loop().create_future()

    def take(state: ProcessState) -> None:
        if state.name == "b" and not state.alive and not told.done():
            told.set_result(time.perf_counter())

    end = owned.on_change(take)
    try:
        state = owned.state("b")
        assert state.pid is not None
        at = time.perf_counter()
        ProcessRef(state.pid, state.born).kill()
        async with asyncio.timeout(TOLD_TIMEOUT_SEC):
            return float(await told) - at
    finally:
        end()


def _cpu_sec(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _memory(pid: int) -> float:
    """Return its share of the memory, in bytes: pages that it shares with others are counted in parts."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) * 1024.0 for line in lines if line.startswith("Pss:"))


if __name__ == "__main__":
    for what, values, unit, scale in processes():
        print(f"{what}: {statistics.median(values) * scale:.3g} {unit}, worst {max(values) * scale:.3g} {unit}")
