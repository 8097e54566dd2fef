"""What the limiter really let through, computed from timestamps alone. No I/O; all times in whole microseconds.

The backend sees each admission later than it was decided, by a delay that varies by ε. A limiter that is exact by its
own clock admits at most `limit` arrivals in any window shorter by ε: arrivals in (x, x + W − ε] were decided in
(x − max delay, x + W − ε − min delay], which has length W. So whatever exceeds the limit in such a window is a real
over-admission, and never an effect of the delay.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from demo.subjects.ratelimiter.limits import RateLimit

SPAN_US = 30_000_000
"""Ghosts and drift are measured over the last 30 s."""

NOW_US = 1_000_000
"""`admitted` is the maximum of all true windows that ended within this last second."""

SETTLE_US = 250_000
"""The newest admissions may still be on their way to Redis: drift leaves them out."""


@dataclass(slots=True)
class Arrival:
    """One admission: when the backend saw it, when it was decided, and whether Redis holds its id."""

    at: int
    decided: int
    id: str
    held: bool = False


@dataclass(frozen=True, slots=True)
class Ghosts:
    """`worst`: the maximum of all true windows that ended in the span; `ghosts`: how far it exceeds the limit.

    `ghosts_at`: the end of the newest window over the limit; `spread`: ε. None where ε leaves no window.
    """

    admitted: int | None
    worst: int | None
    ghosts: int | None
    ghosts_at: int | None
    spread: int


@dataclass(frozen=True, slots=True)
class Drift:
    """Of `admitted` in the span, Redis holds `counted`; `drift_at` is the newest one that it does not hold."""

    admitted: int
    counted: int
    drift_at: int | None

    @property
    def drift(self) -> int:
        return self.admitted - self.counted


@dataclass(frozen=True, slots=True)
class ObservedArrivals:
    """Since when the arrivals are known completely; None: from the beginning, as there were none before."""

    since: int | None = None

    def whole(self, start: int) -> bool:
        """Return whether everything is known that arrived from `start` on."""
        return self.since is None or self.since <= start

    def found(self, count: int | None, start: int) -> int | None:
        """Return the count, unless it is 0 and the time since `start` was not observed completely; then None.

        What was found is real even if little was observed; that there was nothing takes having observed everything.
        """
        return count if count or self.whole(start) else None


def find_ghosts(arrivals: Sequence[Arrival], limit: int, window: int, now: int) -> Ghosts:
    """Measure over-admissions; `arrivals` sorted by `at`. Those before the span and its first window are ignored."""
    seen = [a for a in arrivals if now - SPAN_US - window < a.at <= now]
    spread = spread_of(seen)
    width = window - spread
    if width <= 0:
        return Ghosts(None, None, None, None, spread)
    worst, current, ghosts_at = 0, sum(a.at > now - width for a in seen), None
    for at, count in window_counts(seen, width):
        if at < now - SPAN_US:
            continue
        worst = max(worst, count)
        if count > limit:
            ghosts_at = at
        if at >= now - NOW_US:
            current = max(current, count)
    return Ghosts(current, worst, max(0, worst - limit), ghosts_at, spread)


def ghosts_of_run(arrivals: Sequence[Arrival], limit: int, window: int, since: int, now: int) -> int | None:
    """Return the most over the limit that a run which began at `since` let through; None if ε leaves no window.

    Arrivals before that still occupy their window, but count for at most `limit`: an earlier run's excess does not
    belong to this one. `arrivals` sorted by `at`.
    """
    seen = [a for a in arrivals if since - window < a.at <= now]
    width = window - spread_of(seen)
    if width <= 0:
        return None
    all_counts = [count for at, count in window_counts(seen, width) if at >= since]
    own_counts = [count for _, count in window_counts([a for a in seen if a.at >= since], width)]
    return max([0, *(own + min(count - own, limit) - limit for count, own in zip(all_counts, own_counts, strict=True))])


def spread_of(arrivals: Sequence[Arrival]) -> int:
    """Return ε: how much the delay from decision to backend varies."""
    delays = [a.at - a.decided for a in arrivals]
    return max(delays) - min(delays) if delays else 0


def window_counts(arrivals: Sequence[Arrival], width: int) -> Iterator[tuple[int, int]]:
    """Yield each arrival's time, and how many lie in the half-open window of `width` that ends with it."""
    first = 0
    for index, arrival in enumerate(arrivals):
        while arrivals[first].at <= arrival.at - width:
            first += 1
        yield arrival.at, index - first + 1


def find_drift(arrivals: Sequence[Arrival], now: int, since: int | None = None) -> Drift:
    """Compare with Redis the settled arrivals of the span, or those since a moment."""
    start = now - SPAN_US if since is None else since
    settled = [a for a in arrivals if start <= a.at <= now - SETTLE_US]
    unknown = [a.at for a in settled if not a.held]
    return Drift(len(settled), len(settled) - len(unknown), max(unknown, default=None))


def find_uncounted(arrivals: Sequence[Arrival], window: int, now: int) -> int:
    """Return how many settled arrivals of the window that ends now Redis does not hold: at most what is in a window."""
    start = now - window + spread_of([a for a in arrivals if now - SPAN_US - window < a.at <= now])
    return sum(not a.held for a in arrivals if start < a.at <= now - SETTLE_US)


def truth_of(
    limit: RateLimit, seen: Sequence[Arrival], now: int, observed: ObservedArrivals, *, audited: bool
) -> dict[str, Any]:
    """Return a key's counter for the last 30 s; `audited`: Redis was asked just now. Times in seconds."""
    ghosts, drift = find_ghosts(seen, limit.limit, limit.window_us, now), find_drift(seen, now)
    span = now - SPAN_US
    is_whole, with_window = observed.whole(span), span - limit.window_us
    is_current = observed.whole(now - NOW_US - limit.window_us) and ghosts.admitted is not None
    return {
        "key": limit.key,
        "algorithm": limit.algorithm,
        "limit": limit.limit,
        "window_sec": limit.window_sec,
        "span_sec": SPAN_US / 1_000_000,
        "admitted": ghosts.admitted if is_current else None,
        "uncounted": find_uncounted(seen, limit.window_us, now) if audited and is_current else None,
        "worst": ghosts.worst if observed.whole(with_window) else None,
        "ghosts": observed.found(ghosts.ghosts, with_window),
        "ghosts_uptime": seconds(ghosts.ghosts_at),
        "spread_sec": ghosts.spread / 1_000_000,
        "admitted_30s": drift.admitted if is_whole else None,
        "counted": drift.counted if audited and is_whole else None,
        "drift": observed.found(drift.drift, span) if audited else None,
        "drift_uptime": seconds(drift.drift_at) if audited else None,
    }


def run_of(
    limit: RateLimit, seen: Sequence[Arrival], since: int, now: int, observed: ObservedArrivals, *, audited: bool
) -> dict[str, Any]:
    """Return the same for one run of a fault that began at `since`; None where arrivals are no longer kept."""
    is_kept, with_window = since >= now - SPAN_US, since - limit.window_us
    ghosts = ghosts_of_run(seen, limit.limit, limit.window_us, since, now)

    def drift(start: int) -> int | None:
        return observed.found(find_drift(seen, now, start).drift, start) if is_kept and audited else None

    return {
        "key": limit.key,
        "limit": limit.limit,
        "ghosts": observed.found(ghosts, with_window) if is_kept else None,
        "drift": drift(since),
        "drift_in_windows": drift(with_window),
    }


def seconds(microseconds: int | None) -> float | None:
    return None if microseconds is None else microseconds / 1_000_000
