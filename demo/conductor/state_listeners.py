"""Who is told of each new state of a show."""

import contextlib
import logging
from collections.abc import Callable

from demo.errors import describe, log_unexpected
from demo.show import ShowState

logger = logging.getLogger(__name__)

Listener = Callable[[ShowState], None]


class StateListeners:
    """Calls functions with each new state. `report` gets a text about one that failed, once for each text.

    Reporting is a new state itself: a bug that recurs with every state would report without end.
    """

    def __init__(self, report: Callable[[str], None]) -> None:
        self._listeners: list[Listener] = []
        self._report = report
        self._reported: set[str] = set()

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with each new state; return a function that unsubscribes it."""
        self._listeners.append(listener)

        def unsubscribe() -> None:
            with contextlib.suppress(ValueError):
                self._listeners.remove(listener)

        return unsubscribe

    def notify(self, state: ShowState) -> None:
        """Call every listener; a bug in one does not stop the others."""
        # A copy, because a listener may unsubscribe while it is called.
        for listener in tuple(self._listeners):
            try:
                listener(state)
            except Exception as error:  # noqa: BLE001 - a bug in one listener must not stop the others
                log_unexpected(logger, "notifying a listener of a new state", error)
                self._report_once(f"a screen raised an error: {describe(error)}")

    def _report_once(self, text: str) -> None:
        if text not in self._reported:
            self._reported.add(text)
            self._report(text)
