"""PD's own word: stores, leaders, members, as the newest PD that answers tells it; and when it first said what."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from demo.health.pulse import Pulse
from demo.subjects.cluster.cards import OLD_SEC
from demo.subjects.tikv.parts import Parts


@dataclass(frozen=True)
class PdWord:
    """By the wall's names for the stores. `names`: store id → name; ids are text, for they exceed a double's."""

    leader: str = ""
    stores: Mapping[str, str] = field(default_factory=dict)
    idents: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    members: Mapping[str, str] = field(default_factory=dict)
    regions: int | None = None
    leaders: Mapping[str, int] = field(default_factory=dict)
    copies: int = 0

    def copies_missing(self, wanted: int) -> int:
        """Of all regions together; 0 while PD does not say."""
        return max(0, wanted * self.regions - self.copies) if self.regions else 0


class Words:
    """`spoken`: store → what PD says of it, and `since` when (a moment)."""

    def __init__(self) -> None:
        self.newest = PdWord()
        self.spoken: dict[str, dict[str, Any]] = {}
        self._names: dict[str, str] = {}
        self._members: dict[str, str] = {}

    def see(self, pulses: Iterable[Pulse], parts: Parts, now: float) -> PdWord:
        """`pulses`: of the PDs that answer."""
        fresh = sorted((p for p in pulses if p.reading.ok and now - p.at <= OLD_SEC), key=lambda p: -p.at)
        stores, at = _first(fresh, "stores")
        regions, _ = _first(fresh, "regions")
        leader, _ = _first(fresh, "leader")
        members, _ = _first(fresh, "members")
        for item in members["members"] if members else ():
            self._members = self._members | {item["name"]: str(item["member_id"] or "")}
        known = [(item, store.member.id) for item in stores or () if (store := parts.store_at(item["address"]))]
        self._names |= {str(item["id"]): name for item, name in known}
        said = {name: item["state"] for item, name in known if item["state"]}
        self._speak(said, at)
        self.newest = PdWord(
            leader["name"] if leader else "",
            said,
            {name: ident for ident, name in self._names.items()},
            self._names,
            self._members,
            regions["count"] if regions else None,
            {self._names.get(str(ident), str(ident)): n for ident, n in (regions or {}).get("leaders", {}).items()},
            sum((regions or {}).get("peers", {}).values()),
        )
        return self.newest

    def _speak(self, said: Mapping[str, str], at: float) -> None:
        for name, word in said.items():
            if self.spoken.get(name, {}).get("word") != word:
                self.spoken = self.spoken | {name: {"word": word, "since": at}}


def _first(pulses: Iterable[Pulse], part: str) -> tuple[Any, float]:
    """That part of the newest answer that has it, and when it was asked for."""
    return next(((p.reading.data[part], p.at) for p in pulses if part in p.reading.data), (None, 0.0))
