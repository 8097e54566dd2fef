"""Output of programs on the terminal: in its own colours, and without a control sequence of the program."""

from collections.abc import Mapping, Sequence

from rich.segment import Segment
from rich.style import Style
from rich.text import Text

from demo.clean import clean
from demo.panels.picture import PanelPicture, PanelRow, StyledText, Word
from demo.terminal.row_layout import Row, RowLayout, Rows, blank
from demo.terminal.style import age_text, mark

MIN_ROWS = 3
"""A panel's title and two lines: with less room it is left out."""

_STYLES: Mapping[Word, Style] = {
    "red": Style(color="red"),
    "green": Style(color="green"),
    "yellow": Style(color="yellow"),
    "blue": Style(color="blue"),
    "magenta": Style(color="magenta"),
    "cyan": Style(color="cyan"),
    "grey": Style(dim=True),
    "fill": Style(reverse=True),
    "bold": Style(bold=True),
    "italic": Style(italic=True),
    "underline": Style(underline=True),
    "strike": Style(strike=True),
}


def draw_panels(canvas: RowLayout, pictures: Sequence[PanelPicture], size: tuple[int, int], now: float) -> Rows:
    """Draw as many panels as fit `size` (columns, rows), one below the other, each with its newest lines."""
    width, height = size
    shown = pictures[: max(0, height // MIN_ROWS)]
    rows: Rows = []
    for place, picture in enumerate(shown):
        room = (height - len(rows)) // (len(shown) - place)
        rows += _draw_panel(canvas, picture, width, room, now)
    return rows


def _draw_panel(canvas: RowLayout, picture: PanelPicture, width: int, height: int, now: float) -> Rows:
    shape, style = mark(picture.state)
    if picture.note:
        right = Text(f"{shape} {clean(picture.note)}", style)
    else:
        right = Text("" if picture.changed_at is None else age_text(now - picture.changed_at), "dim")
    right.truncate(max(0, width * 2 // 3), overflow="ellipsis")
    head = canvas.row(Text(clean(picture.title), "bold"), right, width, "underline")
    lines = picture.rows[-(height - 1) :]
    body = [_draw_row(line, width) for line in lines]
    return [head, *body, *[blank(width)] * (min(height - 1, picture.lines) - len(body))]


def _draw_row(row: PanelRow, width: int) -> Row:
    return Segment.adjust_line_length([_draw_span(span) for span in row], width)


def _draw_span(span: StyledText) -> Segment:
    return Segment(clean(span.text), Style.combine(_STYLES[word] for word in span.words) if span.words else None)
