"""The curves of a chapter's focus over one time axis, as numbers: lines, bands of nodes, keys with their limits."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from demo.narration.threshold import Threshold
from demo.show import ShowState
from demo.show.health_sample import Node, Sample
from demo.texts import translate
from demo.views.cards import measured_text, name_quantity, number_text
from demo.views.focus import METRICS, Topic, find_counter, find_metric, nodes_of
from demo.views.history import Values, with_gaps
from demo.views.marks import Mark, marks
from demo.views.redaction import masked

SHORT_SEC, LONG_SEC = 30, 60
"""Seconds on the axis; the long one for a show whose faults last so long that their marks would leave the short one."""

LONG_FAULT_SEC = 15.0
LIMIT_HEADROOM = 1.25
"""A limit is drawn below the head of its box: what is over it must be seen."""

MAX_BANDS = 4
"""With more nodes than these their sum is drawn as one line."""

_LEAST_TOP = {"%": 5.0}
"""A tenth of a percent must not be drawn as tall as an outage."""


@dataclass(frozen=True, slots=True)
class SeriesView:
    """One line or band, and its newest value as text. `state`: up, degraded or down for its colour, "" for none."""

    label: str
    now: str
    values: Values
    state: str = ""


@dataclass(frozen=True, slots=True)
class PlotView:
    """`top`: the value at the head of the box, zero is at its foot. `limit`: a dashed line, `limit_text` beside it."""

    kind: Literal["line", "bands", "key"]
    label: str
    unit: str
    series: tuple[SeriesView, ...]
    top: float
    limit: float | None = None
    limit_text: str = ""


@dataclass(frozen=True, slots=True)
class TimelineView:
    """At most two plots, and what happened. `newest`: the moment at the right edge; the left is `seconds` before."""

    plots: tuple[PlotView, ...] = ()
    marks: tuple[Mark, ...] = ()
    newest: float = 0.0
    seconds: int = SHORT_SEC


def timeline(state: ShowState, topics: Iterable[Topic]) -> TimelineView:
    """Return the curves of these topics, of the newest sample as all else in a frame."""
    sample = state.sample
    if sample is None or not state.history:
        return TimelineView()
    plots = tuple(plot for topic in topics if (plot := _make_plot(state, sample, topic)) is not None)
    newest, seconds = state.history[-1].at, axis_sec(state)
    seen = tuple(mark for mark in marks(state) if newest - mark.at <= seconds)
    return TimelineView(plots, seen, newest, seconds)


def axis_sec(state: ShowState) -> int:
    """Return the length of the axis: the same in all of a show, so that no chapter changes its scale."""
    lasting = (fault.config.duration_sec for fault in state.faults)
    return LONG_SEC if any(LONG_FAULT_SEC < seconds < math.inf for seconds in lasting) else SHORT_SEC


def _make_plot(state: ShowState, sample: Sample, topic: Topic) -> PlotView | None:
    if topic.kind == "metric":
        return _plot_metric(state, sample, topic.name)
    return _plot_key(state, sample, topic.name) if topic.kind == "key" else _plot_nodes(state, sample, topic)


def _plot_metric(state: ShowState, sample: Sample, name: str) -> PlotView | None:
    metric = find_metric(sample, name)
    if metric is None:
        return None
    values = with_gaps(state, name)
    tone = "down" if metric.role == "errors" and metric.value else ""
    label = name_quantity(metric.label)
    line = SeriesView(label, measured_text(metric.value), values, tone)
    limit, text = _find_limit(state, name, metric.unit)
    top = top_of([values], metric.unit, LIMIT_HEADROOM * (limit or 0.0))
    return PlotView("line", label, metric.unit, (line,), top, limit, text)


def _find_limit(state: ShowState, name: str, unit: str) -> tuple[float | None, str]:
    """Return the limit that the standing prediction sets to a metric, in its unit, and that as text."""
    number = state.hypothesis_number(state.number)
    thresholds = state.chapters[number - 1].thresholds if number is not None else ()
    found = (limit for threshold in thresholds if (limit := limit_of(threshold, name, unit)) is not None)
    return next(found, (None, ""))


def limit_of(threshold: Threshold, name: str, unit: str) -> tuple[float, str] | None:
    """Return a limit in the unit of a metric's curve, and as text; None if it is not about this metric."""
    value = threshold.in_unit(unit)
    if threshold.name.removeprefix(METRICS) != name or value is None:
        return None
    operator = {"<=": "≤", ">=": "≥"}.get(threshold.operator, threshold.operator)
    limit = f"{operator} {number_text(value)} {unit}".rstrip()
    return value, translate("predicted %(limit)s", limit=limit)


def _plot_key(state: ShowState, sample: Sample, key: str) -> PlotView | None:
    counter = find_counter(sample, key)
    if counter is None:
        return None
    admitted, counted = with_gaps(state, f"admitted:{key}"), with_gaps(state, f"counted:{key}")
    over = "down" if counter.limit and (counter.admitted or 0) > counter.limit else ""
    series = (
        SeriesView(translate("admitted"), number_text(counter.admitted), admitted, over),
        SeriesView(translate("counted"), number_text(counter.counted_of_admitted), counted),
    )
    limit = counter.limit or None
    return PlotView("key", key, "", series, top_of([admitted, counted], "", LIMIT_HEADROOM * (limit or 0.0)), limit)


def _plot_nodes(state: ShowState, sample: Sample, topic: Topic) -> PlotView | None:
    nodes = nodes_of(sample, topic)
    found = [with_gaps(state, f"node:{node.id}") for node in nodes]
    total = _sum(found)
    if not found or len(nodes) == 1 or len(nodes) > MAX_BANDS:
        now = [node.main[1] for node in nodes]
        text = measured_text(sum(value or 0.0 for value in now) if any(value is not None for value in now) else None)
        return PlotView(
            "line",
            masked(topic.name),
            name_quantity(topic.field),
            (SeriesView(masked(topic.name), text, total),),
            top_of([total], ""),
        )
    series = tuple(
        SeriesView(
            masked(node.name), measured_text(_rate_of(node, topic)), values, "" if node.health == "up" else node.health
        )
        for node, values in zip(nodes, found, strict=True)
    )
    return PlotView("bands", masked(topic.name), name_quantity(topic.field), series, top_of([total], topic.field))


def _rate_of(node: Node, topic: Topic) -> float | None:
    """Return a node's number, None while its card shows another one in its place."""
    unit, value = node.main
    return value if unit == topic.field else None


def _sum(found: list[Values]) -> Values:
    """Add the values of each moment; None where none of them is known."""
    together = (zip(*found, strict=True)) if found else ()
    return tuple(
        (moment[0][0], sum(value or 0.0 for _, value in moment) if any(v is not None for _, v in moment) else None)
        for moment in together
    )


def top_of(found: Iterable[Values], unit: str, least: float = 0.0) -> float:
    """Return a round number above all values, so that the scale seldom changes."""
    known = [value for values in found for _, value in values if value is not None]
    highest = max([*known, least, _LEAST_TOP.get(unit, 0.0)], default=0.0)
    if highest <= 0:
        return 1.0
    size = 10.0 ** math.floor(math.log10(highest))
    return next(step * size for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step * size >= highest * 0.9999)
