"""PD's account of the cluster: leader, stores and members, from the newest answer of a PD, and when it changed."""

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
"""Shown instead of Down or Disconnected, PD's state of a store before its first heartbeat."""


@dataclass(frozen=True)
class PdStatus:
    """Keyed by the stores' names on the stage. `names`: store id → name; ids are text, as JSON rounds large numbers.

    `leader`: as PD names it, "" while there is none. `regions`, `copies` None: PD does not say.
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
        """Return how many copies are missing, over all regions; 0 while PD does not say."""
        return max(0, wanted * self.regions - self.copies) if self.regions and self.copies is not None else 0


class PdStatusTracker:
    """`reported`: store → the state that PD itself knows of (`word`), and `since` which moment."""

    def __init__(self) -> None:
        self.newest = PdStatus()
        self.reported: dict[str, dict[str, Any]] = {}
        self._names: dict[str, str] = {}
        self._members: dict[str, str] = {}
        self._heartbeats = Heartbeats()

    def update(self, living: Iterable[PdInfo], reached: Collection[str], parts: Topology, now: float) -> PdStatus:
        """Build the status from PD's newest answers, and return it.

        `living`: the PDs that answer; `reached`: the names of those that can be reached from here, alive or not.
        """
        fresh = [pd for pd in living if pd.member.pulse.reading.ok and now - pd.member.pulse.at <= OLD_SEC]
        pulses = sorted((pd.member.pulse for pd in fresh), key=lambda pulse: -pulse.at)
        readings = [(pulse.reading, pulse.at) for pulse in pulses]
        leader = leader_of({pd.name: pd.member.pulse.reading for pd in fresh}, reached)
        stores, at = _newest_part(readings, "stores")
        regions, _ = _newest_part(readings, "regions")
        members, _ = _newest_part(readings, "members")
        for item in members["members"] if members else ():
            self._members = self._members | {item["name"]: str(item["member_id"] or "")}
        known = [(item, store.member.id) for item in stores or () if (store := parts.store_at(item["address"]))]
        self._names |= {str(item["id"]): name for item, name in known}
        last = {name: item["last_heartbeat_ns"] for item, name in known}
        heard_from = self._heartbeats.update(leader, last, now)
        states = {name: item["state"] for item, name in known if item["state"]}
        self._record_states({name: state for name, state in states.items() if state == UP or name in heard_from}, at)
        self.newest = PdStatus(
            leader,
            stores is not None or not any(NOT_BOOTSTRAPPED in troubles(reading) for reading, _ in readings),
            {name: state if state == UP or name in heard_from else NOT_HEARD for name, state in states.items()},
            {name: ident for ident, name in self._names.items()},
            self._names,
            self._members,
            regions,
            {self._names.get(str(item["id"]), str(item["id"])): item["leader_count"] or 0 for item in stores or ()},
            _sum_if_complete([item["region_count"] for item in stores]) if stores is not None else None,
        )
        return self.newest

    def _record_states(self, states: Mapping[str, str], at: float) -> None:
        for name, state in states.items():
            if self.reported.get(name, {}).get("word") != state:
                self.reported = self.reported | {name: {"word": state, "since": at}}


def leader_of(told: Mapping[str, Reading], reached: Collection[str]) -> str:
    """Return PD's leader: the one that most PDs name, if it names itself; else "".

    The others go on naming a dead leader until there is a new one. A leader that cannot be asked from here (not in
    `reached`) is accepted unless the others get no answer from it.
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


def _newest_part(readings: Iterable[tuple[Reading, float]], part: str) -> tuple[Any, float]:
    """Return that part of the newest answer that has it, and when it was asked for."""
    return next(((reading.data[part], at) for reading, at in readings if part in reading.data), (None, 0.0))


def _sum_if_complete(counts: Sequence[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None
