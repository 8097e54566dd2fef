"""The health cards as a grid that fits its box: three, two or one row a card; the worst first if not all fit."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.segment import Segment
from rich.text import Text

from demo.terminal.row_layout import RowLayout, Rows, blank
from demo.terminal.style import age_text, mark, parts, spark
from demo.views import CardView

LEAST, MOST = 22, 44
"""Minimum and maximum width of a card, in cells."""

_FORMS = ((30, 3, 1), (LEAST, 3, 1), (LEAST, 3, 0), (LEAST, 2, 0), (LEAST, 1, 0))
"""Minimum width of a card, its rows, blank rows between two: the roomiest first."""

_BETWEEN = 2
_ORDER = {"down": 0, "offline": 0, "degraded": 1, "unknown": 2, "starting": 2, "stale": 3}


@dataclass(frozen=True, slots=True)
class CardGrid:
    """Draws cards as they are at the moment `now`."""

    canvas: RowLayout
    now: float

    def fit(self, cards: Sequence[CardView], width: int, height: int) -> Rows:
        """Return the rows of the roomiest form that fits into `height`; if none does, the worst cards and a count."""
        if not cards or height < 1:
            return []
        for least, card_rows, gap in _FORMS:
            columns, card_width = _fit_columns(len(cards), width, least)
            lines = -(-len(cards) // columns)
            if lines * (card_rows + gap) - gap <= height:
                return self._draw(cards, columns, card_width, card_rows, gap, width)
        room = columns * height - 1
        shown = sorted(cards, key=lambda card: _ORDER.get(card.state, 4))
        rows = self._draw(shown[:room], columns, card_width, 1, 0, width, more=_summarize(shown[room:]))
        return rows[:height]

    def _draw(
        self,
        cards: Sequence[CardView],
        columns: int,
        card_width: int,
        card_rows: int,
        gap: int,
        width: int,
        more: str = "",
    ) -> Rows:
        boxes = [self._draw_card(card, card_width, card_rows) for card in cards]
        if more:
            boxes.append(self.canvas.rows(Text(more, "dim", no_wrap=True, overflow="ellipsis"), card_width)[:1])
        rows: Rows = []
        for start in range(0, len(boxes), columns):
            line = boxes[start : start + columns]
            if rows:
                rows += [blank(width)] * gap
            for index in range(card_rows):
                row = []
                for box in line:
                    row += [*box[index], *blank(_BETWEEN)] if index < len(box) else blank(card_width + _BETWEEN)
                rows.append(Segment.adjust_line_length(row, width))
        return rows

    def _draw_card(self, card: CardView, width: int, card_rows: int) -> Rows:
        """Draw one card: filled if its node is down, with an edge if it is degraded, plain if it is healthy."""
        shape, style = mark(card.state)
        is_down, is_quiet = card.state in ("down", "offline"), style == "dim"
        ground, soft = (f"reverse {style}", "") if is_down else ("", "dim")
        edge = ("▌" if card.state == "degraded" else " ", style)
        strong = "dim" if is_quiet else "bold"
        head = parts(edge, (f"{shape} ", style), (card.name, strong))
        word = parts((card.word + " " * is_down, "dim" if is_quiet else f"bold {style}"))
        number = parts(edge, (f"  {card.main} ", strong), (card.unit, soft))
        age = parts((age_text(self.now - card.at) + " " * is_down, soft))
        if card_rows == 1:
            return [self.canvas.row(head, word, width, ground)]
        bars = Text() if is_down else spark(card.trend, min(12, max(0, width - number.cell_len - 1)))[0]
        rows = [
            self.canvas.row(head, word, width, ground),
            self.canvas.row(number, age if card.state == "stale" else bars, width, ground),
        ]
        detail = parts(edge, (f"  {card.sub}", soft))
        if card.state != "stale" and detail.cell_len + age.cell_len + 1 > width:
            age = Text()  # the title line shows the age, too, and a detail that is cut is of no use
        return rows if card_rows == 2 else [*rows, self.canvas.row(detail, age, width, ground)]


def _fit_columns(count: int, width: int, least: int) -> tuple[int, int]:
    """Return how many columns fit, and how wide each is.

    Rows are evened out: three and three rather than five and a single card below.
    """
    columns = max(1, min(count, (width + _BETWEEN) // (least + _BETWEEN)))
    columns = -(-count // -(-count // columns))
    return columns, max(1, min(MOST, (width + _BETWEEN) // columns - _BETWEEN))


def _summarize(cards: Sequence[CardView]) -> str:
    bad = sum(1 for card in cards if card.state != "up")
    return f" … {len(cards)} more, {bad} not up" if bad else f" … {len(cards)} more, all up"
