"""Limited keys as bars against their limit: counted, not counted, and over the limit, told apart by their shape."""

from collections.abc import Sequence

from rich.text import Text

from demo.terminal.row_layout import Row, RowLayout, Rows, blank
from demo.terminal.style import AMBER, BLUE, TEAL, VERMILION, mark, parts
from demo.views import number_text
from demo.views.key_bars import DrawnBar, draw_bar
from demo.views.picture import KeyView

NAME, NUMBERS = 14, 26
"""Cells for a key's name and for its numbers; the bar has the rest."""

LEAST_BAR = 10
_COUNTED, _MISSED, _OVER, _LIMIT = "█", "▒", "█", "│"


def draw_keys(canvas: RowLayout, keys: Sequence[KeyView], size: tuple[int, int]) -> Rows:
    """Draw a bar for each key, as thick as `size` (columns, rows) allows, and below them what their parts mean."""
    width, height = size
    shown = keys[: max(0, height)]
    if not shown:
        return []
    has_legend = height > len(shown)
    room = height - has_legend
    thick = 2 if room >= 3 * len(shown) - 1 else 1
    gap = 1 if room >= (thick + 1) * len(shown) - 1 else 0
    rows: Rows = []
    for place, key in enumerate(shown):
        rows += [blank(width)] * (gap if place else 0)
        rows += _draw_key(canvas, key, width, thick)
    if not has_legend:
        return rows
    space = [blank(width)] if gap and len(rows) + 1 < height else []
    return [*rows, *space, _draw_legend(canvas, width)]


def _draw_key(canvas: RowLayout, key: KeyView, width: int, thick: int) -> Rows:
    shape, style = mark(key.state)
    name = parts((key.name, "bold"))
    name.truncate(NAME - 1, overflow="ellipsis", pad=True)
    over = f" +{number_text(key.over)} over" if key.over else ""
    numbers = parts((f"{shape} ", style), (number_text(key.admitted), "bold"))
    numbers.append_text(parts((f" of {number_text(key.limit)}", ""), (over, f"bold {style}")))
    bar = _draw_bar(key, width - NAME - NUMBERS) if width >= NAME + NUMBERS + LEAST_BAR else Text()
    head = Text.assemble(name, " ", bar, "  " if bar else "", numbers)
    return [canvas.row(head, None, width)] + [canvas.row(Text(" " * NAME).append_text(bar), None, width)] * (thick - 1)


def _draw_bar(key: KeyView, width: int) -> Text:
    drawn: DrawnBar = draw_bar(key)
    limit = round(drawn.limit * width / 100)
    is_live = key.state != "stale"
    text = Text(no_wrap=True)
    for column in range(width):
        here = (column + 0.5) * 100 / width
        if column == limit:
            text.append(_LIMIT, "bold")
        elif here < min(drawn.counted, drawn.limit):
            text.append(_COUNTED, BLUE if is_live else "dim")
        elif here < min(drawn.counted + drawn.missed, drawn.limit):
            text.append(_MISSED, AMBER if is_live else "dim")
        elif drawn.limit <= here < drawn.over_from + drawn.over:
            text.append(_OVER, VERMILION if is_live else "dim")
        else:
            text.append("·", "dim")
    return text


def _draw_legend(canvas: RowLayout, width: int) -> Row:
    legend = (("█", BLUE), (" counted  ", "dim"), ("▒", AMBER), (" not counted  ", "dim"), ("│", TEAL))
    text = Text(" " * NAME + " ").append_text(parts(*legend))
    text.append(" limit, ", "dim").append("█", VERMILION).append(" behind it over the limit", "dim")
    return canvas.row(text, None, width)
