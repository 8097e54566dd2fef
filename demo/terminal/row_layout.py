"""Rows of the screen: rendering into them, stacking them, setting them side by side, and sharing out the height."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console, RenderableType
from rich.segment import Segment
from rich.style import Style
from rich.text import Text

Row = list[Segment]
Rows = list[Row]


@dataclass(frozen=True, slots=True)
class Block:
    """A part of the screen. It gets `least` rows before any block grows; a lower `rank` is served first.

    `gap`: a blank row above it, where there is room. `spare`: grows last, and is cut without saying so.
    """

    rows: Rows
    rank: int
    least: int = 1
    gap: bool = False
    spare: bool = False

    @property
    def wish(self) -> int:
        return len(self.rows) + (1 if self.gap and self.rows else 0)


class RowLayout:
    """Renders with a console's theme and colours, at any width."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def rows(self, renderable: RenderableType, width: int, style: str = "") -> Rows:
        """Return the renderable as rows of exactly `width` cells."""
        options = self._console.options.update(width=max(1, width), height=None, highlight=False)
        parsed_style = Style.parse(style) if style else None
        return self._console.render_lines(renderable, options, style=parsed_style, pad=True)

    def row(self, left: Text, right: Text | None, width: int, style: str = "") -> Row:
        """Return one row with texts at both ends; if they do not fit, the left one is cut."""
        line = Text(no_wrap=True, overflow="ellipsis", end="")
        right = right or Text()
        head = left.copy()
        head.truncate(max(0, width - right.cell_len - (1 if right.cell_len else 0)), overflow="ellipsis", pad=True)
        line.append_text(head)
        if right.cell_len:
            line.append(" ").append_text(right)
        line.truncate(width, overflow="ellipsis", pad=True)
        return self.rows(line, width, style)[0]


def blank(width: int) -> Row:
    return [Segment(" " * width)]


def beside(left: Rows, right: Rows, widths: tuple[int, int], between: int) -> Rows:
    """Set two columns side by side; the shorter one is padded."""
    height = max(len(left), len(right))
    one = left + [blank(widths[0])] * (height - len(left))
    two = right + [blank(widths[1])] * (height - len(right))
    return [[*a, Segment(" " * between), *b] for a, b in zip(one, two, strict=True)]


def stack(blocks: Sequence[Block], height: int, width: int) -> Rows:
    """Lay the blocks one below the other, cut and spaced to exactly `height` rows."""
    heights, gaps = share(blocks, height)
    rows: Rows = []
    for block, given, gap in zip(blocks, heights, gaps, strict=True):
        rows += [blank(width)] * gap
        rows += block.rows[:given] if block.spare else _cut(block.rows, given, width)
    return rows + [blank(width)] * (height - len(rows))


def share(blocks: Sequence[Block], height: int) -> tuple[list[int], list[int]]:
    """Share out `height` rows: how many each block gets, and whether (1 or 0) a blank one stands above it."""
    order = sorted(range(len(blocks)), key=lambda index: blocks[index].rank)
    heights, gaps, left = [0] * len(blocks), [0] * len(blocks), height
    for index in order:
        heights[index] = min(blocks[index].least, len(blocks[index].rows), left)
        left -= heights[index]
    # Two rounds: what must not be cut unseen grows first, then come the blank rows, then the spare blocks.
    for spare in (False, True):
        for index in order:
            if blocks[index].spare is spare:
                if spare and blocks[index].gap and not heights[index] and blocks[index].rows and left > 1:
                    gaps[index], left = 1, left - 1
                more = min(len(blocks[index].rows) - heights[index], left)
                heights[index] += more
                left -= more
        for index, block in enumerate(blocks):
            if not spare and block.gap and heights[index] and left:
                gaps[index] = 1
                left -= 1
    return heights, gaps


def _cut(rows: Rows, height: int, width: int) -> Rows:
    """Cut rows to `height`; the last one says how many more there are."""
    if len(rows) <= height or height == 0:
        return rows[:height]
    if height == 1:
        return rows[:1]
    more = f"… {len(rows) - height + 1} more lines"[:width]
    return [*rows[: height - 1], [Segment(more.ljust(width), Style(dim=True))]]
