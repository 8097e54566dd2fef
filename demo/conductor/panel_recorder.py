"""Keeps in the journal what the panels on the stage show: those of the chapter that the show is on."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from demo.journal import Journal
from demo.panels.picture import MAX_PANELS, Panels
from demo.show import ShowState


class ShowWithPanels(Protocol):
    """What is needed of a conductor."""

    journal: Journal
    panels: Panels

    @property
    def state(self) -> ShowState: ...

    @property
    def clock(self) -> Callable[[], float]: ...

    def subscribe(self, listener: Callable[[ShowState], None]) -> Callable[[], None]: ...


def record_panels(show: ShowWithPanels) -> None:
    """Keep the pictures of a show from now on."""
    recorder = _PanelRecorder(show)
    show.panels.subscribe(recorder.look)
    show.subscribe(recorder.follow)


class _PanelRecorder:
    """A picture that comes too soon after the last one of its panel waits, and the newest one is kept then."""

    def __init__(self, show: ShowWithPanels) -> None:
        self._show = show
        self._kept_at: dict[str, float] = {}
        self._waiting: asyncio.TimerHandle | None = None
        self._shown: tuple[object, ...] = ()

    def follow(self, state: ShowState) -> None:
        """Keep the pictures of a chapter when it is entered, or when no recording has its place any more."""
        shown = (state.chapter.panels, state.recording is None)
        if shown != self._shown:
            self._shown = shown
            self._kept_at.clear()
            self.look()

    def look(self) -> None:
        """Keep what has changed on the stage."""
        now, writer = asyncio.get_running_loop().time(), self._show.journal.panels
        state, late = self._show.state, 0.0
        for name in state.chapter.panels[:MAX_PANELS] if state.recording is None else ():
            left = self._kept_at.get(name, now - writer.pause_sec) + writer.pause_sec - now
            picture = self._show.panels.picture(name)
            if picture is None:
                continue
            if left > 0:
                late = min(left, late or left)
            elif writer.keep(self._show.clock(), picture):
                self._kept_at[name] = now
        if late and self._waiting is None:
            self._waiting = asyncio.get_running_loop().call_later(late, self._look_again)

    def _look_again(self) -> None:
        self._waiting = None
        self.look()
