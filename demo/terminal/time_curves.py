"""The curves of a chapter over one time axis: bars from zero, faults as marked lines through all of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from rich.segment import Segment
from rich.style import Style
from rich.text import Text

from demo.clean import clean
from demo.terminal.mark_labels import MarkLine, draw_mark_rows, gather_lines
from demo.terminal.row_layout import Row, RowLayout, Rows, blank
from demo.terminal.style import AMBER, BLUE, VERMILION, column_bars, mark, parts
from demo.views import PlotView, TimelineView, number_text
from demo.views.history import Values

TALLEST = 4
"""Rows of one curve at most."""

MARK_ROWS = 2
LABEL, SCALE = 25, 6
"""Cells right of the axis for a curve's name and number, and left of it for the number at its head."""

LEAST_AXIS = 12
_LIMIT = "┄"


@dataclass(frozen=True, slots=True)
class _Strip:
    """One curve. `under`: what of each value was counted; `scale`: the number at its head."""

    name: str
    number: str
    state: str
    values: Values
    top: float
    scale: str
    under: Values = ()
    limit: float | None = None
    style: str = BLUE


def count_strips(view: TimelineView) -> int:
    """Return how many curves there are: each node of a plot of nodes has one of its own."""
    return sum(len(plot.series) if plot.kind == "bands" else 1 for plot in view.plots)


def draw_curves(canvas: RowLayout, view: TimelineView, freshness: str, size: tuple[int, int]) -> Rows:
    """Draw as many curves as fit `size` (columns, rows): what happened above them, the time below."""
    width, height = size
    mark_rows = count_mark_rows(count_strips(view), height)
    strips: list[_Strip] = []
    for plot in view.plots:
        # Some of a plot's nodes would look like all of them: it is drawn as a whole, or not at all.
        found = list(_list_strips(plot))
        strips += found if len(strips) + len(found) <= height - mark_rows else []
    axis = width - min(LABEL, max(0, width - LEAST_AXIS)) - 1
    if not strips or axis < 1:
        return []
    room = height - mark_rows
    has_ticks = room > len(strips) and axis >= 2 * LEAST_AXIS
    tall, gap = _share_height(room - has_ticks, len(strips))
    shift = SCALE if tall > 1 and axis >= 3 * LEAST_AXIS else 0
    lines = gather_lines(view, axis - shift)
    drawing = _Drawing(canvas, view, freshness == "live", width, axis - shift, shift, lines)
    rows = draw_mark_rows(canvas, lines, (width, shift, axis - shift), mark_rows)
    for place, strip in enumerate(strips):
        rows += [drawing.empty_row()] * (gap if place else 0)
        rows += drawing.draw_strip(strip, tall)
    return [*rows, drawing.draw_ticks()] if has_ticks else rows


def count_mark_rows(strips: int, height: int) -> int:
    """Return how many rows there are for marks: whether or not anything has happened, so that no curve ever moves."""
    return MARK_ROWS if height >= 2 * strips + MARK_ROWS + 1 else 1 if height > 1 else 0


def _share_height(room: int, count: int) -> tuple[int, int]:
    """Return how tall each curve is, and how many empty rows stand between two."""
    for tall in range(TALLEST, 1, -1):
        if tall * count + count - 1 <= room:
            return tall, 1
    return (2, 0) if 2 * count <= room else (1, 0)


def _list_strips(plot: PlotView) -> Iterator[_Strip]:
    unit = f" {plot.unit}" if plot.unit else ""
    if plot.kind == "key":
        admitted, counted = plot.series
        limit = f" of {number_text(plot.limit)}" if plot.limit is not None else ""
        yield _Strip(
            plot.label,
            f"{admitted.now}{limit}",
            admitted.state,
            admitted.values,
            plot.top,
            number_text(plot.top),
            counted.values,
            plot.limit,
        )
        return
    # Nodes side by side share their scale, or a small one would look as busy as a large one.
    found = [value for series in plot.series for _, value in series.values if value is not None]
    top = plot.top if plot.kind == "line" else max(found, default=0.0) or 1.0
    for series in plot.series:
        # A node that is down now was not down all the time; errors are errors whenever they happened.
        style = VERMILION if plot.kind == "line" and series.state == "down" else BLUE
        number = f"{series.now}{unit}"
        yield _Strip(series.label, number, series.state, series.values, top, number_text(top), style=style)


@dataclass(frozen=True, slots=True)
class _Drawing:
    canvas: RowLayout
    view: TimelineView
    is_live: bool
    width: int
    axis: int
    shift: int
    lines: tuple[MarkLine, ...]

    @property
    def room(self) -> int:
        """Cells right of the axis."""
        return self.width - self.shift - self.axis - 1

    def empty_row(self) -> Row:
        return self._row([(" ", "")] * self.axis, "", blank(self.room))

    def draw_strip(self, strip: _Strip, tall: int) -> Rows:
        """Draw one curve, its name and number at the foot, the number at its head left of the axis."""
        values = sample_columns(strip.values, self.view, self.axis)
        under = sample_columns(strip.under, self.view, self.axis) if strip.under else values
        rows: Rows = []
        for row, bars in enumerate(column_bars(values, strip.top, tall)):
            span = (tall - 1 - row) / tall * strip.top, (tall - row) / tall * strip.top
            cells = [self._style_cell(strip, *cell, span) for cell in zip(bars, values, under, strict=True)]
            scale = strip.scale if row == 0 and tall > 1 else ""
            rows.append(self._row(cells, scale, self._label(strip) if row == tall - 1 else blank(self.room)))
        return rows

    def _style_cell(
        self, strip: _Strip, cell: str, value: float | None, counted: float | None, span: tuple[float, float]
    ) -> tuple[str, str]:
        low, high = span
        is_tall = high - low < strip.top
        has_limit_here = is_tall and strip.limit is not None and low <= strip.limit < high
        if cell == " ":
            return (_LIMIT, "dim") if has_limit_here else (cell, "")
        if not self.is_live:
            return cell, "dim"
        if strip.limit is not None and value is not None and value > strip.limit and low >= strip.limit:
            return cell, VERMILION
        if counted is not None and value is not None and counted < value and low >= counted:
            return ("▒" if cell == "█" else cell), AMBER
        return cell, strip.style

    def _row(self, cells: list[tuple[str, str]], scale: str, label: Row) -> Row:
        """Put a row together; a line through it marks what happened, also where there is no bar."""
        cells = list(cells)
        for line in self.lines:
            cells[line.column] = (line.line, line.style)
        head = f"{scale[: self.shift - 1]:>{self.shift - 1}} " if self.shift else ""
        # Segments, not a text: a text of hundreds of styles takes Rich many times as long.
        runs = groupby(cells, key=lambda cell: cell[1])
        drawn = [Segment("".join(cell for cell, _ in run), Style.parse(style)) for style, run in runs]
        return [Segment(head, Style.parse("dim")), *drawn, *blank(1), *label]

    def _label(self, strip: _Strip) -> Row:
        tone = mark(strip.state)[1] if strip.state and self.is_live else ""
        number = parts((strip.number, f"bold {tone}".strip() if self.is_live else "dim"))
        number.truncate(max(0, self.room - 1), overflow="ellipsis")
        name = Text(clean(strip.name), "" if self.is_live else "dim")
        return self.canvas.row(name, number, self.room)

    def draw_ticks(self) -> Row:
        """Draw the time below the curves: "30 s ago", two thirds of the way, and "now"."""
        seconds, line = self.view.seconds, [" "] * self.axis
        texts = [(0, f"{seconds} s ago"), (self.axis - len("now"), "now")]
        for share in (1, 2):
            text = f"{seconds - share * (seconds // 3)} s"
            texts.append((round(self.axis * share / 3) - len(text) // 2, text))
        for start, text in texts:
            line[start : start + len(text)] = text
        row = Text(" " * self.shift + "".join(line)[: self.axis], "dim")
        return self.canvas.row(row, None, self.width)


def sample_columns(values: Values, view: TimelineView, columns: int) -> list[float | None]:
    """Return a value for each column of the axis: the largest one measured there, else the one before it.

    None before the first one, and in a gap: what was not measured is not drawn.
    """
    step = view.seconds / columns
    start = view.newest - view.seconds
    found: list[float | None] = [None] * columns
    own: dict[int, float] = {}
    for place, (at, value) in enumerate(values):
        following = values[place + 1] if place + 1 < len(values) else (view.newest + step, 0.0)
        until = at + step if following[1] is None else following[0]
        first = max(0, min(columns - 1, int((at - start) / step)))
        if value is None or until <= start:
            continue
        for column in range(first, min(columns, int((until - start) / step) + 1)):
            if found[column] is None or column not in own:
                found[column] = value
        if at >= start:
            own[first] = max(value, own.get(first, value))
            found[first] = own[first]
    return found
