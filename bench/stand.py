"""A server under test with a crowd before it: its state, its cost, and whether everyone stands on the newest state."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from bench.crowd import Crowd, Status, Window
from bench.procs import cost
from bench.verdict import Check

ROUND_LIMIT_MS = 15_000
AGREED_LIMIT_SEC = 10.0

State = dict[str, Any]


@dataclass(frozen=True)
class Stand:
    """`streams` listeners, `slow` of them with small buffers; a round `hz` times a second."""

    crowd: Crowd
    pid: int
    url: str
    streams: int
    slow: int
    hz: float
    tick: Callable[[], object] = lambda: None
    """Called about once a second, so that what the server prints is read."""

    def state(self) -> State:
        told: State = httpx.get(f"{self.url}/state", timeout=30).raise_for_status().json()
        return told

    def rss_kb(self) -> float:
        return cost(self.pid, with_children=False).rss_kb

    def files(self) -> int:
        return cost(self.pid, with_children=False).files

    def wait(self, seconds: float, look: Callable[[], object] = lambda: None, every: float = 1.0) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(every, left))
            self.tick()
            look()

    def play(self, seconds: float, hz: float, look: Callable[[], object] = lambda: None, every: float = 1.0) -> None:
        """Rounds for so long, and a moment for the last one to arrive."""
        self.crowd.play(hz)
        self.wait(seconds, look, every)
        self.crowd.play(0)
        self.crowd.until(lambda status: not status.pending and not status.behind, ROUND_LIMIT_MS / 1000)

    def newest(self, phase: str) -> Check:
        """A last round; then every listener must have seen it and hold the id of the newest state.

        The id of a listener that got everything is that of the last state that changed its view. In a quiet show
        that is the round itself, so it is the very number that `/state` has. Where health samples go on, it moves:
        then all must hold one and the same id at one moment, none beyond `/state`.
        """
        self.crowd.rounds(1, 0, ROUND_LIMIT_MS)
        end = time.monotonic() + AGREED_LIMIT_SEC
        while True:
            before, status, after = self.state(), self.crowd.status(), self.state()
            good = _agreed(status, before, after, self.streams)
            if good or time.monotonic() > end:
                break
            time.sleep(0.05)
        measured = (
            f"{status.marked:,} of {self.streams:,} have the last round, {status.at_newest:,} hold "
            f"{status.epoch}-{status.newest}; the state is {after['epoch']}-{after['seq']}"
        )
        return Check(phase, "everyone ends on the newest state", measured, "all of them", good)


def _agreed(status: Status, before: State, after: State, streams: int) -> bool:
    whole = status.live == status.marked == status.at_newest == streams and status.stalled == 0
    if not whole or status.epochs != 1 or status.epoch != after["epoch"]:
        return False
    seq = int(after["seq"])
    quiet = before["seq"] == seq == status.said_seq
    return status.newest == seq if quiet else status.newest <= seq


def whole(phase: str, seen: Window) -> list[Check]:
    """Nothing was lost on the way: no round, no connection, no step back."""
    rounds = f"{seen.gap_rounds:,} rounds lost by {seen.gaps:,} listeners; {seen.caught_up:,} skipped and caught up"
    lines = f"{seen.lost:,} torn, {seen.refused:,} refused, {seen.ended:,} ended in order and opened again"
    return [
        Check(phase, "no gap", rounds, "0 lost", seen.gaps == 0),
        Check(phase, "no step back", f"{seen.back:,} ids were older than the one before", "0", seen.back == 0),
        Check(phase, "connections", lines, "0 torn or refused", seen.lost == seen.refused == 0),
    ]
