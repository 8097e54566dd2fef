"""Which store leads the sampled regions, and since when, according to the client. No I/O, only the memory of that."""

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from demo.clock import CLOCK

SILENT_SEC = 1.0
"""A region that has not answered for so long counts as having no leader."""

MAX_COUNTED = 1000


@dataclass(frozen=True)
class RegionLeader:
    """A region led by `store`, which first answered at `since` and last at `at` (moments); store "": none yet.

    `holds_load`: the load's keys are in this region.
    """

    store: str
    since: float
    at: float
    holds_load: bool = False


@dataclass(frozen=True)
class LeadingStore:
    """The store that leads most regions. `name` None: some region has no leader.

    `since`: when it became that, or when a leader was first found missing. `leads` of `regions` are its own.
    """

    name: str | None = None
    since: float = 0.0
    previous: str | None = None
    leads: int = 0
    regions: int = 0
    led: Mapping[str, int] = field(default_factory=dict)
    """Store → number of regions that it leads; empty while a region has no leader."""


def read(told: Mapping[str, Any], names: Mapping[str, str]) -> list[RegionLeader]:
    """Parse what the client process reports; `names`: store id → its name on the stage."""
    regions, moment = told.get("regions") or (), CLOCK.of_uptime
    return [
        RegionLeader(
            names.get(region["store"], ""), moment(region["since"]), moment(region["at"]), region["holds_load"]
        )
        for region in regions
    ]


def by_pd(leaders: Mapping[str, int], now: float) -> list[RegionLeader]:
    """Derive it from PD's counts, store → regions, while the client does not answer; PD does not say since when."""
    return [RegionLeader(store, now, now) for store, count in leaders.items() for _ in range(min(count, MAX_COUNTED))]


def most(regions: Sequence[RegionLeader], dead: Container[str], now: float, held: str | None) -> str | None:
    """Return the store that leads most regions; None if one of them has no leader.

    Of equals, the one that leads the load's region is returned, then `held`, which led before.
    """
    if not regions or any(not led.store or led.store in dead or now - led.at > SILENT_SEC for led in regions):
        return None
    counts = Counter(led.store for led in regions)
    loaded = {led.store for led in regions if led.holds_load}
    # Sorted, so that equals are always decided alike.
    return max(sorted(counts), key=lambda name: (counts[name], name in loaded, name == held))


class LeaderTracker:
    """Remembers which store led, and since when."""

    def __init__(self) -> None:
        self.now = LeadingStore()

    def update(self, regions: Sequence[RegionLeader], dead: Iterable[str], now: float) -> LeadingStore:
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
