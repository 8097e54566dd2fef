"""How often listeners are updated: at once when something happens, otherwise as often as anybody reads numbers."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import fields
from operator import attrgetter

from demo.show import ShowState
from demo.show.health_sample import Sample

# Each message costs every phone in the room data and battery; nobody reads a number that changes more often.
NUMBERS_EVERY_SEC = 0.25
CALM_EVERY_SEC = 0.9
"""The same while nothing is broken, aimed at or voted on: then numbers that flicker only draw the eye away."""

NUMBERS = frozenset({"seq", "sample", "history", "ballots"})
"""The fields of a state that may change without anything having happened."""

# All others are compared, so that a field that is added to the state later counts as news by itself.
_READ_ALL_BUT_NUMBERS = attrgetter(*(field.name for field in fields(ShowState) if field.name not in NUMBERS))


class UpdateRate:
    """Passes states on to `publish`, and coalesces those that differ in numbers only. For the event loop's thread."""

    def __init__(self, publish: Callable[[ShowState], None], state: ShowState) -> None:
        self._publish = publish
        self._published = state
        self._waiting: ShowState | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._numbers_at = 0.0

    def publish(self, state: ShowState) -> None:
        """Publish a new state at once; where it brings only new numbers, at most every `NUMBERS_EVERY_SEC`,
        in a calm show every `CALM_EVERY_SEC`.

        A state that waits is replaced by a newer one.
        """
        if not brings_only_numbers(self._waiting or self._published, state):
            self._publish_now(state)
        else:
            self._publish_as_number(state, CALM_EVERY_SEC if is_calm(state) else NUMBERS_EVERY_SEC)

    def _publish_as_number(self, state: ShowState, every_sec: float = NUMBERS_EVERY_SEC) -> None:
        left = self._numbers_at + every_sec - time.monotonic()
        if left <= 0 and self._timer is None:
            self._numbers_at = time.monotonic()
            self._publish_now(state)
            return
        self._waiting = state
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(max(0.0, left), self._publish_waiting)

    def publish_soon(self) -> None:
        """Publish the newest state again within the limit for numbers: what is shown beside the state has changed."""
        self._publish_as_number(self._waiting or self._published)

    def republish(self) -> None:
        """Publish the last published state again: something beside the state, as the count of viewers, has changed.

        A state that waits goes on waiting.
        """
        self._publish(self._published)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _publish_waiting(self) -> None:
        self._timer = None
        if self._waiting is not None:
            self._numbers_at = time.monotonic()
            self._publish_now(self._waiting)

    def _publish_now(self, state: ShowState) -> None:
        self._published, self._waiting = state, None
        self.close()  # Nothing waits any more; what comes next may wait less long.
        self._publish(state)


def brings_only_numbers(old: ShowState, new: ShowState) -> bool:
    """Return whether `new` differs from `old` by numbers only: a tally, a sample in which no node's health changed."""
    if _node_health(old.sample) != _node_health(new.sample) or _votes(old) != _votes(new):
        return False
    return bool(_READ_ALL_BUT_NUMBERS(old) == _READ_ALL_BUT_NUMBERS(new))


def is_calm(state: ShowState) -> bool:
    """Return whether nothing happens whose numbers the room follows: no fault, action, countdown or open vote."""
    is_busy = any(fault.is_running or fault.awaits_recovery for fault in state.faults)
    is_busy = is_busy or any(ballot.is_open for ballot in state.ballots) or state.countdown_ends_at is not None
    is_bad = state.sample is not None and state.sample.has_issues
    return not (is_busy or is_bad or state.action.status == "running")


def _node_health(sample: Sample | None) -> list[tuple[str, str]] | None:
    return [(node.id, node.health) for node in sample.nodes] if sample is not None else None


def _votes(state: ShowState) -> list[tuple[object, ...]]:
    """Return the non-numeric fields of each vote: that it was opened, closed, counted for good, settled."""
    return [(ballot.id, ballot.status, ballot.is_final, ballot.measured) for ballot in state.ballots]
