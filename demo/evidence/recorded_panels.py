"""The panels of a recorded show, as they were at the moment that a replay is at."""

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence

from demo.errors import JournalError
from demo.journal.library.recording import Recording
from demo.journal.panel_table import PanelMoment
from demo.panels.picture import PanelPicture
from demo.show import ShowState

NO_PANELS = "this recording has no output of its panels: they stay empty"


class RecordedPanels:
    """The `Panels` of a recording. Raises `JournalError` for one that cannot be read."""

    def __init__(self, recording: Recording) -> None:
        self.version = 0
        self._recording = recording
        self._moments: dict[str, list[PanelMoment]] = {}
        for moment in recording.panel_moments():
            self._moments.setdefault(moment.name, []).append(moment)
        self._all = sorted(moment.at for moments in self._moments.values() for moment in moments)
        self._shown: dict[str, tuple[PanelMoment, PanelPicture | None]] = {}
        self._listeners: list[Callable[[], None]] = []

    def picture(self, name: str) -> PanelPicture | None:
        shown = self._shown.get(name)
        return shown[1] if shown is not None else None

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def show_at(self, now: float) -> None:
        """Show what the panels showed at the moment `now`, which may be an earlier one than before."""
        changed = False
        for name, moments in self._moments.items():
            place = bisect_right(moments, now, key=lambda moment: moment.at)
            before = self._shown.pop(name, None)
            if place:
                moment = moments[place - 1]
                self._shown[name] = before if before and before[0] is moment else (moment, self._read(moment))
            changed |= self._shown.get(name) is not before
        if changed:
            self.version += 1
            for listener in tuple(self._listeners):
                listener()

    def _read(self, moment: PanelMoment) -> PanelPicture | None:
        try:
            return self._recording.picture(moment)
        except JournalError:
            return None  # The file is gone: the replay itself ends by that.

    def sec_until_change(self, now: float) -> float:
        """Return how many recorded seconds after the moment `now` a panel changes; `math.inf` for never again."""
        place = bisect_right(self._all, now)
        return self._all[place] - now if place < len(self._all) else math.inf

    def lacks(self, decks: Sequence[tuple[int, ShowState]]) -> bool:
        """Return whether the recording is of panels, and has none of their output."""
        return not self._all and any(chapter.panels for _, deck in decks for chapter in deck.chapters)
