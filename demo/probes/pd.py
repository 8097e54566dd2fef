"""A probe of one PD: whom it names as leader, and, where it is asked for that, PD's word of stores and regions."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from demo.probes.http_fetch import Fetched, Session, fetch, parsed
from demo.probes.pd_parsing import Unfit, count, leader, members, stores
from demo.probes.result import Reading

TIMEOUT_SEC = 0.4

NO_LEADER = "PD has no leader"
NOT_BOOTSTRAPPED = "no store has joined yet"
"""Troubles of a part: the PD that answers so lives."""

NONSENSE = "answered with"
"""How troubles begin of one that listens and is not understood."""

BASE = "/pd/api/v1"
LOCALLY: Mapping[str, str] = {"PD-Allow-follower-handle": "true"}
"""Without it a follower sends everything on to its leader: while that is dead it refuses, or hangs with it."""

_PARTS: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "leader": ("/leader", leader),
    "members": ("/members", members),
    "stores": ("/stores", stores),
    "regions": ("/regions/count", count),
}

_WORD = ("members", "stores", "regions")
"""What the leader tells of the cluster. Each costs PD next to nothing, however many regions there are; what it has to
count for (`/stats/region`) may keep it busy for ever, and what lists regions (`/regions`) has no end: never here."""


@dataclass(frozen=True)
class PdProbe:
    """Asks whom it names as leader, which each PD answers by itself; then the rest, if `asks_word` of it says so.

    `url` is without a path. The reading's data: `leader`, `members`, `stores`, `regions`, each only if PD gave it
    (their keys: `demo/probes/pd_parsing.py`), and `troubles`: part → words, for the others. The reading is trouble
    when nothing of a PD's answered.
    """

    session: Session
    url: str
    deadline_sec: float = TIMEOUT_SEC
    asks_word: Callable[[str], bool] = lambda named: True

    async def look(self) -> Reading:
        """Within two deadlines."""
        named, lives = await asyncio.gather(self._named(), self._lives())
        if not named.ok and not (lives and named.trouble in (NO_LEADER, self._late())):
            return named
        found = {"leader": named}
        if self.asks_word(named.data["leader"]["name"] if named.ok else ""):
            found |= dict(zip(_WORD, await asyncio.gather(*map(self.look_at, _WORD)), strict=True))
        good = {part: reading.data[part] for part, reading in found.items() if reading.ok}
        troubles = {part: reading.trouble for part, reading in found.items() if not reading.ok}
        return Reading({**good, "troubles": troubles}, took_ms=named.took_ms)

    async def look_at(self, part: str) -> Reading:
        """One part alone, under its name; from the leader, whichever PD is asked."""
        path, shape = _PARTS[part]
        return _read(part, await self._fetch(path), shape)

    async def _named(self) -> Reading:
        found = await self._fetch("/leader", LOCALLY)
        if found.status == 200 and found.body.strip() == b"null":
            return Reading(trouble=NO_LEADER)
        return _read("leader", found, leader)

    async def _lives(self) -> bool:
        found = await self._fetch("/ping", LOCALLY)
        return not found.trouble and found.status == 200

    async def _fetch(self, path: str, headers: Mapping[str, str] | None = None) -> Fetched:
        return await fetch(self.session, f"{self.url.rstrip('/')}{BASE}{path}", self.deadline_sec, headers)

    def _late(self) -> str:
        return f"no answer in {self.deadline_sec * 1000:.0f} ms"


def _read(part: str, found: Fetched, shape: Callable[[Any], Any]) -> Reading:
    if found.trouble:
        return Reading(trouble=found.trouble)
    if found.status == 503 or (found.status == 500 and b"ErrRedirect]" in found.body):
        return Reading(trouble=NO_LEADER)
    if found.status == 500 and b"ErrNotBootstrapped]" in found.body:
        return Reading(trouble=NOT_BOOTSTRAPPED)
    if found.status != 200:
        return Reading(trouble=f"{NONSENSE} status {found.status}")
    try:
        return Reading({part: shape(parsed(found.body))}, took_ms=found.took_ms)
    except Unfit:
        return Reading(trouble=f"{NONSENSE} something else than PD's JSON")
