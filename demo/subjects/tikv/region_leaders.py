"""Which store leads the regions of the story, and since when: as the client met them. Pure, but for its memory."""

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from demo.clock import CLOCK

SILENT_SEC = 1.0
"""A region that has not answered for so long has no leader that anybody knows of."""

MAX_COUNTED = 1000


@dataclass(frozen=True)
class RegionLeader:
    """A region that `store` led, first met `since`, last `at` (moments); store "": nobody yet.

    `holds_load`: the load's keys lie there.
    """

    store: str
    since: float
    at: float
    holds_load: bool = False


@dataclass(frozen=True)
class LeadingStore:
    """`name` None: some region has no leader. `since`: when it came to lead, or was found to lead no more."""

    name: str | None = None
    since: float = 0.0
    previous: str | None = None
    leads: int = 0
    regions: int = 0
    led: Mapping[str, int] = field(default_factory=dict)
    """Every store that leads any of them → how many, while each has a leader."""


def read(told: Mapping[str, Any], names: Mapping[str, str]) -> list[RegionLeader]:
    """From what the client process says; `names`: store id → what the wall calls it."""
    regions, moment = told.get("regions") or (), CLOCK.of_uptime
    return [
        RegionLeader(
            names.get(region["store"], ""), moment(region["since"]), moment(region["at"]), region["holds_load"]
        )
        for region in regions
    ]


def by_pd(leaders: Mapping[str, int], now: float) -> list[RegionLeader]:
    """From PD's count, store → regions, while the client process does not tell; PD does not say since when."""
    return [RegionLeader(store, now, now) for store, count in leaders.items() for _ in range(min(count, MAX_COUNTED))]


def most(regions: Sequence[RegionLeader], dead: Container[str], now: float, held: str | None) -> str | None:
    """Who leads most of them; on equal terms who leads the load's, then `held`. None: one of them has no leader."""
    if not regions or any(not led.store or led.store in dead or now - led.at > SILENT_SEC for led in regions):
        return None
    counts = Counter(led.store for led in regions)
    loaded = {led.store for led in regions if led.holds_load}
    return max(sorted(counts), key=lambda name: (counts[name], name in loaded, name == held))


class LeaderTracker:
    """Remembers who led."""

    def __init__(self) -> None:
        self.now = LeadingStore()

    def see(self, regions: Sequence[RegionLeader], dead: Iterable[str], now: float) -> LeadingStore:
        before = self.now
        held = before.name or before.previous
        gone = frozenset(dead)
        name = most(regions, gone, now, held)
        counts = Counter(led.store for led in regions) if name is not None else Counter[str]()
        led = dict(sorted(counts.items(), key=lambda one: (-one[1], one[0])))
        if name == before.name:
            since, previous = before.since, before.previous
        else:
            since = now if name is None else max(led.since for led in regions)
            previous = before.name or before.previous
        self.now = LeadingStore(name, since, previous, led.get(name or "", 0), len(regions), led)
        return self.now
