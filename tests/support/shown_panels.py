"""Panels whose output a test decides."""

from collections.abc import Callable

from demo.clock import CLOCK
from demo.panels.picture import PanelPicture, PanelRow, StyledText


def rows(*lines: str) -> tuple[PanelRow, ...]:
    return tuple((StyledText(line),) for line in lines)


def picture(name: str, *lines: str, changed_at: float | None = None) -> PanelPicture:
    width = max(map(len, lines), default=0)
    at = CLOCK.now() if changed_at is None else changed_at
    return PanelPicture(name, name.title(), rows(*lines), "up", width=width, changed_at=at)


class ShownPanels:
    """The `Panels` of a show; `show` is what a program does that prints."""

    def __init__(self) -> None:
        self.version = 0
        self.pictures: dict[str, PanelPicture] = {}
        self._listeners: list[Callable[[], None]] = []

    def picture(self, name: str) -> PanelPicture | None:
        return self.pictures.get(name)

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def show(self, shown: PanelPicture) -> None:
        self.pictures[shown.name] = shown
        self.version += 1
        for listener in self._listeners:
            listener()
