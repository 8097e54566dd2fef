"""What the presenter is told of processes and containers that end by themselves: without a probe, no card turns red."""

import signal
from collections.abc import Callable

from demo.container_engine import WatchedContainer
from demo.processes.owned.spec import ProcessState
from demo.show.commands import Notice

KILLED, TERMINATED = 128 + signal.SIGKILL, 128 + signal.SIGTERM
"""The exit codes of a container that was killed, and of one that was stopped and let itself be ended."""


class ProcessEnds:
    """Looks for processes and containers of a show that end although nobody has asked for it, and tells of each.

    `mask` takes the values of secrets out of a text. `has_fault` returns whether a fault is in place, `is_acting`
    whether the steps of a chapter are being run: they may well end something.
    """

    def __init__(
        self,
        mask: Callable[[str], str],
        has_fault: Callable[[], bool],
        is_acting: Callable[[], bool],
        send: Callable[[Notice], None],
    ) -> None:
        self._mask, self._has_fault, self._is_acting, self._send = mask, has_fault, is_acting, send
        self.problems: dict[str, str] = {}
        """Why it is not running, by the process that nothing but itself has ended, until it is started again."""
        self._running: set[str] = set()
        self._reasons: dict[str, str] = {}
        """What was seen of processes that have ended by themselves."""

    def take(self, state: ProcessState) -> None:
        """Take what has changed about a process."""
        was_running = state.name in self._running
        self._running.discard(state.name)
        if state.alive:
            self.problems.pop(state.name, None)
            self._reasons.pop(state.name, None)
        if state.phase == "up":
            self._running.add(state.name)
        elif state.phase == "ended" and state.reason != state.trouble:  # otherwise we have ended it
            known = self._reasons.get(state.name)
            if was_running or known not in (None, state.reason):
                self._tell(state, is_done=was_running and state.exit_code == 0)

    def take_container(self, seen: WatchedContainer) -> None:
        """Take what has changed about a container."""
        name, code = f"container {seen.container.name}", seen.exit_code
        if seen.state == "exited":
            reason = f"{name} ended with code {code}"
            # What a fault does to a container looks the same as a kill of a process.
            self.take(ProcessState(name, "ended", None, None, False, _as_signal(code), "ended", reason))
        elif seen.state in ("running", "paused"):
            self.take(ProcessState(name, "up"))

    def forget(self) -> None:
        """Say nothing of those that run now: the show ends them."""
        self._running.clear()
        self._reasons.clear()
        self.problems.clear()

    def _tell(self, state: ProcessState, is_done: bool) -> None:
        """Tell of an end; `is_done`: it ended as a program does whose work is done, unless more is found out later."""
        has_fault = self._has_fault()
        if has_fault and state.exit_code == -signal.SIGKILL:
            return  # what a fault does, or part of it
        is_told = state.reason in self._reasons.values()  # all have ended for one reason
        self._reasons[state.name] = state.reason
        text = self._mask(state.reason)
        if not is_done:
            self.problems[state.name] = text
        if not is_told:
            is_note = has_fault or is_done or self._is_acting()
            self._send(Notice(text, "note" if is_note else "error"))


def _as_signal(code: int | None) -> int | None:
    return -signal.SIGKILL if code in (KILLED, TERMINATED) else code
