"""How often the screens change: at once for what somebody did or what broke, four times a second for mere numbers."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace

from demo.show import ShowState
from demo.show.health_sample import Sample

NUMBERS_EVERY_SEC = 0.25


class UpdateRate:
    """Hands states on to `publish`. Must be used from the loop's thread."""

    def __init__(self, publish: Callable[[ShowState], None], state: ShowState) -> None:
        self._publish = publish
        self._shown = state
        self._waiting: ShowState | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._numbers_at = 0.0

    def show(self, state: ShowState) -> None:
        """A new state; of those that differ in numbers only, the newest is shown when its time has come."""
        if not brings_only_numbers(self._waiting or self._shown, state):
            self._now(state)
            return
        left = self._numbers_at + NUMBERS_EVERY_SEC - time.monotonic()
        if left <= 0 and self._timer is None:
            self._numbers_at = time.monotonic()
            self._now(state)
            return
        self._waiting = state
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(max(0.0, left), self._due)

    def again(self) -> None:
        """What is shown, once more: something beside the show has changed. What waits goes on waiting."""
        self._publish(self._shown)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _due(self) -> None:
        self._timer = None
        if self._waiting is not None:
            self._numbers_at = time.monotonic()
            self._now(self._waiting)

    def _now(self, state: ShowState) -> None:
        self._shown, self._waiting = state, None
        self._publish(state)


def brings_only_numbers(old: ShowState, new: ShowState) -> bool:
    """A health sample in which no part has changed its state; nothing else has happened."""
    if old.sample is None or new.sample is None or _states(old.sample) != _states(new.sample):
        return False
    return replace(old, seq=new.seq, sample=new.sample, history=new.history) == new


def _states(sample: Sample) -> list[tuple[str, str]]:
    return [(node.id, node.health) for node in sample.nodes]
