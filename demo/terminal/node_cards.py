"""One node as a card of one, two or three rows, or in a frame: its shape, its name, its state as a word, its number."""

from dataclasses import dataclass, field

from rich.segment import Segment
from rich.text import Text

from demo.terminal.row_layout import RowLayout, Rows
from demo.terminal.style import AMBER, BLUE, VERMILION, age_text, left_text, mark, parts
from demo.views import CardView
from demo.views.cards import state_word
from demo.views.picture import SystemView

FRAMED = 4
"""Rows of a card in a frame."""

BESIDE = 34
"""From this width on a card of one row has its number and the word of its state."""

GONE = ("down", "offline")
_LIGHT, _HEAVY = tuple("╭─╮│╰╯"), tuple("┏━┓┃┗┛")


@dataclass(frozen=True, slots=True)
class NodeCards:
    """Draws cards as they are at the moment `now`; `view` says which of them the chapter, or a fault, is about."""

    canvas: RowLayout
    now: float
    view: SystemView = field(default_factory=SystemView)

    def draw(self, card: CardView, width: int, rows: int) -> Rows:
        """Draw a card: filled if its node is down, with an edge if it is degraded, plain if it is healthy."""
        if rows == FRAMED:
            return self._draw_framed(card, width)
        shape, style = mark(card.state)
        ground = f"reverse {style}" if card.state in GONE else ""
        edge = ("▌" if card.state == "degraded" else " ", style)
        head = parts(edge, (f"{shape} ", style), (card.name, self._emphasis(card)))
        if rows == 1:
            return [self.canvas.row(head, self._end_of_row(card, width, width - head.cell_len - 1), width, ground)]
        number = parts(edge, ("  ", "")).append_text(self._number(card))
        drawn = [
            self.canvas.row(head, self._word(card, width - head.cell_len - 1), width, ground),
            self.canvas.row(number, self._aside(card), width, ground),
        ]
        if rows > 2:
            drawn.append(self.canvas.row(parts(edge, (f"  {card.sub}", self._soft(card))), None, width, ground))
        return drawn

    def _draw_framed(self, card: CardView, width: int) -> Rows:
        shape, style = mark(card.state)
        is_marked = card.id in self.view.focus or card.id in self.view.hit_nodes or card.id in self.view.next_targets
        left, bar, right, side, low_left, low_right = _HEAVY if is_marked else _LIGHT
        tone = style if card.state != "up" else BLUE if card.id in self.view.focus else "dim"
        tone = VERMILION if card.id in self.view.next_targets else tone
        inner = max(0, width - 4)
        ground = f"reverse {style}" if card.state in GONE else ""
        head = parts((f"{shape} ", style), (card.name, self._emphasis(card)))
        number = self._number(card)
        is_told = card.sub == state_word(card) or len(card.sub) + number.cell_len >= inner
        detail = parts(("" if is_told else card.sub, self._soft(card)))
        body = [
            self.canvas.row(head, self._word(card, inner - head.cell_len - 1), inner, ground),
            self.canvas.row(number, self._aside(card) or detail, inner, ground),
        ]
        edge = self.canvas.rows(Text(side, tone), 1)[0]
        space = [Segment(" ")]
        framed = [[*edge, *space, *row, *space, *edge] for row in body]
        rule = bar * (width - 2)
        top, foot = f"{left}{rule}{right}", f"{low_left}{rule}{low_right}"
        return [self.canvas.row(Text(top, tone), None, width), *framed, self.canvas.row(Text(foot, tone), None, width)]

    def _emphasis(self, card: CardView) -> str:
        if mark(card.state)[1] == "dim":
            return "dim"
        return "bold" if card.id in self.view.focus or not self.view.focus else ""

    def _soft(self, card: CardView) -> str:
        return "" if card.state in GONE else "dim"

    def _number(self, card: CardView) -> Text:
        return parts((card.main, self._emphasis(card)), (f" {card.unit}" if card.unit else "", self._soft(card)))

    def _word(self, card: CardView, room: int) -> Text:
        """Return the state in a word; on the node that a countdown ends at, how long it still has.

        A healthy node whose name needs the room has none: its shape says it.
        """
        if (
            card.id in self.view.next_targets
            and self.view.next_fault_at is not None
            and self.view.next_fault_at > self.now
        ):
            return parts((f" in {left_text(self.view.next_fault_at - self.now)} ", f"bold reverse {VERMILION}"))
        style = mark(card.state)[1]
        if card.state == "up" and room < len(state_word(card)):
            return Text()
        tone = "dim" if card.state == "up" or style == "dim" else f"bold {style}"
        return parts((state_word(card) + " " * (card.state in GONE), tone))

    def _aside(self, card: CardView) -> Text:
        """Return by how much a node carries more than before the fault, or how old an old number is."""
        if card.state == "stale":
            return parts((age_text(self.now - card.at), "dim"))
        return parts((dict(self.view.deltas).get(card.id, ""), f"bold {AMBER}"))

    def _end_of_row(self, card: CardView, width: int, room: int) -> Text:
        """Return what a card of one row has room for: the number of a healthy node, else the word of its state."""
        word = self._word(card, room)
        is_calm = card.state == "up" and card.id not in self.view.next_targets
        if width >= BESIDE:
            return self._number(card).append("  ").append_text(word)
        if not is_calm or not card.main.strip("–"):
            return word
        number, delta = self._number(card), self._aside(card)
        if number.cell_len + delta.cell_len + bool(delta) > room:  # a name is worth more than a unit
            number = parts((card.main, self._emphasis(card)))
        return number.append(" " if delta else "").append_text(delta)
