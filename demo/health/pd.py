"""A probe of one PD: itself, its members and leader, and its word of stores and regions."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from demo.health.fetch import Session, fetch, parsed
from demo.health.pd_shapes import Unfit, health, leader, members, regions, stores
from demo.health.reading import Reading

DEADLINE_SEC = 0.4

NO_LEADER = "PD has no leader"
"""An answer, too: the one that gives it lives."""

BASE = "/pd/api/v1"

_PARTS: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "health": ("/health", health),
    "leader": ("/leader", leader),
    "members": ("/members", members),
    "stores": ("/stores", stores),
    "regions": ("/stats/region?start_key=&end_key=", regions),
}


@dataclass(frozen=True)
class PdProbe:
    """Asks for all parts at once, each within the deadline; `url` is without a path.

    The reading's data: `health`, `leader`, `members`, `stores`, `regions`, each only if PD gave it (their keys:
    `demo/health/pd_shapes.py`), and `troubles`: part → words, for the others. Every PD answers `health` by
    itself, perhaps late, for it asks the others; the rest comes from the leader. Without any part, and if there is
    not even one that has no leader, the reading is trouble.
    """

    session: Session
    url: str
    deadline_sec: float = DEADLINE_SEC

    async def look(self) -> Reading:
        found = dict(zip(_PARTS, await asyncio.gather(*map(self.look_at, _PARTS)), strict=True))
        good = {part: reading.data[part] for part, reading in found.items() if reading.ok}
        if not good and all(reading.trouble != NO_LEADER for reading in found.values()):
            return found["health"]
        troubles = {part: reading.trouble for part, reading in found.items() if not reading.ok}
        took_ms = max(reading.took_ms for reading in found.values())
        return Reading({**good, "troubles": troubles}, took_ms=took_ms)

    async def look_at(self, part: str) -> Reading:
        """One part alone, under its name."""
        path, shape = _PARTS[part]
        found = await fetch(self.session, f"{self.url.rstrip('/')}{BASE}{path}", self.deadline_sec)
        if found.trouble:
            return Reading(trouble=found.trouble)
        if found.status == 503:
            return Reading(trouble=NO_LEADER)
        if found.status != 200:
            return Reading(trouble=f"answered with status {found.status}")
        try:
            return Reading({part: shape(parsed(found.body))}, took_ms=found.took_ms)
        except Unfit:
            return Reading(trouble="answered with something else than PD's JSON")
