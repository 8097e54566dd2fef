"""Whether PD's word on a store is its own knowledge: it forgets the heartbeats when its leader changes. Pure, but for
its memory.

A new leader of PD knows only the heartbeats that were kept on disk, one in five minutes: it calls every store
Disconnected until the next one comes. And a store that has just registered is Down until its first.
"""

from collections.abc import Mapping

WATCHED_SEC = 20.0
"""A leader of PD that has led for so long without a heartbeat of a store knows that there was none."""


class Heartbeats:
    """PD's times are compared with PD's own only: its clock need not be ours."""

    def __init__(self) -> None:
        self._leader = ""
        self._led_from: float | None = None
        self._last: dict[str, int] = {}
        self._before: dict[str, int] = {}
        """The last of each that an earlier leader of PD had."""

    def see(self, leader: str, last: Mapping[str, int | None], now: float) -> frozenset[str]:
        """Those of which this leader of PD has had a heartbeat, or should have. `last`: store → PD's time of it."""
        told = {name: at for name, at in last.items() if at}
        has_forgotten = any(at < self._last.get(name, 0) for name, at in told.items())
        if has_forgotten or (leader and self._leader not in ("", leader)):
            self._before = {name: max(at, self._before.get(name, 0)) for name, at in self._last.items()}
            self._led_from = now
            self._last = {}
        self._leader = leader or self._leader
        self._last |= told
        has_watched = self._led_from is None or now - self._led_from >= WATCHED_SEC
        return frozenset(name for name, at in told.items() if has_watched or at > self._before.get(name, 0))
