"""Checks in threads of their own: one that hangs, for good, keeps neither the others nor the end from coming."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

T = TypeVar("T")


class ThreadedCheck(Generic[T]):
    """One piece of work, begun at once."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._found: list[T] = []
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._found.append(self._work())
        except BaseException as error:  # noqa: BLE001 - told to whoever waits
            self.error = error

    def wait(self, until: float) -> bool:
        """Has it ended by then (on the monotonic clock)?"""
        self._thread.join(max(0.0, until - time.monotonic()))
        return not self._thread.is_alive()

    @property
    def found(self) -> T:
        """Once it has ended. Raises what the work raised."""
        if self.error is not None:
            raise self.error
        return self._found[0]


def all_at_once(work: Mapping[str, Callable[[], T]], within_sec: float) -> dict[str, ThreadedCheck[T] | None]:
    """Each piece of work, ended; None for one that took too long, and was left behind."""
    begun = {name: ThreadedCheck(piece) for name, piece in work.items()}
    until = time.monotonic() + within_sec
    return {name: piece if piece.wait(until) else None for name, piece in begun.items()}
