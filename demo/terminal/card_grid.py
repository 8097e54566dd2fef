"""The nodes as cards that fit their box: in columns along their links, else as a grid, the worst first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rich.segment import Segment
from rich.text import Text

from demo.terminal.node_cards import FRAMED, GONE, NodeCards
from demo.terminal.row_layout import Row, RowLayout, Rows, blank
from demo.terminal.style import VERMILION
from demo.views import CardView
from demo.views.picture import SystemView

LEAST, MOST = 22, 44
"""Minimum and maximum width of a card, in cells."""

_FORMS = ((30, FRAMED, 1), (30, FRAMED, 0), (30, 3, 1), (LEAST, 3, 1), (LEAST, 3, 0), (LEAST, 2, 0), (LEAST, 1, 0))
"""Minimum width of a card, its rows, blank rows between two: the roomiest first."""

_COLUMN_FORMS = ((FRAMED, 1), (FRAMED, 0), (2, 1), (2, 0), (1, 0))
"""The same for cards in columns along their links, which are as wide as there is room."""

MAX_COLUMNS, LEAST_IN_COLUMN, LEAST_FRAMED = 4, 18, 26
_BETWEEN, _LINK = 2, 5
_ORDER = {"down": 0, "offline": 0, "degraded": 1, "unknown": 2, "starting": 2, "stale": 3}


@dataclass(frozen=True, slots=True)
class CardGrid:
    """Draws cards as they are at the moment `now`."""

    canvas: RowLayout
    now: float
    view: SystemView = field(default_factory=SystemView)

    @property
    def nodes(self) -> NodeCards:
        return NodeCards(self.canvas, self.now, self.view)

    def fit(self, cards: Sequence[CardView], width: int, height: int) -> Rows:
        """Return the rows of the roomiest form that fits into `height`; if none does, the worst cards and a count."""
        if not cards or height < 1:
            return []
        columns = list_columns(cards)
        if self._has_room_for(columns, width):
            most = max(len(column) for column in columns)
            is_narrow = (width + _LINK) // len(columns) - _LINK < LEAST_FRAMED
            for card_rows, gap in _COLUMN_FORMS[2 if is_narrow else 0 :]:
                if most * (card_rows + gap) - gap <= height:
                    return self._draw_columns(columns, card_rows, gap, width)
        for least, card_rows, gap in _FORMS:
            count, card_width = _fit_columns(len(cards), width, least)
            lines = -(-len(cards) // count)
            if lines * (card_rows + gap) - gap <= height:
                return self._draw(cards, count, card_width, card_rows, gap, width)
        count, card_width = _fit_columns(len(cards), width, LEAST)
        room = count * height - 1
        shown = sorted(cards, key=lambda card: _ORDER.get(card.state, 4))
        rows = self._draw(shown[:room], count, card_width, 1, 0, width, more=_summarize(shown[room:]))
        return rows[:height]

    def count_least(self, cards: Sequence[CardView], width: int) -> int:
        """Return how many rows all cards need at least."""
        if not cards:
            return 0
        least = -(-len(cards) // _fit_columns(len(cards), width, LEAST)[0])
        columns = list_columns(cards)
        along_links = max(len(column) for column in columns)
        # One row more is well spent on columns that show what leads where.
        return along_links if self._has_room_for(columns, width) and along_links <= least + 1 else least

    def _has_room_for(self, columns: Sequence[Sequence[CardView]], width: int) -> bool:
        return 1 < len(columns) <= MAX_COLUMNS and (width + _LINK) // len(columns) - _LINK >= LEAST_IN_COLUMN

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
        boxes = [self.nodes.draw(card, card_width, card_rows) for card in cards]
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

    def _draw_columns(self, columns: Sequence[Sequence[CardView]], card_rows: int, gap: int, width: int) -> Rows:
        """Draw the columns side by side, each in the middle of the height; a link leads into each card that has one."""
        card_width = min(MOST, (width + _LINK) // len(columns) - _LINK)
        height = max(len(column) for column in columns) * (card_rows + gap) - gap
        by_id = {card.id: card for column in columns for card in column}
        rows: Rows = [[] for _ in range(height)]
        for place, column in enumerate(columns):
            cells: Rows = [blank(card_width) for _ in range(height)]
            links: Rows = [blank(_LINK) for _ in range(height)]
            top = (height - len(column) * (card_rows + gap) + gap) // 2
            for index, card in enumerate(column):
                first = top + index * (card_rows + gap)
                cells[first : first + card_rows] = self.nodes.draw(card, card_width, card_rows)
                links[first + (card_rows == FRAMED)] = self._draw_link(card, by_id)
            for row, link, cell in zip(rows, links, cells, strict=True):
                row += [*(link if place else []), *cell]
        return [Segment.adjust_line_length(row, width) for row in rows]

    def _draw_link(self, card: CardView, by_id: Mapping[str, CardView]) -> Row:
        """Draw the link into a card: broken where the card, or all that lead to it, are gone."""
        sources = [other for other in by_id.values() if card.id in other.links]
        if not sources:
            return blank(_LINK)
        is_broken = card.state in GONE or all(other.state in GONE for other in sources)
        return self.canvas.row(Text(" ╌╌✗ ", VERMILION) if is_broken else Text(" ──▸ ", "dim"), None, _LINK)


def list_columns(cards: Sequence[CardView]) -> list[list[CardView]]:
    """Sort cards by how many links lead to them, one after the other: what sends is left of what it sends to.

    All in one column where there are no links, or where they lead in a circle.
    """
    depth = {card.id: 0 for card in cards}
    for _ in cards:
        before = dict(depth)
        for card in cards:
            for target in card.links:
                if target in depth:
                    depth[target] = max(depth[target], depth[card.id] + 1)
        if depth == before:
            break
    else:
        return [list(cards)]
    columns: list[list[CardView]] = [[] for _ in range(1 + max(depth.values(), default=0))]
    for card in cards:
        columns[depth[card.id]].append(card)
    return columns


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
