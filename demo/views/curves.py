"""The curves: the system's main numbers over one shared minute, the newest at the right edge."""

from collections.abc import Sequence
from dataclasses import dataclass

from demo.show import ShowState
from demo.views.cards import number_text
from demo.views.history import with_gaps
from demo.views.memoize import memoize_on

WIDTH, HEIGHT = 600, 60
"""Size of a curve's box in its own units: ten units across are one second."""

MAX_ROWS = 5
_UNITS_PER_SEC = 10
_TOP, _BOTTOM = 5, 55
_MIN_TOP = {"%": 5.0}
"""Minimum full scale of a unit: a tenth of a percent must not be drawn as tall as an outage."""


@dataclass(frozen=True, slots=True)
class CurveView:
    """`path` is an SVG path in a box of WIDTH × HEIGHT, `spans` pairs (x, width) where a fault was in place.

    `limit_y` is the height of a dashed limit, `over` the path of the areas above it;
    `tone` is "" (load, latency), "bad" (errors) or "two" (the second limited key).
    """

    name: str
    label: str
    unit: str
    now: str
    path: str
    tone: str = ""
    limit_y: int | None = None
    over: str = ""
    spans: tuple[tuple[int, int], ...] = ()


@memoize_on("sample", "history", "spans")
def curves(state: ShowState) -> tuple[CurveView, ...]:
    """Return the first metric, then two limited keys, then further metrics: at most MAX_ROWS curves."""
    sample = state.sample
    if sample is None or not state.history:
        return ()
    metrics = [_make_curve(state, m.name, m.label, m.unit, m.role) for m in sample.metrics]
    compared = [counter for counter in sample.counters if counter.limit > 0][:2]
    keys = [
        _make_curve(state, f"admitted:{k.key}", k.key, f"of {number_text(k.limit)}", "two" if index else "", k.limit)
        for index, k in enumerate(compared)
    ]
    return tuple((metrics[:1] + keys + metrics[1:])[:MAX_ROWS])


def _make_curve(state: ShowState, name: str, label: str, unit: str, role: str, limit: float | None = None) -> CurveView:
    newest = state.history[-1].at
    values = with_gaps(state, name)
    points = [(WIDTH - round((newest - at) * _UNITS_PER_SEC), value) for at, value in values]
    known = [value for _, value in points if value is not None]
    top = max([*known, limit or 0.0, _MIN_TOP.get(unit, 0.0)]) or 1.0
    drawn = [(x, None if value is None else y_of(value, top)) for x, value in points if x >= 0]
    limit_y = y_of(limit, top) if limit else None
    return CurveView(
        name=name,
        label=label,
        unit=unit,
        now=number_text(points[-1][1]),
        path=path(drawn),
        tone="bad" if role == "errors" and any(known) else role if role == "two" else "",
        limit_y=limit_y,
        over=over(drawn, limit_y) if limit_y is not None else "",
        spans=_merge_spans(state, newest),
    )


def y_of(value: float, top: float) -> int:
    """Scale a value to its height in the box: zero at the foot, `top` at the head, so that no axis is cut off."""
    return round(_BOTTOM - (_BOTTOM - _TOP) * max(0.0, min(1.0, value / top)))


def path(points: Sequence[tuple[int, int | None]]) -> str:
    """Draw an SVG path that breaks where a value is missing; relative steps keep it short."""
    steps: list[str] = []
    last: tuple[int, int] | None = None
    for x, y in points:
        if y is None:
            last = None
            continue
        steps.append(f"M{x} {y}" if last is None else f"l{x - last[0]} {y - last[1]}")
        last = (x, y)
    return "".join(steps)


def over(points: Sequence[tuple[int, int | None]], limit_y: int) -> str:
    """Draw the areas between the curve and its limit where the curve is above it, as an SVG path."""
    areas: list[str] = []
    corners: list[tuple[int, int]] = []
    last: tuple[int, int] | None = None
    # The gap behind the last point closes an area that is still open.
    for x, y in [*points, (WIDTH, None)]:
        above = y is not None and y < limit_y
        crosses = y is not None and last is not None and above != (last[1] < limit_y)
        if crosses and y is not None and last is not None:
            # Between two samples: the point where the line from one to the other meets the limit.
            share = (limit_y - last[1]) / (y - last[1])
            corners.append((round(last[0] + share * (x - last[0])), limit_y))
        if above and y is not None:
            corners = corners or [(x, limit_y)]
            corners.append((x, y))
        elif corners:
            end = corners[-1][0]
            areas.append("M" + "L".join(f"{cx} {cy}" for cx, cy in corners) + f"L{end} {limit_y}Z")
            corners = []
        last = None if y is None else (x, y)
    return "".join(areas)


def _merge_spans(state: ShowState, newest: float) -> tuple[tuple[int, int], ...]:
    """Return where any fault was in place; faults at the same time are merged, or their tints would add up."""
    found: list[tuple[int, int]] = []
    for span in sorted(state.spans, key=lambda span: span.started_at):
        start = WIDTH - round((newest - span.started_at) * _UNITS_PER_SEC)
        end = WIDTH if span.ended_at is None else WIDTH - round((newest - span.ended_at) * _UNITS_PER_SEC)
        start, end = max(0, start), min(WIDTH, end)
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        elif end > start:
            found.append((start, end))
    return tuple((start, end - start) for start, end in found)
