"""What the presenter is told of processes that end by themselves: without a probe, no card of theirs turns red."""

import signal
from collections.abc import Callable

from demo.processes.owned.spec import ProcessState
from demo.show.commands import Notice


class ProcessEnds:
    """Looks for processes of a show that end although nobody has asked for it, and sends a notice of each.

    `mask` takes the values of secrets out of a text; `has_fault` returns whether a fault is in place.
    """

    def __init__(
        self, mask: Callable[[str], str], has_fault: Callable[[], bool], send: Callable[[Notice], None]
    ) -> None:
        self._mask, self._has_fault, self._send = mask, has_fault, send
        self.problems: dict[str, str] = {}
        """Why it is not running, by the process that nothing but itself has ended, until it is started again."""
        self._running: set[str] = set()
        self._newest = ("", "")
        """Process and reason of the newest end."""

    def take(self, state: ProcessState) -> None:
        """Take what has changed about a process."""
        was_running = state.name in self._running
        self._running.discard(state.name)
        if state.alive:
            self.problems.pop(state.name, None)
        if state.phase == "up":
            self._running.add(state.name)
        elif state.phase == "ended" and was_running and state.reason != state.trouble:  # otherwise we have ended it
            self._tell(state)

    def forget(self) -> None:
        """Say nothing of those that run now: the show ends them."""
        self._running.clear()
        self.problems.clear()

    def _tell(self, state: ProcessState) -> None:
        before, self._newest = self._newest, (state.name, state.reason)
        has_fault = self._has_fault()
        if has_fault and state.exit_code == -signal.SIGKILL:
            return  # what a fault does, or part of it
        text = self._mask(state.reason)
        if state.exit_code != 0:
            self.problems[state.name] = text
        is_told = before[0] != state.name and before[1] == state.reason  # all have ended for one reason
        if not is_told:
            self._send(Notice(text, "note" if has_fault or state.exit_code == 0 else "error"))
