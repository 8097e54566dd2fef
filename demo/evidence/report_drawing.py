"""The geometry of a report's curves: paths and places in the units of one drawing. Data, no markup."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from demo.evidence.facts import FaultRun, ShowFacts
from demo.evidence.report_limits import DrawnLimit, MeasuredLimit, draw_limits, ends_of, find_limits
from demo.evidence.report_words import break_text, run_text
from demo.evidence.series import NodeStates, Point, Series
from demo.texts import translate
from demo.views import clock_text, number_text
from demo.views.cards import name_quantity
from demo.views.curves import LIMIT_HEADROOM, top_of
from demo.web.rendering.text_shortening import shorten_middle

WIDTH, LEFT, RIGHT = 760, 96, 752
"""The width of a drawing, and where its axis of time begins and ends."""

TOP, HEIGHT = 30, 92
"""Where the box of a curve begins, below two rows of texts, and how high it is."""

CHAPTERS, TIMES = 13, 14
"""The heights of the rows below a box: the numbers of the chapters, the times."""

NODE_ROW = 15
TEXT_ROWS = (11, 23)
"""The base lines of the two rows for the texts of marks."""

PER_CHARACTER = 5.5
"""How wide a character of those texts is, at most."""

MAX_NAME = 16
MAX_DRAWN_NODES = 24
MAX_TICKS = 8
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)


@dataclass(frozen=True, slots=True)
class Band:
    """A fault while it was in place. `text` begins at `text_x`, at the height `y`; "" where there is no room for it."""

    x: float
    width: float
    text: str = ""
    text_x: float = 0.0
    y: float = 0.0


@dataclass(frozen=True, slots=True)
class Box:
    """A stretch of a row: of a chapter, with its number, or of a node, with its state."""

    x: float
    width: float
    text: str
    is_odd: bool = False


@dataclass(frozen=True, slots=True)
class DrawnTime:
    """What all drawings share: the marks of faults and breaks, the chapters and the times."""

    bands: tuple[Band, ...]
    breaks: tuple[tuple[float, str], ...]
    chapters: tuple[Box, ...]
    ticks: tuple[tuple[float, str], ...]


@dataclass(frozen=True, slots=True)
class DrawnSeries:
    """One curve. `scale`: heights and their numbers. `predicted`: the limits in predictions."""

    label: str
    unit: str
    is_bad: bool
    path: str
    scale: tuple[tuple[float, str], ...]
    limit_y: float | None
    limit: str
    least: str
    most: str
    last: str
    predicted: tuple[DrawnLimit, ...] = ()

    @property
    def said(self) -> str:
        """The curve in words."""
        unit = f" {self.unit}" if self.unit else ""
        return translate(
            "%(least)s to %(most)s, at the end %(last)s", least=self.least, most=self.most, last=f"{self.last}{unit}"
        )


@dataclass(frozen=True, slots=True)
class DrawnNode:
    name: str
    full_name: str
    y: float
    boxes: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class DrawnCurves:
    """All drawings of a show. `calm`: nodes that were up all the time; `more`: others, for which there is no room."""

    time: DrawnTime
    series: tuple[DrawnSeries, ...]
    nodes: tuple[DrawnNode, ...]
    nodes_height: float
    calm: int
    more: int


def draw_curves(facts: ShowFacts) -> DrawnCurves:
    """Draw every metric, and each node that was not up all the time."""
    return _draw(facts, [(series, _Reach.of([series], find_limits(facts, series))) for series in facts.measured.series])


def draw_compared(first: ShowFacts, second: ShowFacts) -> tuple[DrawnCurves, DrawnCurves] | None:
    """Draw what a prediction has set a limit to, in both shows with one scale; None if there is no such number."""
    limits: dict[str, list[MeasuredLimit]] = {}
    for facts in (first, second):
        for series in facts.measured.series:
            limits.setdefault(series.name, []).extend(find_limits(facts, series))
    reaches = {}
    for name, found in limits.items():
        if found:
            both = [series for facts in (first, second) for series in facts.measured.series if series.name == name]
            reaches[name] = _Reach.of(both, found)
    if not reaches:
        return None
    one, other = (
        _draw(facts, [(series, reaches[series.name]) for series in facts.measured.series if series.name in reaches])
        for facts in (first, second)
    )
    return one, other


@dataclass(frozen=True, slots=True)
class _Reach:
    """From where to where the scale of a curve has to reach: the extremes of its values, and its greatest limit."""

    least: float
    most: float
    limit: float

    @classmethod
    def of(cls, series: Sequence[Series], limits: Iterable[MeasuredLimit]) -> "_Reach":
        greatest = max((*(one.limit or 0.0 for one in series), *(limit.value for limit in limits)))
        return cls(min(one.least for one in series), max(one.most for one in series), greatest)


def _draw(facts: ShowFacts, shown: Sequence[tuple[Series, _Reach]]) -> DrawnCurves:
    scale = _Scale(facts)
    broken = [node for node in facts.measured.nodes if node.was_broken]
    nodes = tuple(_draw_node(node, row, scale) for row, node in enumerate(broken[:MAX_DRAWN_NODES]))
    return DrawnCurves(
        scale.draw(),
        tuple(_draw_series(series, scale, reach, find_limits(facts, series)) for series, reach in shown),
        nodes,
        TOP + NODE_ROW * len(nodes),
        len(facts.measured.nodes) - len(broken),
        max(0, len(broken) - MAX_DRAWN_NODES),
    )


class _Scale:
    """Converts seconds of the show to places on the axis."""

    def __init__(self, facts: ShowFacts) -> None:
        self._facts = facts
        self.length = max(1.0, facts.timeline.length_sec)

    def x(self, sec: float) -> float:
        return round(LEFT + (RIGHT - LEFT) * min(1.0, sec / self.length), 1)

    def draw(self) -> DrawnTime:
        facts, place = self._facts, self._facts.timeline.elapsed
        return DrawnTime(
            tuple(self._bands()),
            tuple((self.x(place(since)), break_text(until - since)) for since, until in facts.timeline.breaks),
            tuple(self._chapters()),
            tuple((self.x(sec), clock_text(sec)) for sec in _ticks(self.length)),
        )

    def _bands(self) -> Iterator[Band]:
        """Yield the faults with their texts: as much of each as fits into two rows without covering another."""
        free = [float(LEFT)] * len(TEXT_ROWS)
        shown = [run for run in self._facts.runs if run.fault.injected_at is not None]
        for number, run in enumerate(shown):
            since, until = self._ends_of(run)
            width = round(max(1.2, until - since), 1)
            row = min(range(len(TEXT_ROWS)), key=free.__getitem__)
            # The two faults after this one have the other row, and then this one.
            later = [self._ends_of(other)[0] for other in shown[number + 1 :][: len(TEXT_ROWS)]]
            room = (later[-1] if len(later) == len(TEXT_ROWS) else WIDTH) - since
            *longer, shortest = run_texts(run)
            text = next((said for said in longer if len(said) * PER_CHARACTER <= room), shortest)
            text_x = max(free[row], min(since, WIDTH - len(text) * PER_CHARACTER))
            if text_x > since + PER_CHARACTER * 2:
                yield Band(since, width)
                continue
            free[row] = text_x + (len(text) + 1) * PER_CHARACTER
            yield Band(since, width, text, round(text_x, 1), TEXT_ROWS[row])

    def _ends_of(self, run: FaultRun) -> tuple[float, float]:
        since, until = ends_of(self._facts, run)
        return self.x(since), self.x(until)

    def _chapters(self) -> Iterator[Box]:
        place = self._facts.timeline.elapsed
        stays = sorted((*stay, one.number) for one in self._facts.chapters for stay in one.visit_spans)
        for order, (since, until, number) in enumerate(stays):
            start, end = self.x(place(since)), self.x(place(until))
            text = str(number or "–")
            room = end - start > len(text) * PER_CHARACTER + 2
            yield Box(start, round(max(0.5, end - start), 1), text if room else "", order % 2 == 0)


def run_texts(run: FaultRun) -> tuple[str, ...]:
    """Return what may stand at the mark of a fault, the longest first."""
    return (f"{run.ordinal} {run_text(run)}", str(run.ordinal))


def _ticks(length: float) -> Iterable[float]:
    step = next((step for step in STEPS if length / step <= MAX_TICKS), STEPS[-1] * math.ceil(length / 8 / STEPS[-1]))
    return [number * step for number in range(int(length // step) + 1)]


def _draw_series(series: Series, scale: _Scale, reach: _Reach, limits: Sequence[MeasuredLimit]) -> DrawnSeries:
    limit = series.limit or 0.0
    top = top_of([((0.0, reach.most),)], series.unit, LIMIT_HEADROOM * reach.limit)
    foot = -top_of([((0.0, -reach.least),)], series.unit) if reach.least < 0 else 0.0

    def y(value: float) -> float:
        return round(TOP + HEIGHT * (top - value) / (top - foot), 1)

    marked = (top, foot + (top - foot) / 2, foot)
    return DrawnSeries(
        name_quantity(series.label),
        translate("admitted") if series.is_key else series.unit,
        series.role == "errors",
        "".join(_path([(scale.x(sec), y(value)) for sec, value in line]) for line in series.lines),
        tuple((y(value), number_text(value)) for value in marked),
        y(limit) if limit else None,
        number_text(limit) if limit else "",
        number_text(series.least),
        number_text(series.most),
        number_text(series.last),
        draw_limits(limits, scale.x, y, (LEFT, TOP, RIGHT, TOP + HEIGHT)),
    )


def _path(points: Sequence[Point]) -> str:
    """Draw a line; a single point has a length, so that its round ends are seen."""
    (x, y), *rest = points
    steps = [f"M{x:g} {y:g}"]
    for next_x, next_y in rest:
        steps.append(f"l{round(next_x - x, 1):g} {round(next_y - y, 1):g}")
        x, y = round(x + round(next_x - x, 1), 1), round(y + round(next_y - y, 1), 1)
    return "".join(steps) if rest else f"{steps[0]}h.1"


def _draw_node(node: NodeStates, row: int, scale: _Scale) -> DrawnNode:
    boxes = []
    for since, until, state in node.spans:
        start, end = scale.x(since), scale.x(until)
        boxes.append(Box(start, round(max(0.8, end - start), 1), state))
    return DrawnNode(shorten_middle(node.name, MAX_NAME), node.name, TOP + row * NODE_ROW, tuple(boxes))
