"""The geometry of the curves: paths in a box of WIDTH × HEIGHT, marks and labels in percent. Plain data, no markup."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from demo.texts import translate
from demo.views.cards import number_text
from demo.views.curves import PlotView, TimelineView
from demo.views.history import Values
from demo.views.marks import Mark

WIDTH, HEIGHT = 300, 100
"""The box of one plot in its own units."""

SHARE = 78.0
"""Percent of the width that the time axis has; right of it stand the labels."""

MERGED_SEC = 1.0
SEEN_SEC = 5.0
"""Marks that follow each other within the first share one line; what tells when a fault was seen, within the second."""

LEFT_SHARE = 40.0
"""The text of a mark stands left of its line, or right of it where that is within this share of the axis."""

TEXT_ROWS = 2
PIN = 2.4
"""Percent of the width that the head of a mark's line takes."""

_PER_CHARACTER = 1.62
"""Percent of the width that a character of a mark's text takes, at most."""

MAX_TEXTS = 4
"""How many lines, the newest ones, have texts."""

AFTER_AXIS = 19.6
"""Percent of the width right of the axis where a text may still stand."""

_PER_CHARACTER_UPRIGHT = 2.82
_EDGES_UPRIGHT = (-4.0, 128.0)
"""The same on an upright phone, where the drawing is as high and less wide: a character, and from where to where."""

Point = tuple[int, int]
_Side = Literal["left", "right"]
_OTHER: Mapping[_Side, _Side] = {"left": "right", "right": "left"}
_Place = tuple[_Side, int]
_Line = tuple[float, tuple[Mark, ...]]
_Space = tuple[int, float, float]
"""A row, and from where to where a text takes it, in percent."""


@dataclass(frozen=True, slots=True)
class Shape:
    """An area or a line: its class and its SVG path."""

    look: str
    path: str


@dataclass(frozen=True, slots=True)
class Label:
    """What stands beside a curve, at a fixed height in percent."""

    name: str
    value: str
    state: str
    y: float


@dataclass(frozen=True, slots=True)
class DrawnPlot:
    """`limit_y` in percent; `top` is the scale's upper end as text, `title` the plot's name where no label tells it.

    `limit_text`: what the limit is; it takes the place of `top`, for two texts there would lie over each other.
    """

    shapes: tuple[Shape, ...]
    labels: tuple[Label, ...]
    top: str
    title: str
    weight: int
    limit_y: float | None = None
    limit_text: str = ""


@dataclass(frozen=True, slots=True)
class DrawnMark:
    """A line with texts; `row`: the first row of its texts. `side`: left or right of the line."""

    x: float
    kind: str
    texts: tuple[tuple[str, str], ...]
    side: _Side
    row: int = 1

    def is_far(self, text: str) -> bool:
        """Return whether a text leaves the screen of an upright phone."""
        wide = len(text) * _PER_CHARACTER_UPRIGHT + PIN
        low, high = _EDGES_UPRIGHT
        return self.x - wide < low if self.side == "left" else self.x + wide > high


@dataclass(frozen=True, slots=True)
class DrawnTimeline:
    plots: tuple[DrawnPlot, ...]
    marks: tuple[DrawnMark, ...]
    ticks: tuple[tuple[float, str], ...]

    @property
    def is_even(self) -> bool:
        """Return whether each plot has so much room that its label can take two lines."""
        return all(plot.weight == 1 for plot in self.plots)


def draw_timeline(view: TimelineView) -> DrawnTimeline:
    """Draw the plots over their shared axis."""
    plots = tuple(_draw_plot(plot, view) for plot in view.plots)
    return DrawnTimeline(plots, tuple(_draw_marks(view)), _ticks(view.seconds))


def _ticks(seconds: int) -> tuple[tuple[float, str], ...]:
    third = seconds // 3
    places = [(share * SHARE / 3, seconds - share * third) for share in (1, 2)]
    return (
        (0.0, translate("%(time)s ago", time=f"{seconds} s")),
        *((round(x, 2), f"{left} s") for x, left in places),
        (SHARE, translate("now")),
    )


def _draw_plot(plot: PlotView, view: TimelineView) -> DrawnPlot:
    if plot.kind == "bands":
        return _draw_bands(plot, view)
    lines = [_points(series.values, plot.top, view) for series in plot.series]
    unit = f" {plot.unit}" if plot.unit else ""
    if plot.kind == "line":
        (series,), look = plot.series, f"curve {plot.series[0].state}".strip()
        label = Label(series.label, f"{series.now}{unit}", series.state, 50.0)
        limit_y = None if plot.limit is None else float(y_of(plot.limit, plot.top))
        shapes = (Shape(look, path(lines[0])),)
        return DrawnPlot(shapes, (label,), f"{number_text(plot.top)}{unit}", "", 1, limit_y, plot.limit_text)
    return _draw_key(plot, lines)


def _draw_key(plot: PlotView, lines: Sequence[Sequence[tuple[int, int | None]]]) -> DrawnPlot:
    admitted, counted = lines
    shapes = [Shape("drift", between(counted, admitted))]
    limit_y = None
    if plot.limit is not None:
        limit_y = y_of(plot.limit, plot.top)
        shapes.append(Shape("over", between([(x, limit_y) for x, _ in admitted], admitted)))
    shapes += [Shape("curve two", path(counted)), Shape("curve", path(admitted))]
    first, second = plot.series
    limit = [Label(translate("limit"), number_text(plot.limit), "", 50.0)] if plot.limit is not None else []
    labels = (
        Label(first.label, first.now, first.state, 100 / 6),
        *limit,
        Label(second.label, second.now, second.state, 500 / 6),
    )
    found = tuple(shape for shape in shapes if shape.path)
    return DrawnPlot(found, labels, number_text(plot.top), plot.label, 3, None if limit_y is None else float(limit_y))


def _draw_bands(plot: PlotView, view: TimelineView) -> DrawnPlot:
    """Stack the series, the first one at the head; each band lies over the one below."""
    shapes: list[Shape] = []
    below: list[float] = []
    for number, series in reversed(list(enumerate(plot.series, 1))):
        upper = [(value or 0.0) + (below[index] if below else 0.0) for index, (_, value) in enumerate(series.values)]
        pairs = list(zip(series.values, upper, below or [0.0] * len(upper), strict=True))
        shapes.append(Shape(f"b{number}", _band(pairs, plot.top, view)))
        below = upper
    count = len(plot.series)
    labels = tuple(
        Label(one.label, f"{one.now}{_per_sec(plot.unit)}", one.state, round(100 * (index + 0.5) / count, 1))
        for index, one in enumerate(plot.series)
    )
    return DrawnPlot(
        tuple(shapes),
        labels,
        number_text(plot.top),
        translate("%(unit)s by %(name)s", unit=plot.unit, name=plot.label),
        len(plot.series),
    )


def _per_sec(unit: str) -> str:
    return "/s" if unit.endswith("/s") else ""


def _band(pairs: Sequence[tuple[tuple[float, float | None], float, float]], top: float, view: TimelineView) -> str:
    upper = [(x_of(at, view), y_of(high, top)) for (at, _), high, _ in pairs]
    lower = [(x_of(at, view), y_of(low, top)) for (at, _), _, low in pairs]
    shown = [(a, b) for a, b in zip(upper, lower, strict=True) if a[0] >= 0]
    if not shown:
        return ""
    return f"{path([a for a, _ in shown])}{_go_on([b for _, b in reversed(shown)])}z"


def _points(values: Values, top: float, view: TimelineView) -> list[tuple[int, int | None]]:
    drawn = [(x_of(at, view), None if value is None else y_of(value, top)) for at, value in values]
    return [(x, y) for x, y in drawn if x >= 0]


def x_of(at: float, view: TimelineView) -> int:
    """Return a moment's place in the box: the newest at the right edge."""
    return WIDTH - round((view.newest - at) * WIDTH / view.seconds)


def y_of(value: float, top: float) -> int:
    """Scale a value to its height in the box: zero at the foot, `top` at the head, so that no axis is cut off."""
    return round(HEIGHT - HEIGHT * max(0.0, min(1.0, value / top)))


def path(points: Iterable[tuple[int, int | None]]) -> str:
    """Draw an SVG path that breaks where a value is missing; relative steps keep it short."""
    steps: list[str] = []
    last: Point | None = None
    for x, y in points:
        if y is None:
            last = None
            continue
        steps.append(f"M{x} {y}" if last is None else f"l{x - last[0]} {y - last[1]}")
        last = (x, y)
    return "".join(steps)


def _go_on(points: Iterable[Point]) -> str:
    return "".join(f"L{x} {y}" for x, y in points)


def between(lower: Sequence[tuple[int, int | None]], upper: Sequence[tuple[int, int | None]]) -> str:
    """Draw the areas where `upper` lies above `lower`, as an SVG path; both have the same places on the axis."""
    areas: list[str] = []
    piece: list[tuple[int, int, int]] = []
    last: tuple[int, int, int] | None = None
    for (x, low), (_, high) in zip(lower, upper, strict=True):
        here = None if low is None or high is None else (x, low, high)
        crossing = _crossing(last, here)
        if crossing is not None:
            piece.append(crossing)
        if here is not None and here[2] < here[1]:
            piece.append(here)
        elif piece:
            areas.append(_area(piece))
            piece = []
        last = here
    return "".join([*areas, *([_area(piece)] if piece else [])])


def _crossing(last: tuple[int, int, int] | None, here: tuple[int, int, int] | None) -> tuple[int, int, int] | None:
    """Return where the two lines cross between two places; None if they do not."""
    if last is None or here is None or (last[2] < last[1]) == (here[2] < here[1]):
        return None
    before, after = last[1] - last[2], here[1] - here[2]
    share = before / (before - after)
    x, y = round(last[0] + share * (here[0] - last[0])), round(last[2] + share * (here[2] - last[2]))
    return (x, y, y)


def _area(piece: Sequence[tuple[int, int, int]]) -> str:
    if len(piece) < 2:
        return ""
    return f"{path((x, high) for x, _, high in piece)}{_go_on([(x, low) for x, low, _ in reversed(piece)])}z"


def _draw_marks(view: TimelineView) -> Iterator[DrawnMark]:
    """Draw the marks on the axis; those less than MERGED_SEC apart share a line, and no text covers another."""
    merged: list[list[Mark]] = []
    for mark in view.marks:
        within = SEEN_SEC if mark.kind == "seen" else MERGED_SEC
        if merged and mark.at - merged[-1][0].at < within and len(merged[-1]) < TEXT_ROWS:
            merged[-1].append(mark)
        else:
            merged.append([mark])
    lines = [(_percent_of(group[0].at, view), tuple(group)) for group in merged]
    pins = [(1, x - PIN / 2, x + PIN / 2) for x, _ in lines]
    chosen = _choose(lines[-MAX_TEXTS:], pins)
    for number, (x, group) in enumerate(lines):
        place = chosen[number - len(lines)] if len(lines) - number <= len(chosen) else None
        texts = tuple((mark.text, mark.kind) for mark in group) if place else ()
        yield DrawnMark(x, group[0].kind, texts, *(place or ("left", 1)))


def _percent_of(at: float, view: TimelineView) -> float:
    return round(max(0.0, min(SHARE, SHARE * (1 - (view.newest - at) / view.seconds))), 2)


def _choose(lines: Sequence[_Line], taken: Sequence[_Space]) -> tuple[_Place | None, ...]:
    """Return a place for the texts of each line, None where there is no room: as many as fit, the newest first."""
    if not lines:
        return ()
    *others, (x, group) = lines
    best: tuple[_Place | None, ...] = (None,) * len(lines)
    first: _Side = "right" if x < LEFT_SHARE * SHARE / 100 else "left"
    for side in (first, _OTHER[first]):
        for row in range(1, TEXT_ROWS + 2 - len(group)):
            spaces = [_space_of(x, mark, side, row + number) for number, mark in enumerate(group)]
            if all(_is_free(space, taken) for space in spaces):
                found = (*_choose(others, [*taken, *spaces]), (side, row))
                if None not in found:
                    return found
                best = max(best, found, key=_count_placed)
    return max(best, (*_choose(others, taken), None), key=_count_placed)


def _count_placed(places: tuple[_Place | None, ...]) -> int:
    return sum(place is not None for place in places)


def _space_of(x: float, mark: Mark, side: _Side, row: int) -> _Space:
    wide = len(mark.text) * _PER_CHARACTER + PIN
    return (row, x + PIN / 2, x + wide) if side == "right" else (row, x - wide, x - PIN / 2)


def _is_free(space: _Space, taken: Sequence[_Space]) -> bool:
    row, left, right = space
    inside = left >= 0 and right <= SHARE + PIN + AFTER_AXIS
    return inside and all(row != other or right <= start or end <= left for other, start, end in taken)
