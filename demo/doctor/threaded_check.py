"""Checks in threads of their own: one that hangs for ever holds up neither the others nor the end of the program."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

T = TypeVar("T")


class ThreadedCheck(Generic[T]):
    """One piece of work, started at once in a daemon thread: those do not keep the interpreter from exiting."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._results: list[T] = []
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._results.append(self._work())
        except BaseException as error:  # noqa: BLE001 - raised again where the result is asked for
            self.error = error

    def wait(self, until: float) -> bool:
        """Wait for the end; return whether it came by `until` (on the monotonic clock)."""
        self._thread.join(max(0.0, until - time.monotonic()))
        return not self._thread.is_alive()

    @property
    def found(self) -> T:
        """The result, once the work has ended. Raises what the work raised."""
        if self.error is not None:
            raise self.error
        return self._results[0]


def all_at_once(work: Mapping[str, Callable[[], T]], within_sec: float) -> dict[str, ThreadedCheck[T] | None]:
    """Run all pieces of work at once; None stands for one that took too long, and is left running."""
    started = {name: ThreadedCheck(piece) for name, piece in work.items()}
    deadline = time.monotonic() + within_sec
    return {name: piece if piece.wait(deadline) else None for name, piece in started.items()}
