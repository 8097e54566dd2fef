"""When a verdict takes the body: a moment after it is known, so that the recovery before it can be seen."""

from demo.show import ShowState
from demo.views.verdict import verdict_page

PAUSE_SEC = 2.5
"""As long as on the stage."""


class VerdictPause:
    """Remembers since when one screen could show the verdict that it has now."""

    def __init__(self) -> None:
        self._shown: tuple[int, int] | None = None
        self._since = 0.0

    def waits(self, state: ShowState, now: float) -> bool:
        """Return whether the story still has its place although there is a verdict, at a moment of the show's clock."""
        page = verdict_page(state)
        shown = (state.visit, page.number) if page is not None else None
        # The clock of a recording may be behind that of the show.
        if shown != self._shown or now < self._since:
            self._shown, self._since = shown, now
        return shown is not None and now - self._since < PAUSE_SEC
