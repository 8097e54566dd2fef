"""Output of a process that the show's supervisor keeps: one of the show's own, or a program that only a panel shows."""

import time
from pathlib import Path

from demo.errors import SubjectError
from demo.panels.drawing import OutputPiece
from demo.panels.picture import PanelState
from demo.processes.owned.client import OwnedProcesses
from demo.processes.owned.spec import ProcessSpec, ProcessState, RawOutput
from demo.showfile.panels.source import SourceReading

COLUMNS = 80
"""Columns of the terminal that a program prints to."""

AGAIN_SEC = 2.0
"""When a program that has failed is started again: what it watches may have been broken by a fault."""

NEVER_AGAIN = (126, 127)
"""Exit codes that mean that there is no such program."""

SETTLED_SEC = 1.0
"""After this time, what a repeated program has printed so far takes the place of what it printed last."""

STOP_TIMEOUT_SEC = 2.0


class ProcessOutput:
    """Reads what the process called `name` prints, over all its runs."""

    def __init__(self, processes: OwnedProcesses, name: str) -> None:
        self._processes, self._name = processes, name
        self._place = self._run_began = self._newlines = 0

    async def read(self, max_bytes: int) -> SourceReading:
        raw = await self._processes.raw_output(self._name, self._place, max_bytes)
        if raw.end < self._place:  # another supervisor, which counts anew
            self._place = self._run_began = self._newlines = 0
            return await self.read(max_bytes)
        pieces = self._take(raw)
        state, note = describe(self._processes.state(self._name))
        return SourceReading(pieces, state, note)

    async def close(self) -> None:
        """Nothing: the process is not ours to end."""

    def _take(self, raw: RawOutput) -> list[OutputPiece]:
        start = raw.end - len(raw.data)
        has_gap = start > self._place
        skipped = max(0, raw.newlines - self._newlines - raw.data.count(b"\n")) if has_gap else 0
        is_new_run, border = raw.run_began != self._run_began, max(0, raw.run_began - start)
        self._place, self._run_began, self._newlines = raw.end, raw.run_began, raw.newlines
        if not is_new_run:
            return [OutputPiece(raw.data, has_gap, skipped)] if raw.data else []
        pieces = [OutputPiece(raw.data[:border], has_gap, skipped)] if border or has_gap else []
        return [*pieces, OutputPiece(raw.data[border:], begins_run=True)]


class ProgramOutput:
    """Starts a program and reads what it prints. `every_sec`: it is run again so long after its end, always.

    Without that it is run again only if it has failed. Its spec must be one of the `side_specs` of `processes`.
    """

    def __init__(self, processes: OwnedProcesses, name: str, every_sec: float | None = None) -> None:
        self._processes, self._name, self._every_sec = processes, name, every_sec
        self._output = ProcessOutput(processes, name)
        self._started_at = 0.0
        self._start_at: float | None = 0.0
        """When it is to be started next, on the monotonic clock; None while it runs, and when it has ended for good."""

        self._trouble = ""

    async def read(self, max_bytes: int) -> SourceReading:
        if self._start_at is not None and time.monotonic() >= self._start_at:
            await self._start()
        if self._processes.identity is None:
            self._plan_next(AGAIN_SEC)
            return SourceReading(state="down", note=self._trouble.removeprefix(f"{self._name} ") or "not running")
        reading = await self._output.read(max_bytes)
        state = self._processes.state(self._name)
        if state.phase != "ended":
            is_young = time.monotonic() - self._started_at < SETTLED_SEC
            return SourceReading(reading.pieces, reading.state, reading.note, self._every_sec is not None and is_young)
        return self._read_ended(reading, state)

    async def close(self) -> None:
        """Nothing: the supervisor ends it with the show."""

    async def _start(self) -> None:
        self._start_at, self._started_at, self._trouble = None, time.monotonic(), ""
        try:
            await self._processes.launch(self._name)
        except SubjectError as error:
            self._trouble = str(error)

    def _read_ended(self, reading: SourceReading, state: ProcessState) -> SourceReading:
        """Say how it ended, and when it is run again."""
        if state.exit_code in NEVER_AGAIN and state.reason:
            return SourceReading(reading.pieces, "down", state.reason.removeprefix(f"{self._name} "))
        if self._every_sec is not None:
            self._plan_next(self._every_sec)
            note = "" if state.exit_code == 0 else reading.note
            return SourceReading(reading.pieces, "up" if state.exit_code == 0 else "down", note)
        if state.exit_code == 0:
            return SourceReading(reading.pieces, "offline", "ended with exit code 0")
        self._plan_next(AGAIN_SEC)
        return SourceReading(reading.pieces, "down", f"{reading.note}, and is started again")

    def _plan_next(self, seconds: float) -> None:
        if self._start_at is None:
            self._start_at = time.monotonic() + seconds


def describe(state: ProcessState) -> tuple[PanelState, str]:
    """Return how a process fares, as a panel says it: without addresses and paths."""
    if state.phase == "ended":
        code = state.exit_code
        if code is not None and code >= 0:
            return ("offline" if code == 0 else "down"), f"ended with exit code {code}"
        return "down", f"ended: {state.trouble or 'not running'}"
    if state.suspended:
        return "starting", "paused"
    return ("up", "") if state.phase == "up" else ("starting", "starting" if state.phase == "starting" else "")


def program_spec(name: str, argv: tuple[str, ...], folder: Path, rows: int, *, columns: int = COLUMNS) -> ProcessSpec:
    """Return how a panel's program is started: on a terminal, because many print colours only there."""
    env = {"TERM": "linux", "COLUMNS": str(columns), "LINES": str(rows), "LANG": "C.UTF-8"}
    return ProcessSpec(name, argv, str(folder), env, stop_timeout_sec=STOP_TIMEOUT_SEC, terminal=(rows, columns))
