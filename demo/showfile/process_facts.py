"""The processes of a show file as its probes see them: their specs, their states, and the lines they print."""

from collections.abc import Callable, Mapping
from pathlib import Path

from demo.errors import SubjectError
from demo.probes.log import LinesSince, LogLines
from demo.probes.process import ReportedState
from demo.processes.owned.client import OwnedProcesses
from demo.processes.owned.spec import ProcessSpec
from demo.showfile.containers import ShowContainers
from demo.showfile.schema.probes import LogProbe
from demo.showfile.schema.system import ProcessSettings

_WORDS: Mapping[str, str] = {"new": "not started", "starting": "starting", "up": "running", "ended": "ended"}


def process_spec(name: str, process: ProcessSettings, folder: Path, fill: Callable[[str], str]) -> ProcessSpec:
    """Return how a process is started; `fill` puts the values of secrets into its environment."""
    return ProcessSpec(
        name,
        tuple(process.run),
        str(folder / process.cwd) if process.cwd else str(folder),
        {key: fill(text) for key, text in process.env.items()},
        process.port,
        process.user,
        process.ready_timeout,
        process.stop_timeout,
    )


class ProcessFacts:
    """What probes ask of processes, and of the logs of processes and containers."""

    def __init__(self, processes: OwnedProcesses, containers: ShowContainers) -> None:
        self._processes, self._containers = processes, containers

    async def state(self, name: str) -> ReportedState | None:
        """Return the state of a process; None while there is no supervisor that knows it."""
        try:
            state = self._processes.state(name)
            owns_port = await self._processes.owns_port(name) if state.phase == "up" else None
        except SubjectError:
            return None
        word = "paused" if state.suspended else _WORDS[state.phase]
        return ReportedState(word, state.pid, state.exit_code, owns_port)

    def log_of(self, log: LogProbe) -> LinesSince:
        """Return what returns the lines of a process or a service."""
        if log.service is not None:
            return self._containers.logs.lines_of(log.service)

        async def lines(since: int) -> LogLines | None:
            if log.process is None:
                return None
            try:
                found = await self._processes.output(log.process, since)
            except SubjectError:
                return None
            return LogLines(found.lines, found.end)

        return lines
