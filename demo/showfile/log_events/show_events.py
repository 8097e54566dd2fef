"""All events of a show: followed from the start of its system to its end."""

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from demo.processes.owned.client import OwnedProcesses
from demo.processes.owned.spec import ProcessSpec
from demo.show import commands as c
from demo.showfile.log_events.event_rule import EventRule
from demo.showfile.log_events.event_source import EventSource
from demo.showfile.panels.container_log import ContainerLog
from demo.showfile.panels.process_output import ProcessOutput, ProgramOutput, program_spec
from demo.showfile.panels.show_panels import ContainerAccess
from demo.showfile.panels.source import PanelSource
from demo.showfile.schema.system import EventSettings

WHO = "events"
"""The issuer of their lines in the show's log."""

COLUMNS, ROWS = 400, 24
"""The terminal of a program that is run for its events: wide, because some programs break long lines."""

Enqueue = Callable[[str, c.Command], None]


def event_program_specs(events: Mapping[str, EventSettings], folder: Path) -> list[ProcessSpec]:
    """Return how the programs of events are started, for the show's supervisor."""
    return [
        program_spec(_process_name(name), event.run, folder, ROWS, columns=COLUMNS)
        for name, event in events.items()
        if event.run is not None
    ]


def programs_of(events: Mapping[str, EventSettings]) -> dict[str, tuple[str, ...]]:
    """Return the programs of events by name. An edit of those takes effect at the next start."""
    return {name: event.run for name, event in events.items() if event.run is not None}


def _process_name(event: str) -> str:
    """Return a name that no process of a show file can have."""
    return f"event {event}"


class ShowEvents:
    """Follows the events of a show; `enqueue` sends each to it."""

    def __init__(
        self,
        settings: Mapping[str, EventSettings],
        processes: OwnedProcesses,
        containers: ContainerAccess,
        mask: Callable[[str], str],
        enqueue: Enqueue,
    ) -> None:
        self._settings = dict(settings)
        self._processes, self._containers, self._mask, self._enqueue = processes, containers, mask, enqueue
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._sources: dict[str, EventSource] = {}
        self._is_running = False

    def start(self) -> None:
        """Begin to follow all; does nothing while they are followed."""
        if not self._is_running:
            self._is_running = True
            for name, event in self._settings.items():
                self._follow(name, event)

    async def stop(self) -> None:
        """Stop following. Safe to call twice, or without a start."""
        self._is_running = False
        tasks = [self._cancel(name) for name in tuple(self._tasks)]
        if tasks:
            await asyncio.wait(tasks)

    def adopt(self, settings: Mapping[str, EventSettings]) -> None:
        """Go on with edited events: another pattern or text counts at once, and no line is told again."""
        before, self._settings = self._settings, dict(settings)
        if not self._is_running:
            return
        for name in before.keys() - settings.keys():
            self._cancel(name)
        for name, event in settings.items():
            if (old := before.get(name)) == event:
                continue
            if old is not None and _place(old) == _place(event) and name in self._sources:
                self._sources[name].rule = EventRule(name, event)
            else:
                if old is not None:
                    self._cancel(name)
                self._follow(name, event)

    def event(self, name: str, text: str) -> None:
        self._enqueue(WHO, c.AddCurveMark(name, text))

    def note(self, text: str) -> None:
        self._enqueue(WHO, c.Notice(text, "note"))

    def _follow(self, name: str, event: EventSettings) -> None:
        rule, output = EventRule(name, event), self._open(name, event)
        source = EventSource(name, rule, output, self._mask, self, skips_first=self._has_printed(name, event))
        self._sources[name] = source
        self._tasks[name] = asyncio.create_task(source.run(), name=f"event {name}")

    def _has_printed(self, name: str, event: EventSettings) -> bool:
        """Return whether its process has been running before: an earlier server has told of its lines."""
        if event.log is not None:
            return False
        return self._processes.state(event.process or _process_name(name)).phase != "new"

    def _cancel(self, name: str) -> asyncio.Task[None]:
        self._sources.pop(name, None)
        task = self._tasks.pop(name)
        task.cancel()
        return task

    def _open(self, name: str, event: EventSettings) -> PanelSource:
        if event.run is not None:
            return ProgramOutput(self._processes, _process_name(name))
        if event.log is not None:
            began = f"{time.time():.9f}"
            return ContainerLog(self._containers.engine, self._containers.project, event.log, 0, began=began)
        return ProcessOutput(self._processes, event.process or "")


def _place(event: EventSettings) -> tuple[object, ...]:
    return (event.run, event.log, event.process)
