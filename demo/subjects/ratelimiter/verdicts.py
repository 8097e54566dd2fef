"""What to say of each hypothesis, from what was measured. Pure: numbers in, an honest sentence out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from demo.subjects.ratelimiter.limits import EXACT_KEY, NAIVE_KEY
from demo.types import Measured

Verdict = tuple[bool | None, str]
"""Held, did not, or (None) no effect was seen; and why."""

REPAIRED_SEC = 5.0


@dataclass(frozen=True, slots=True)
class Requests:
    """How many requests ended while a fault was watched, and how many of them in vain."""

    ended: int
    failed: int

    @classmethod
    def between(cls, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> "Requests | None":
        """From two health samples; None when the traffic was silent, or started anew in between."""
        first, last = ((health or {}).get("totals") or {} for health in (before, after))
        outcomes = ("ok", "limited", "failed")
        if not all(name in totals for totals in (first, last) for name in outcomes):
            return None
        counts = {name: int(last[name] - first[name]) for name in outcomes}
        return None if min(counts.values()) < 0 else cls(sum(counts.values()), counts["failed"])

    def __str__(self) -> str:
        return f"{self.failed or 'none'} of {self.ended} requests failed"


def of_kill(measured: Measured, requests: Requests | None) -> Verdict:
    if measured.detected_after_sec is None:
        return None, "No effect seen: the node was never seen down."
    if requests is None:
        return None, "Not measurable: the traffic was gone as well."
    seen = f"{_first_up(str(requests))}. Seen down after {measured.detected_after_sec:.1f} s"
    if measured.recovered_after_sec is None:
        return False, f"{seen}, and not all parts came back."
    took = f"{seen}, all up {measured.recovered_after_sec:.1f} s after the repair began."
    return requests.failed == 0 and measured.recovered_after_sec <= REPAIRED_SEC, took


def of_burst(counters: Iterable[Mapping[str, Any]], since: float) -> Verdict:
    """`since`: ghosts older than this are of another burst."""
    found = {counter.get("key"): counter for counter in counters}
    naive, exact = (_ghosts(found.get(key), since) for key in (NAIVE_KEY, EXACT_KEY))
    if naive is None or exact is None:
        return None, "Not measurable: the backend could not tell what got through."
    limit = int(found[NAIVE_KEY].get("limit") or 0)
    if exact > 0:
        return False, f"One step let {limit + exact} through, {exact} more than the limit of {limit}."
    if naive == 0:
        return None, f"No effect seen: neither way let more than {limit} through this time."
    return True, f"Read, then write: {limit + naive} of {limit}, so {naive} ghosts. In one step: no ghost."


def of_pause(counters: Iterable[Mapping[str, Any]], since: float, requests: Requests | None) -> Verdict:
    drifts = [counter.get("drift") for counter in counters if (counter.get("drift_at") or 0) >= since]
    drift = int(sum(value for value in drifts if value))
    if requests is None:
        return None, "Not measurable: the traffic was gone as well."
    if drift == 0:
        return None, f"No effect seen: {requests}, and Redis missed nothing."
    return requests.failed == 0, f"{_first_up(str(requests))}. Redis does not know of {drift} that got through."


def _ghosts(counter: Mapping[str, Any] | None, since: float) -> int | None:
    if counter is None or counter.get("ghosts") is None:
        return None
    return int(counter["ghosts"]) if (counter.get("ghosts_at") or 0) >= since else 0


def _first_up(text: str) -> str:
    return text[:1].upper() + text[1:]
