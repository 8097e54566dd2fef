"""The sentence on each hypothesis, made from what was measured. No I/O."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from demo.show.durations import in_tenths
from demo.subjects.ratelimiter.limits import EXACT_KEY, NAIVE_KEY
from demo.types import Measured

Judged = tuple[bool | None, str]
"""Whether the hypothesis held (None: no effect was seen, or it could not be measured), and why."""

REPAIRED_SEC = 5.0


@dataclass(frozen=True, slots=True)
class Requests:
    """How many requests ended while a fault was watched, and how many of them failed."""

    ended: int
    failed: int

    @classmethod
    def between(cls, before: Mapping[str, int], after: Mapping[str, int]) -> "Requests | None":
        """Return the difference of two totals; None when the traffic did not answer, or was restarted in between."""
        outcomes = ("ok", "limited", "failed")
        if not all(name in totals for totals in (before, after) for name in outcomes):
            return None
        counts = {name: after[name] - before[name] for name in outcomes}
        return None if min(counts.values()) < 0 else cls(sum(counts.values()), counts["failed"])

    def __str__(self) -> str:
        return f"{self.failed or 'none'} of {self.ended} requests failed"


def of_kill(measured: Measured, requests: Requests | None) -> Judged:
    if requests is None:
        return None, "Not measurable: the traffic process was down as well."
    if measured.detected_after_sec is None:
        if requests.failed:
            return False, f"{_capitalize(str(requests))}, though the node was never seen down."
        return None, "No effect seen: the node was never seen down."
    failures, seen = f"{_capitalize(str(requests))}.", f"Detected in {in_tenths(measured.detected_after_sec)}."
    if measured.came_back_after_sec is not None:
        back = f"The node came back by itself after {measured.came_back_after_sec:.1f} s: no repair to measure."
        return None, f"{back} {failures} {seen}"
    recovered_sec = measured.recovered_after_sec
    is_in_time = recovered_sec is not None and recovered_sec <= REPAIRED_SEC
    if recovered_sec is None:
        back = "Not all parts came back."
    elif is_in_time:
        back = f"All up {in_tenths(recovered_sec)} after the repair began."
    else:
        back = f"All up only {in_tenths(recovered_sec)} after the repair began, later than {REPAIRED_SEC:g} s."
    # The clause that refutes comes first: the stage shows its number large.
    clauses = (back, failures) if requests.failed == 0 and not is_in_time else (failures, back)
    return requests.failed == 0 and is_in_time, " ".join((*clauses, seen))


def of_burst(keys: Iterable[Mapping[str, Any]]) -> Judged:
    """Return the verdict on the burst; `keys`: what each key let through since it began."""
    found = {key.get("key"): key for key in keys}
    naive, exact = (found.get(name, {}) for name in (NAIVE_KEY, EXACT_KEY))
    ghosts, broken, limit = naive.get("ghosts"), exact.get("ghosts"), exact.get("limit")
    if ghosts is None or broken is None or limit is None:
        return None, "Not measurable: the backend did not report what got through."
    # What nodes admit without Redis says nothing about the algorithm that counts on it. An admission occupies its
    # window, so what they admitted alone within one window before the burst counts as well.
    unknown = _sum_of("drift_in_windows", (naive, exact))
    if unknown is None:
        return None, "Not measurable: Redis did not report what it counted."
    if unknown != 0:
        return None, f"Not measurable: nodes counted alone meanwhile ({unknown} requests Redis does not know of)."
    if broken > 0:
        return False, f"One step let {limit + broken} through, {broken} more than the limit of {limit}."
    if ghosts == 0:
        return None, f"No effect seen: neither way let more than {limit} through this time."
    return True, f"Read, then write: {limit + ghosts} of {limit}, so {ghosts} ghosts. In one step: no ghost."


def of_pause(keys: Iterable[Mapping[str, Any]], requests: Requests | None) -> Judged:
    """Return the verdict on the pause; `keys`: what each key let through since it began."""
    if requests is None:
        return None, "Not measurable: the traffic process was down as well."
    drift = _sum_of("drift", tuple(keys))
    if drift is None and requests.failed == 0:
        return None, f"Not measurable: {requests}, but what Redis missed is not known."
    if drift is None:
        return False, f"{_capitalize(str(requests))}. What Redis missed is not known."
    if drift == 0 and requests.failed == 0:
        return None, f"No effect seen: {requests}, and Redis missed nothing."
    return requests.failed == 0, f"{_capitalize(str(requests))}. Redis does not know of {drift} that got through."


def why_not_comparable(before: Mapping[str, object], after: Mapping[str, object]) -> Judged | None:
    """Return why two accounts cannot be compared: a process that counts was restarted, or did not answer. Else None.

    The processes are compared by `Account.lives`. A Redis that does not answer is no reason here: then the drift is
    None.
    """
    for part, name in (("traffic", "the traffic"), ("backend", "the backend"), ("redis", "Redis")):
        first, last = before.get(part), after.get(part)
        if first is not None and last is not None and first != last:
            return None, f"Not measurable: {name} was restarted meanwhile."
        if part != "redis" and (first is None or last is None):
            return None, f"Not measurable: {name} did not answer."
    return None


def _sum_of(name: str, keys: Sequence[Mapping[str, Any]]) -> int | None:
    """Return the sum over all keys; None when there are none, or when it is unknown for one."""
    values = [key.get(name) for key in keys]
    known = [int(value) for value in values if value is not None]
    return sum(known) if known and len(known) == len(values) else None


def _capitalize(text: str) -> str:
    return text[:1].upper() + text[1:]
