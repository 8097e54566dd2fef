"""Whether PD's state of a store is based on heartbeats: a new leader of PD has forgotten them. No I/O, only memory.

A new leader of PD knows only the heartbeats that were stored on disk, one in five minutes: it reports every store as
Disconnected until the next one arrives. And a new store is Down until its first one.
"""

from collections.abc import Mapping

WATCHED_SEC = 20.0
"""Once PD's leader has led for so long, a missing heartbeat is real."""


class Heartbeats:
    """Compares PD's times with PD's own only, because its clock may differ from ours."""

    def __init__(self) -> None:
        self._leader = ""
        self._led_from: float | None = None
        self._last: dict[str, int] = {}
        self._last_of_earlier_leader: dict[str, int] = {}
        """Store → the last heartbeat that an earlier leader of PD had received."""

    def update(self, leader: str, last: Mapping[str, int | None], now: float) -> frozenset[str]:
        """Return the stores whose state PD's leader really knows. `last`: store → PD's time of its last heartbeat."""
        heartbeats = {name: at for name, at in last.items() if at}
        # Times that go back prove that PD's leader is a new or a restarted one, even under the same name.
        has_forgotten = any(at < self._last.get(name, 0) for name, at in heartbeats.items())
        if has_forgotten or (leader and self._leader not in ("", leader)):
            self._last_of_earlier_leader = {
                name: max(at, self._last_of_earlier_leader.get(name, 0)) for name, at in self._last.items()
            }
            self._led_from = now
            self._last = {}
        self._leader = leader or self._leader
        self._last |= heartbeats
        has_watched = self._led_from is None or now - self._led_from >= WATCHED_SEC
        return frozenset(
            name for name, at in heartbeats.items() if has_watched or at > self._last_of_earlier_leader.get(name, 0)
        )
