"""How fresh the newest health sample is."""

from demo.show.events import Freshness
from demo.show.health_sample import Sample

STALE_AFTER = 3
UNKNOWN_AFTER = 10
"""After how many intervals without a new sample health counts as stale, and as unknown."""


def judge_freshness(sample: Sample, at: float) -> Freshness:
    """Return how fresh this sample is at the moment `at`."""
    age = at - sample.updated_at
    if age > UNKNOWN_AFTER * sample.interval_sec:
        return "unknown"
    return "stale" if age > STALE_AFTER * sample.interval_sec else "live"
