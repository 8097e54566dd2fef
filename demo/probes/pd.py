"""A probe of one PD: which leader it names, and, if asked for, what PD knows of the stores and regions."""

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
"""`trouble` of a part of the reading; a PD that answers so is alive."""

NONSENSE = "answered with"
"""The first words of `trouble` where something answers that is not understood."""

BASE = "/pd/api/v1"
LOCALLY: Mapping[str, str] = {"PD-Allow-follower-handle": "true"}
"""Without this header a follower forwards each request to its leader: if that is dead, it refuses or hangs."""

_PARTS: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "leader": ("/leader", leader),
    "members": ("/members", members),
    "stores": ("/stores", stores),
    "regions": ("/regions/count", count),
}

_CLUSTER_PARTS = ("members", "stores", "regions")
"""What the leader is asked about the cluster. Each costs PD next to nothing, whatever the number of regions. Never ask
for `/stats/region`, whose count may keep PD busy for ever, or `/regions`, whose length has no bound."""


@dataclass(frozen=True)
class PdProbe:
    """Asks a PD which leader it names, which each PD answers by itself; then the rest, if `asks_word(leader)` says so.

    `url` is without a path. The reading's data: `leader`, `members`, `stores`, `regions`, each only if PD gave it
    (their keys: `demo/probes/pd_parsing.py`), and `troubles`: part → reason, for the others. The reading has `trouble`
    when no PD answered there.
    """

    session: Session
    url: str
    timeout_sec: float = TIMEOUT_SEC
    asks_word: Callable[[str], bool] = lambda named: True

    async def read(self) -> Reading:
        """Ask for everything; takes at most twice the timeout."""
        named, answers_ping = await asyncio.gather(self._fetch_leader(), self._answers_ping())
        # Without a leader PD has none to name, and `/leader` may hang: the answer to `/ping` proves that it is alive.
        if not named.ok and not (answers_ping and named.trouble in (NO_LEADER, self._timeout_text())):
            return named
        readings = {"leader": named}
        if self.asks_word(named.data["leader"]["name"] if named.ok else ""):
            readings |= dict(
                zip(_CLUSTER_PARTS, await asyncio.gather(*map(self.read_part, _CLUSTER_PARTS)), strict=True)
            )
        good = {part: reading.data[part] for part, reading in readings.items() if reading.ok}
        troubles = {part: reading.trouble for part, reading in readings.items() if not reading.ok}
        return Reading({**good, "troubles": troubles}, took_ms=named.took_ms)

    async def read_part(self, part: str) -> Reading:
        """Ask for one part alone; the data has it under its name. It comes from the leader, whichever PD is asked."""
        path, shape = _PARTS[part]
        return _parse(part, await self._fetch(path), shape)

    async def _fetch_leader(self) -> Reading:
        response = await self._fetch("/leader", LOCALLY)
        if response.status == 200 and response.body.strip() == b"null":
            return Reading(trouble=NO_LEADER)
        return _parse("leader", response, leader)

    async def _answers_ping(self) -> bool:
        response = await self._fetch("/ping", LOCALLY)
        return not response.trouble and response.status == 200

    async def _fetch(self, path: str, headers: Mapping[str, str] | None = None) -> Fetched:
        return await fetch(self.session, f"{self.url.rstrip('/')}{BASE}{path}", self.timeout_sec, headers)

    def _timeout_text(self) -> str:
        return f"no answer in {self.timeout_sec * 1000:.0f} ms"


def _parse(part: str, response: Fetched, shape: Callable[[Any], Any]) -> Reading:
    if response.trouble:
        return Reading(trouble=response.trouble)
    # What PD would forward to its leader fails so while there is none.
    if response.status == 503 or (response.status == 500 and b"ErrRedirect]" in response.body):
        return Reading(trouble=NO_LEADER)
    if response.status == 500 and b"ErrNotBootstrapped]" in response.body:
        return Reading(trouble=NOT_BOOTSTRAPPED)
    if response.status != 200:
        return Reading(trouble=f"{NONSENSE} status {response.status}")
    try:
        return Reading({part: shape(parsed(response.body))}, took_ms=response.took_ms)
    except Unfit:
        return Reading(trouble=f"{NONSENSE} unexpected JSON, not PD's")
