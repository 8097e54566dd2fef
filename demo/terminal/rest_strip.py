"""The quiet strip: what is not in the focus, as one row of a mark, a number and a word each."""

from collections.abc import Iterable

from rich.text import Text

from demo.terminal.row_layout import RowLayout, Rows
from demo.terminal.style import mark, parts
from demo.views.picture import RestView

_BETWEEN = 3


def draw_rest(canvas: RowLayout, items: Iterable[RestView], width: int) -> Rows:
    """Draw as many items as the row has room for, at least one; none where there is nothing to say."""
    line = Text(no_wrap=True)
    for item in items:
        shape, style = mark(item.state)
        is_bad = item.state in ("down", "degraded", "offline")
        sign = f"{shape} " if item.state else ""  # A number that is neither good nor bad has no mark.
        text = parts((sign, style), (item.name, "bold"), (f" {item.text}", style if is_bad else "dim"))
        if line and line.cell_len + _BETWEEN + text.cell_len > width:
            break
        line.append(" " * _BETWEEN if line else "").append_text(text)
    return [canvas.row(line, None, width)] if line else []
