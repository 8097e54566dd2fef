"""One number over time, as curves and cards draw it, with a gap where it was not measured."""

from demo.show import ShowState

GAP_INTERVALS = 3
SHORTEST_GAP_SEC = 2.5

Values = tuple[tuple[float, float | None], ...]
"""Pairs of a moment and the value at it; None in a gap."""


def with_gaps(state: ShowState, name: str) -> Values:
    """Return one number's history, with a None in each gap: GAP_INTERVALS polls without a sample, at least 2.5 s."""
    interval = state.sample.interval_sec if state.sample else 0.0
    gap = max(SHORTEST_GAP_SEC, GAP_INTERVALS * interval)
    found: list[tuple[float, float | None]] = []
    for point in state.history:
        if found and point.at - found[-1][0] > gap:
            found.append(((point.at + found[-1][0]) / 2, None))
        found.append((point.at, point.values.get(name)))
    return tuple(found)
