"""The containers of a show: its compose project, and the engine's word on what happens to them."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from demo.compose.command import UP_SEC
from demo.compose.project import ComposeProject
from demo.compose.waiting import HEALTHY_SEC
from demo.container_engine import Container, Engine, EngineWatch, WatchedContainer
from demo.errors import SubjectError
from demo.showfile.container_lines import ServiceLogs
from demo.showfile.schema.front_matter import FrontMatter
from demo.showfile.show import Show

HEAL_SEC = UP_SEC + HEALTHY_SEC
"""The maximum duration of a heal by its own timeouts: compose may have to create everything."""


def project_of(show: Show) -> str:
    """Return the name of the show's compose project; "" if it has none."""
    system = show.settings.system
    if system is None:
        return ""
    return system.attach or system.project or default_project(show.name)


def default_project(show: str) -> str:
    """Return the project's name of a show that names none: its own, in the characters that compose allows."""
    return re.sub(r"[^a-z0-9_-]", "-", show).strip("-_") or "show"


class ShowContainers:
    """What a show knows of containers. Nothing is asked or started before `start` or `run`; a healer needs neither.

    `engine` is shared with probes and faults, and closed here.
    """

    def __init__(self, show: Show, folder: Path) -> None:
        system = show.settings.system
        self.engine = Engine()
        self.project = project_of(show)
        self.logs = ServiceLogs(self.engine, self.project)
        self.compose: ComposeProject | None = None
        if system is not None and system.compose is not None:
            file = folder / Path(system.compose).expanduser()
            self.compose = ComposeProject(self.engine, self.project, file, show.name)
        self.on_change: Callable[[str], None] = lambda name: None
        """Called with the service and with the name of a container whose state has changed."""
        self.on_state: Callable[[WatchedContainer], None] = lambda seen: None
        """Called with a container of the project whose state has changed, but not while that is started or healed."""
        self._is_settled = False
        self._watch = EngineWatch(self.engine, self.project, self._on_news)
        self._known: Mapping[str, WatchedContainer] = {}
        self.is_watched = bool(self.project) or _asks_for_containers(show.settings)

    def owns(self, container: Container) -> bool:
        """Return whether this show has brought it up, so that its faults may hit it without a label."""
        return self.compose is not None and self.compose.owns(container)

    def listen(self, tell: Callable[[str], None]) -> None:
        """Report the progress of the start with `tell`."""
        if self.compose is not None:
            self.compose.listen(tell)

    async def start(self) -> None:
        """Bring the project up. Raises `SubjectError`."""
        if self.compose is not None:
            await self.compose.bring_up()
        self._settle()

    async def heal(self) -> str:
        """Start what has died; return what did not come back, "" if everything did."""
        self._is_settled = False
        try:
            if self.compose is not None:
                await self.compose.heal()
        except SubjectError as error:
            return str(error)
        finally:
            self._settle()
        return ""

    def _settle(self) -> None:
        """Tell of states from now on, and of those that came meanwhile."""
        self._is_settled = bool(self.project)
        if self._is_settled:
            for seen in self._known.values():
                self.on_state(seen)

    async def stop(self) -> None:
        """Remove what was brought up. Raises `SubjectError` for what is left."""
        try:
            if self.compose is not None:
                await self.compose.take_down()
        finally:
            await self.logs.close()
            await self.engine.close()

    async def watch(self) -> None:
        """Follow the engine's events until cancelled."""
        await self._watch.run()

    def ended_lately(self, ident: str) -> Container | None:
        """Return a container that has just ended, as the engine's events tell; None for any other."""
        return self._watch.ended_lately(ident)

    def _on_news(self) -> None:
        """Tell whose state has changed: its probes are asked at once, sooner than any of them could time out."""
        before, self._known = self._known, self._watch.containers()
        for name, seen in self._known.items():
            known = before.get(name)
            if known is None or (known.state, known.since) != (seen.state, seen.since):
                if self._is_settled:
                    self.on_state(seen)
                for called in dict.fromkeys((seen.container.service, seen.container.name)):
                    if called:
                        self.on_change(called)


def _asks_for_containers(settings: FrontMatter) -> bool:
    """Return whether a probe or a fault names a container."""
    probes = (probe.docker or probe.exec or probe.container for probe in settings.probes.values())
    return any(probes) or any(fault.container is not None for fault in settings.faults.values())
