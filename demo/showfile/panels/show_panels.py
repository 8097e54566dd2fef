"""All panels of a show: started with its system, ended before it."""

import asyncio
import shlex
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Protocol

from demo.container_engine import Engine
from demo.panels.drawing import PanelDrawing
from demo.panels.picture import PanelPicture
from demo.probes.patterns import Pattern
from demo.processes.owned.client import OwnedProcesses
from demo.processes.owned.spec import ProcessSpec
from demo.showfile.panels.container_log import ContainerLog
from demo.showfile.panels.panel import ShownPanel
from demo.showfile.panels.process_output import COLUMNS, ProcessOutput, ProgramOutput, program_spec
from demo.showfile.panels.source import PanelSource
from demo.showfile.schema.system import PanelSettings

MAX_COLUMNS = 160
"""Columns of output that is not made for a terminal; a longer line is cut."""

MAX_PANEL_TITLE = 48


def program_specs(panels: Mapping[str, PanelSettings], folder: Path) -> list[ProcessSpec]:
    """Return how the programs of panels are started, for the show's supervisor."""
    return [
        program_spec(_process_name(name), panel.run, folder, panel.lines)
        for name, panel in panels.items()
        if panel.run is not None
    ]


def _process_name(panel: str) -> str:
    """Return a name that no process of a show file can have."""
    return f"panel {panel}"


class ContainerAccess(Protocol):
    """Where the containers of a show are: their engine, and their compose project, "" if it has none."""

    engine: Engine
    project: str


class ShowPanels:
    """The panels of a show, and their newest pictures. `secrets` returns the values that no panel may show."""

    def __init__(
        self,
        settings: Mapping[str, PanelSettings],
        processes: OwnedProcesses,
        containers: ContainerAccess,
        secrets: Callable[[], Collection[str]],
    ) -> None:
        self._processes, self._containers, self._secrets = processes, containers, secrets
        self.version = 0
        self._listeners: list[Callable[[], None]] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._panels = {name: self._make(name, panel) for name, panel in settings.items()}

    def picture(self, name: str) -> PanelPicture | None:
        panel = self._panels.get(name)
        return panel.picture if panel is not None else None

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def start(self) -> None:
        """Begin to follow all of them; does nothing while they are followed."""
        if not self._tasks:
            self._tasks = [
                asyncio.create_task(panel.run(), name=f"panel {name}") for name, panel in self._panels.items()
            ]

    async def stop(self) -> None:
        """Stop following. Safe to call twice, or without a start."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _changed(self) -> None:
        self.version += 1
        for listener in tuple(self._listeners):
            listener()

    def _make(self, name: str, panel: PanelSettings) -> ShownPanel:
        drawing = PanelDrawing(
            panel.lines,
            COLUMNS if panel.run is not None else MAX_COLUMNS,
            is_terminal=panel.run is not None,
            matches=partial(_matches, Pattern(panel.match)) if panel.match is not None else None,
            secrets=self._secrets,
        )
        return ShownPanel(
            PanelPicture(name, _title_of(name, panel), lines=panel.lines),
            self._source_of(name, panel),
            drawing,
            self._changed,
            has_match=panel.match is not None,
            replaces=panel.every is not None,
        )

    def _source_of(self, name: str, panel: PanelSettings) -> PanelSource:
        if panel.run is not None:
            return ProgramOutput(self._processes, _process_name(name), panel.every)
        if panel.log is not None:
            return ContainerLog(self._containers.engine, self._containers.project, panel.log, panel.lines)
        return ProcessOutput(self._processes, panel.process or "")


def _matches(pattern: Pattern, line: str) -> bool:
    return pattern.search(line) is not None


def _title_of(name: str, panel: PanelSettings) -> str:
    if panel.title:
        return panel.title
    if panel.run is None:
        return name
    # The room need not know where the program lies.
    command = shlex.join([Path(panel.run[0]).name, *panel.run[1:]])
    return command if len(command) <= MAX_PANEL_TITLE else name
