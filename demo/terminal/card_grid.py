"""The health cards as a grid that fits its box: three rows a card, two, or one; the worst first if not all fit."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.segment import Segment
from rich.text import Text

from demo.terminal.row_layout import RowLayout, Rows, blank
from demo.terminal.style import age_text, mark, parts, spark
from demo.views import CardView

LEAST, MOST = 22, 44
"""Cells that a card is wide."""

_FORMS = ((30, 3, 1), (LEAST, 3, 1), (LEAST, 3, 0), (LEAST, 2, 0), (LEAST, 1, 0))
"""Width, rows of a card, rows between: the roomiest first."""

_BETWEEN = 2
_ORDER = {"down": 0, "offline": 0, "degraded": 1, "unknown": 2, "starting": 2, "stale": 3}


@dataclass(frozen=True, slots=True)
class CardGrid:
    """Draws cards as they are at the moment `now`."""

    canvas: RowLayout
    now: float

    def fit(self, cards: Sequence[CardView], width: int, height: int) -> Rows:
        """The roomiest form whose rows fit into `height`."""
        if not cards or height < 1:
            return []
        for least, form, gap in _FORMS:
            columns, cell = _columns(len(cards), width, least)
            lines = -(-len(cards) // columns)
            if lines * (form + gap) - gap <= height:
                return self._draw(cards, columns, cell, form, gap, width)
        room = columns * height - 1
        shown = sorted(cards, key=lambda card: _ORDER.get(card.state, 4))
        rows = self._draw(shown[:room], columns, cell, 1, 0, width, more=_rest(shown[room:]))
        return rows[:height]

    def _draw(
        self, cards: Sequence[CardView], columns: int, cell: int, form: int, gap: int, width: int, more: str = ""
    ) -> Rows:
        boxes = [self._card(card, cell, form) for card in cards]
        if more:
            boxes.append(self.canvas.rows(Text(more, "dim", no_wrap=True, overflow="ellipsis"), cell)[:1])
        rows: Rows = []
        for start in range(0, len(boxes), columns):
            line = boxes[start : start + columns]
            if rows:
                rows += [blank(width)] * gap
            for index in range(form):
                row = []
                for box in line:
                    row += [*box[index], *blank(_BETWEEN)] if index < len(box) else blank(cell + _BETWEEN)
                rows.append(Segment.adjust_line_length(row, width))
        return rows

    def _card(self, card: CardView, width: int, form: int) -> Rows:
        """A dead card fills, a degraded one has an edge, a healthy one is quiet."""
        shape, style = mark(card.state)
        dead, quiet = card.state in ("down", "offline"), style == "dim"
        ground, soft = (f"reverse {style}", "") if dead else ("", "dim")
        edge = ("▌" if card.state == "degraded" else " ", style)
        strong = "dim" if quiet else "bold"
        head = parts(edge, (f"{shape} ", style), (card.name, strong))
        word = parts((card.word + " " * dead, "dim" if quiet else f"bold {style}"))
        number = parts(edge, (f"  {card.main} ", strong), (card.unit, soft))
        age = parts((age_text(self.now - card.at) + " " * dead, soft))
        if form == 1:
            return [self.canvas.row(head, word, width, ground)]
        bars = Text() if dead else spark(card.trend, min(12, max(0, width - number.cell_len - 1)))[0]
        rows = [
            self.canvas.row(head, word, width, ground),
            self.canvas.row(number, age if card.state == "stale" else bars, width, ground),
        ]
        detail = parts(edge, (f"  {card.sub}", soft))
        if card.state != "stale" and detail.cell_len + age.cell_len + 1 > width:
            age = Text()  # as old as the title line says; a cut detail tells nobody anything
        return rows if form == 2 else [*rows, self.canvas.row(detail, age, width, ground)]


def _columns(count: int, width: int, least: int) -> tuple[int, int]:
    """How many columns, and how wide. Even rows look calmer than a full one with a single card below it."""
    columns = max(1, min(count, (width + _BETWEEN) // (least + _BETWEEN)))
    columns = -(-count // -(-count // columns))
    return columns, max(1, min(MOST, (width + _BETWEEN) // columns - _BETWEEN))


def _rest(cards: Sequence[CardView]) -> str:
    bad = sum(1 for card in cards if card.state != "up")
    return f" … {len(cards)} more, {bad} not up" if bad else f" … {len(cards)} more, all up"
