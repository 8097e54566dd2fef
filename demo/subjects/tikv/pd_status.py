"""PD's own word: its leader, stores and members, as the newest PD that tells; and when it first said what."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from demo.probes.pd import NOT_BOOTSTRAPPED
from demo.probes.result import Reading
from demo.subjects.cluster.cards import OLD_SEC
from demo.subjects.tikv.heartbeats import Heartbeats
from demo.subjects.tikv.topology import PdInfo, Topology

UP = "Up"
NOT_HEARD = "no heartbeat yet"
"""Instead of the Down or Disconnected that PD says of a store before it has heard of it."""


@dataclass(frozen=True)
class PdStatus:
    """By the wall's names for the stores. `names`: store id → name; ids are text, for they exceed a double's.

    `leader`: by PD's name for it, "" while there is none. `regions`, `copies` None: PD does not say.
    """

    leader: str = ""
    is_bootstrapped: bool = True
    stores: Mapping[str, str] = field(default_factory=dict)
    idents: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    members: Mapping[str, str] = field(default_factory=dict)
    regions: int | None = None
    leaders: Mapping[str, int] = field(default_factory=dict)
    copies: int | None = None

    def copies_missing(self, wanted: int) -> int:
        """Of all regions together; 0 while PD does not say."""
        return max(0, wanted * self.regions - self.copies) if self.regions and self.copies is not None else 0


class PdStatusTracker:
    """`spoken`: store → what PD says of it and knows, and `since` when (a moment)."""

    def __init__(self) -> None:
        self.newest = PdStatus()
        self.spoken: dict[str, dict[str, Any]] = {}
        self._names: dict[str, str] = {}
        self._members: dict[str, str] = {}
        self._heartbeats = Heartbeats()

    def see(self, living: Iterable[PdInfo], reached: Collection[str], parts: Topology, now: float) -> PdStatus:
        """`living`: the PDs that answer; `reached`: by PD's names, those that would, if they lived."""
        fresh = [pd for pd in living if pd.member.pulse.reading.ok and now - pd.member.pulse.at <= OLD_SEC]
        pulses = sorted((pd.member.pulse for pd in fresh), key=lambda pulse: -pulse.at)
        readings = [(pulse.reading, pulse.at) for pulse in pulses]
        leader = leader_of({pd.name: pd.member.pulse.reading for pd in fresh}, reached)
        stores, at = _first(readings, "stores")
        regions, _ = _first(readings, "regions")
        members, _ = _first(readings, "members")
        for item in members["members"] if members else ():
            self._members = self._members | {item["name"]: str(item["member_id"] or "")}
        known = [(item, store.member.id) for item in stores or () if (store := parts.store_at(item["address"]))]
        self._names |= {str(item["id"]): name for item, name in known}
        last = {name: item["last_heartbeat_ns"] for item, name in known}
        heard = self._heartbeats.see(leader, last, now)
        said = {name: item["state"] for item, name in known if item["state"]}
        self._speak({name: word for name, word in said.items() if word == UP or name in heard}, at)
        self.newest = PdStatus(
            leader,
            stores is not None or not any(NOT_BOOTSTRAPPED in troubles(reading) for reading, _ in readings),
            {name: word if word == UP or name in heard else NOT_HEARD for name, word in said.items()},
            {name: ident for ident, name in self._names.items()},
            self._names,
            self._members,
            regions,
            {self._names.get(str(item["id"]), str(item["id"])): item["leader_count"] or 0 for item in stores or ()},
            _sum([item["region_count"] for item in stores]) if stores is not None else None,
        )
        return self.newest

    def _speak(self, said: Mapping[str, str], at: float) -> None:
        for name, word in said.items():
            if self.spoken.get(name, {}).get("word") != word:
                self.spoken = self.spoken | {name: {"word": word, "since": at}}


def leader_of(told: Mapping[str, Reading], reached: Collection[str]) -> str:
    """Who leads PD: whom most of those that answer name, if that one says so itself; "": nobody.

    The others name a dead leader until there is a new one. One that cannot be asked (not `reached`) is believed to
    lead unless the others get no answer from it.
    """
    named = {name: reading.data["leader"]["name"] for name, reading in told.items() if "leader" in reading.data}
    if not named:
        return ""
    counts = Counter(named.values())
    chosen = max(sorted(counts), key=lambda name: (counts[name], named.get(name) == name))
    if chosen in named or chosen in reached:
        return chosen if named.get(chosen) == chosen else ""
    refused = any("stores" in reading.data["troubles"] for reading in told.values())
    return "" if refused and not any("stores" in reading.data for reading in told.values()) else chosen


def troubles(reading: Reading) -> Sequence[str]:
    return tuple((reading.data.get("troubles") or {}).values())


def _first(readings: Iterable[tuple[Reading, float]], part: str) -> tuple[Any, float]:
    """That part of the newest answer that has it, and when it was asked for."""
    return next(((reading.data[part], at) for reading, at in readings if part in reading.data), (None, 0.0))


def _sum(counts: Sequence[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None
