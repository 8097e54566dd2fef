"""What happened, above the curves: a line for each moment, its sign at the head, and the text beside it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text

from demo.clean import clean
from demo.terminal.row_layout import Row, RowLayout, Rows
from demo.terminal.style import BLUE, TEAL, VERMILION
from demo.views import TimelineView

MERGED_SEC, SEEN_SEC = 1.0, 5.0
"""Marks that follow each other within the first share a line; what tells when a fault was seen, within the second."""

LEFT_SHARE = 0.4
"""A text stands left of its line, or right of it where that is within this share of the axis."""

_LINES = {"down": ("✗", "│", VERMILION), "seen": ("◦", "┊", ""), "up": ("●", "┆", TEAL), "note": ("◆", "┊", BLUE)}


_Piece = tuple[str, str]
"""A text and its style; a row has them by where they begin."""


@dataclass(frozen=True, slots=True)
class MarkLine:
    """A column of the axis with its sign, what the line is drawn with, and the texts beside the sign."""

    column: int
    sign: str
    line: str
    style: str
    texts: tuple[str, ...]


def gather_lines(view: TimelineView, columns: int) -> tuple[MarkLine, ...]:
    """Return the lines of an axis that is `columns` wide, the oldest first; marks that are close share one."""
    lines: list[MarkLine] = []
    began, kind = 0.0, ""
    for mark in view.marks:
        column = columns - 1 - round((view.newest - mark.at) * columns / view.seconds)
        sign, line, style = _LINES.get(mark.kind, _LINES["note"])
        joins = mark.kind == "seen" and kind == "down" and mark.at - began < SEEN_SEC
        if lines and (joins or mark.at - began < MERGED_SEC or column == lines[-1].column):
            last = lines[-1]
            lines[-1] = MarkLine(last.column, last.sign, last.line, last.style, (*last.texts, clean(mark.text)))
        elif 0 <= column < columns:
            lines.append(MarkLine(column, sign, line, style, (clean(mark.text),)))
            began, kind = mark.at, mark.kind
    return tuple(lines)


def draw_mark_rows(canvas: RowLayout, lines: Sequence[MarkLine], size: tuple[int, int, int], count: int) -> Rows:
    """Draw `count` rows above the curves. `size`: the width, where the axis begins, and how wide it is.

    The newest texts have room first; a text that does not fit is left out, its sign is not.
    """
    width, start, axis = size
    if count < 1:
        return []
    # Until a line has its text, its sign is in the lowest row, and every row is left free for it there.
    rows: list[dict[int, _Piece]] = [
        {start + line.column: (line.sign if row == count - 1 else " ", line.style) for line in lines}
        for row in range(count)
    ]
    for line in reversed(lines):
        column = start + line.column
        row, at, text = next(_find_places(line, rows, (column, width, axis)), (count - 1, -1, ""))
        rows[row][column] = (line.sign, line.style)
        for below in rows[row + 1 :]:
            below[column] = (line.line, line.style)
        if text:
            rows[row][at] = (text, line.style)
    return [_join(canvas, row, width) for row in rows]


def _find_places(
    line: MarkLine, rows: Sequence[Mapping[int, _Piece]], place: tuple[int, int, int]
) -> Iterator[tuple[int, int, str]]:
    """Yield rows, columns and texts that have room: all texts first, on the preferred side, in the lowest row.

    Where they have none, what happened first is said alone.
    """
    column, width, axis = place
    for text in dict.fromkeys((" · ".join(line.texts), line.texts[0])):
        length = cell_len(text)
        left, right = column - 1 - length, column + 2
        sides = (right, left) if line.column < LEFT_SHARE * axis else (left, right)
        for at, row in ((at, row) for at in sides for row in reversed(range(len(rows)))):
            is_free = all(
                at + length < first or at > first + cell_len(other) for first, (other, _) in rows[row].items()
            )
            if text and at >= 0 and at + length <= width and is_free:
                yield row, at, text


def _join(canvas: RowLayout, pieces: Mapping[int, _Piece], width: int) -> Row:
    text = Text(no_wrap=True)
    for at, (words, style) in sorted(pieces.items()):
        text.append(" " * (at - text.cell_len)).append(words, style)
    return canvas.row(text, None, width)
