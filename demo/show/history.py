"""The main numbers of the last minute, for the curves."""

import math

from demo.show.health_sample import Sample
from demo.show.state import MAX_HISTORY, Point, ShowState


def extended_history(state: ShowState, sample: Sample, at: float) -> tuple[Point, ...]:
    """Return the history with the numbers of this sample: one point a second, of the newest sample in it.

    So a curve ends with the same value as the cards beside it.
    """
    values: dict[str, float | None] = {metric.name: metric.value for metric in sample.metrics}
    values |= {f"node:{node.id}": node.main[1] for node in sample.nodes}
    values |= {f"admitted:{counter.key}": counter.admitted for counter in sample.counters}
    values |= {f"counted:{counter.key}": counter.counted_of_admitted for counter in sample.counters}
    if state.history and math.floor(at) <= math.floor(state.history[-1].at):
        return (*state.history[:-1], Point(state.history[-1].at, values))
    return (*state.history[-(MAX_HISTORY - 1) :], Point(at, values))
