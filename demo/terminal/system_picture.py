"""The picture of the system: nodes or limited keys, the curves of their numbers, and the rest as one quiet strip."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text

from demo.show import ShowState
from demo.terminal.card_grid import CardGrid
from demo.terminal.key_bars import draw_keys
from demo.terminal.node_cards import FRAMED
from demo.terminal.output_panels import draw_panels
from demo.terminal.rest_strip import draw_rest
from demo.terminal.row_layout import RowLayout, Rows, blank
from demo.terminal.time_curves import MARK_ROWS, count_strips, draw_curves
from demo.terminal.vote_panel import draw_vote
from demo.views import CardView, StageView, TimelineView, listed
from demo.views.ballots import TallyView
from demo.views.picture import MAX_CARDS, RestView, further_curves

LARGE_CARDS = 20
"""Rows from which more than half of the picture's height may go to cards in frames."""

MAX_FURTHER = 4
"""How many curves of other numbers there are besides those of the chapter."""


@dataclass(frozen=True, slots=True)
class SystemPicture:
    """Draws the picture as it is at the moment `now`. `tally`: the vote, as the audience may know it."""

    canvas: RowLayout
    state: ShowState
    stage: StageView
    tally: TallyView | None
    now: float

    @property
    def has_vote(self) -> bool:
        """Return whether the vote has the picture's place."""
        return self.tally is not None and self.tally.is_large and self.stage.mode in ("story", "prediction")

    @property
    def is_empty(self) -> bool:
        if self.has_vote:
            return False
        return self.stage.mode not in ("story", "verdict") or not (self.stage.has_panels or self.stage.has_system)

    @property
    def cards(self) -> tuple[CardView, ...]:
        return listed(self.stage.system.cards)

    def count_least(self, width: int) -> int:
        """Return how many rows the picture needs to show each part of it once."""
        if self.is_empty:
            return 0
        if self.has_vote:
            return 4 + len(self.tally.answers if self.tally else ())
        if self.stage.has_panels:
            return 6
        curves = count_strips(self.stage.timeline)
        return self._count_least_nodes(width) + (curves + 1 if curves else 0) + bool(self.stage.rest)

    def _count_least_nodes(self, width: int) -> int:
        keys = len(self.stage.system.keys)
        return keys + 1 if keys else CardGrid(self.canvas, self.now).count_least(self.cards, width)

    def draw(self, width: int, height: int) -> Rows:
        """Draw the picture in at most `height` rows."""
        if self.is_empty or height < 1:
            return []
        if self.tally is not None and self.has_vote:
            return draw_vote(self.canvas, self.tally, (width, height))
        if self.stage.has_panels:
            rest = self._draw_rest(self.stage.rest, width, height)
            pictures = self.stage.panels.pictures
            return draw_panels(self.canvas, pictures, (width, height - len(rest)), self.now) + rest
        if self.stage.system.kind == "none":
            return [self.canvas.row(Text("◌ no health data yet: waiting for the first sample", "dim"), None, width)]
        return self._draw_system(width, height)

    def _draw_system(self, width: int, height: int) -> Rows:
        further = self._find_further(height)
        rest = self._draw_rest(_leave_out(self.stage.rest, further), width, height)
        timeline = _join(self.stage.timeline, further)
        strips = count_strips(timeline)
        if self.stage.mode == "verdict" and height < LARGE_CARDS:
            # Beside a verdict there is only room for how it came about.
            curves = draw_curves(self.canvas, timeline, self.stage.freshness, (width, height - len(rest)))
            return [*curves, *rest] if len(curves) > 1 else rest
        room = height - len(rest)
        nodes = self._draw_nodes(width, max(1, room - self._count_curve_rows(width, room, strips)))
        free = room - len(nodes) - (strips + 2 if strips else 0)
        gap = [blank(width)] if nodes and free >= 2 else []
        foot = [blank(width)] if gap and rest and strips else []
        size = (width, max(0, room - len(nodes) - len(gap) - len(foot)))
        curves = draw_curves(self.canvas, timeline, self.stage.freshness, size)
        return [*nodes, *gap, *curves, *foot, *rest][:height]

    def _count_curve_rows(self, width: int, room: int, strips: int) -> int:
        """Return how many rows the curves get before the nodes take what is left: more where that frames the nodes."""
        if not strips:
            return 0
        least_nodes = self._count_least_nodes(width)
        for rows_each in (3, 2):
            wished = rows_each * strips + MARK_ROWS + 2
            if room >= LARGE_CARDS and room - wished >= FRAMED * least_nodes:
                return wished
        wished = 2 * strips + MARK_ROWS + 2 if room >= LARGE_CARDS else strips + 2
        return max(1, min(wished, room - least_nodes))

    def _draw_nodes(self, width: int, height: int) -> Rows:
        if self.stage.system.kind == "keys":
            return draw_keys(self.canvas, self.stage.system.keys, (width, height))
        return CardGrid(self.canvas, self.now, self.stage.system).fit(self.cards, width, height)

    def _find_further(self, height: int) -> TimelineView:
        """Return curves of other numbers, as many as have room beside the chapter's own."""
        own = count_strips(self.stage.timeline)
        nodes = min(len(self.stage.system.cards), MAX_CARDS)
        room = (height - 2 * own - 2 * nodes - MARK_ROWS - 4) // 2
        if height < LARGE_CARDS or room < 1 or not own:
            return TimelineView()
        found = further_curves(self.state)
        return TimelineView(found.plots[: min(room, MAX_FURTHER)], found.marks, found.newest, found.seconds)

    def _draw_rest(self, items: Sequence[RestView], width: int, height: int) -> Rows:
        return draw_rest(self.canvas, items, width) if height > 2 else []


def _join(own: TimelineView, further: TimelineView) -> TimelineView:
    return TimelineView((*own.plots, *further.plots), own.marks, own.newest, own.seconds)


def _leave_out(items: Sequence[RestView], further: TimelineView) -> list[RestView]:
    """Return the items of the strip that no curve shows: a number stands once."""
    drawn = {plot.label for plot in further.plots}
    return [item for item in items if item.text not in drawn]
