"""What halls do to a server, one phase each: they stay, they all come back at once, some stall, they come and go."""

import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass

from bench.crowd import Window
from bench.spread import together
from bench.stand import Stand, whole
from bench.verdict import Check, Sample, memory

POST_P99_MOST_MS = 200.0
RECONNECT_SEC = 5.0
MAX_RECONNECT_SEC = 15.0
MAX_STALLED = 0.20
CLIENT_MOST_PERCENT = 90.0

FILL_BYTES = 224 * 1024
"""So much is said to a stalled reader: the kernel keeps about 90 KB of it, and a transport 64 KB, before it is full."""

FILL_SEC = 10.0
MAX_FILL_HZ = 50.0
FILL_TIMEOUT_SEC = 60.0
FILL_SMALL = 50_000
"""Deliveries a second that any server takes: a small crowd is filled faster."""

CHURN_KB = 1.0
CHURN_LEAST_KB = 1024.0
"""Joins and leaves may cost the larger of 1 MB and 1 KB each: a listener that is forgotten costs more."""


@dataclass(frozen=True)
class Plan:
    """How long, and how much. `window_sec` and `pairs` of the stalled readers' phase."""

    minutes: float = 30.0
    pairs: int = 5
    window_sec: float = 8.0
    churn: float = 1000.0
    churn_minutes: float = 2.0


def steady(stand: Stand, plan: Plan) -> Iterator[Check]:
    """Everyone stays, and something is said again and again."""
    phase, seconds = "steady", plan.minutes * 60
    samples: list[Sample] = []
    began = time.monotonic()

    def look() -> None:
        samples.append(Sample(time.monotonic() - began, stand.rss_kb()))

    stand.crowd.stats()
    look()
    stand.play(seconds, stand.hz, look, max(0.2, min(5.0, seconds / 300)))
    look()
    seen = stand.crowd.stats()
    told = f"p50 {seen.latency.at(0.5):.1f}, p99 {seen.latency.at(0.99):.1f}, worst {seen.latency.most:.1f} ms"
    yield Check(phase, f"{seen.rounds:,} rounds, {seen.deliveries:,} deliveries: POST to listener", told)
    yield _posting(phase, [seen])
    yield from whole(phase, seen)
    yield memory(phase, samples)
    busy = seen.cpu_percent < CLIENT_MOST_PERCENT
    yield Check(
        phase, "the load client itself", f"{seen.cpu_percent:.0f} % of a core", f"< {CLIENT_MOST_PERCENT:.0f} %", busy
    )
    yield stand.newest(phase)


def _posting(phase: str, seen: list[Window]) -> Check:
    """Told of a hall that comes back, judged in all others."""
    post = together(one.post for one in seen)
    failures, late, p99 = sum(one.post_failures for one in seen), sum(one.late for one in seen), post.at(0.99)
    told = f"p50 {post.at(0.5):.1f}, p99 {p99:.1f}, worst {post.most:.1f} ms; {failures} failed, {late} late"
    if phase == "reconnect":
        return Check(phase, "the presenter's POST", told)
    good = p99 < POST_P99_MOST_MS and failures == 0
    return Check(phase, "the presenter's POST", told, f"p99 < {POST_P99_MOST_MS:.0f} ms, 0 failed", good)


def reconnect(stand: Stand, plan: Plan) -> Iterator[Check]:
    """The Wi-Fi was gone: all leave at once and are back within seconds, while the show goes on."""
    phase, crowd = "reconnect", stand.crowd
    crowd.play(stand.hz)
    crowd.stats()
    began = time.monotonic()
    crowd.ask("drop")
    for count, slow in ((stand.streams - stand.slow, False), (stand.slow, True)):
        crowd.open(count, count / RECONNECT_SEC, slow=slow)
    current = crowd.until(lambda status: status.live == status.marked == stand.streams, MAX_RECONNECT_SEC * 4)
    took = time.monotonic() - began
    crowd.play(0)
    crowd.until(lambda status: not status.pending, stand.patience_sec)
    seen = crowd.stats()
    what = f"{stand.streams:,} leave and come back within {RECONNECT_SEC:.0f} s: all are current"
    told = f"after {took:.1f} s" if current else f"not within {took:.0f} s: {crowd.status().live:,} are there"
    yield Check(phase, what, told, f"{MAX_RECONNECT_SEC:.0f} s", current is not None and took < MAX_RECONNECT_SEC)
    yield _posting(phase, [seen])
    yield from whole(phase, seen)
    yield stand.newest(phase)


def stalled(stand: Stand, plan: Plan) -> Iterator[Check]:
    """Windows with all reading and windows with some stalled, in turn: what do the others notice?"""
    phase, crowd = "stalled", stand.crowd
    calm: list[Window] = []
    held: list[Window] = []
    stopped = gaps = 0
    size = _message_size(stand)
    for pair in range(plan.pairs):
        for with_stalled in (False, True) if pair % 2 == 0 else (True, False):
            if with_stalled:
                crowd.ask("stall")
                _fill(stand, size)
            crowd.stats()
            stand.play(plan.window_sec, stand.hz)
            (held if with_stalled else calm).append(crowd.stats())
            if with_stalled:
                crowd.ask("resume")
                crowd.until(lambda status: status.live == status.marked == stand.streams, stand.patience_sec)
                stopped, gaps = stopped + crowd.status().stopped, gaps + crowd.stats().gaps
    wanted = stand.slow * plan.pairs
    told = f"{stopped:,} of {wanted:,} stalls ended with a skip or a cut; {gaps:,} left a gap"
    yield Check(phase, "stalled readers", told, "all, no gap", stopped == wanted and gaps == 0)
    before, after_ms = (statistics.median(one.latency.at(0.99) for one in some) for some in (calm, held))
    change = after_ms / before - 1
    what = f"the others' p99 with {stand.slow:,} of {stand.streams:,} stalled, {plan.pairs} windows of each, in turn"
    told = f"{before:.1f} to {after_ms:.1f} ms, {100 * change:+.0f} %"
    yield Check(phase, what, told, f"within {100 * MAX_STALLED:.0f} %", abs(change) < MAX_STALLED)
    yield _posting(phase, held)
    yield stand.newest(phase)


def _message_size(stand: Stand) -> float:
    stand.crowd.stats()
    stand.crowd.rounds(3, 10, int(stand.patience_sec * 1000))
    seen = stand.crowd.stats()
    return seen.bytes / max(seen.deliveries, 1)


def _fill(stand: Stand, size: float) -> None:
    rounds = FILL_BYTES / size
    upto = stand.crowd.status().marker + rounds
    stand.crowd.play(min(MAX_FILL_HZ, max(rounds / FILL_SEC, FILL_SMALL / stand.streams)))
    stand.crowd.until(lambda status: status.marker >= upto, FILL_TIMEOUT_SEC)
    stand.crowd.play(0)
    stand.crowd.until(lambda status: not status.pending and not status.behind, FILL_TIMEOUT_SEC)


def churn(stand: Stand, plan: Plan) -> Iterator[Check]:
    """Listeners come and go all the time, as many as before at the end."""
    phase, crowd = "churn", stand.crowd
    rss, files = stand.rss_kb(), stand.files()
    crowd.stats()
    crowd.ask(f"churn {plan.churn}")
    stand.play(plan.churn_minutes * 60, stand.hz)
    crowd.ask("churn 0")
    crowd.until(lambda status: status.live == stand.streams, stand.patience_sec)
    seen = crowd.stats()
    end = time.monotonic() + stand.patience_sec
    while stand.files() > files and time.monotonic() < end:
        time.sleep(0.1)
    joins = plan.churn * plan.churn_minutes
    left, grown, most = stand.files() - files, stand.rss_kb() - rss, max(CHURN_LEAST_KB, joins * CHURN_KB)
    yield Check(phase, f"files after {joins:,.0f} joins and leaves", f"{left:+d}", "no more than before", left <= 0)
    yield Check(phase, "memory", f"{grown:+,.0f} KB", f"< {most:,.0f} KB", grown < most)
    yield _posting(phase, [seen])
    yield from whole(phase, seen)
    yield stand.newest(phase)
