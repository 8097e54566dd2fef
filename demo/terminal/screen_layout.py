"""The whole screen at one moment: which parts it has, where they stand, and how many rows each gets."""

from dataclasses import dataclass, field

from rich.console import Console
from rich.text import Text

from demo.clean import clean
from demo.invitation import Invitation
from demo.markup import hint_to_rich
from demo.panels.picture import Panels
from demo.show import ShowState
from demo.terminal.card_grid import CardGrid
from demo.terminal.keymap import Keypad
from demo.terminal.output_panels import draw_panels
from demo.terminal.overlays import overlay
from demo.terminal.panels import Panels as ScreenParts
from demo.terminal.row_layout import Block, Row, RowLayout, Rows, beside, blank, stack
from demo.terminal.style import AMBER
from demo.types import DEFAULT_KEY_HINT
from demo.views import PresenterView, StageView, listed, presenter_view, stage_view

SIDE_BY_SIDE = 108
"""From this width on the story stands left and the system right."""

_BETWEEN = 4
_KEYS_HINT = "C faults · U heal all · X X halt · ? keys"


@dataclass(frozen=True, slots=True)
class TerminalState:
    """What belongs to this terminal alone. `now` is a moment; `printed` holds lines that other code printed."""

    now: float
    pad: Keypad = field(default_factory=Keypad)
    notices: tuple[str, ...] = ()
    notes: bool = False
    printed: tuple[str, ...] = ()
    invitation: Invitation | None = None
    panels: Panels | None = None


def draw_screen(console: Console, state: ShowState, desk: TerminalState, size: tuple[int, int]) -> Rows:
    """Draw the screen: exactly as many rows, each exactly as wide, as `size` (columns, rows) says."""
    return _Frame(console, state, desk, size).rows()


class _Frame:
    def __init__(self, console: Console, state: ShowState, own: TerminalState, size: tuple[int, int]) -> None:
        self.columns, self.height = size
        self.margin = 1 if self.columns >= 40 else 0
        self.width = max(1, self.columns - 2 * self.margin)
        self.state, self.own = state, own
        self.stage: StageView = stage_view(state, private=True, panels=own.panels)
        self.presenter: PresenterView = presenter_view(state, {})
        self.cards = () if self.stage.has_large_panels else listed(self.stage.cards)
        self.canvas = RowLayout(console)
        self.panels = ScreenParts(self.canvas, own.now)
        self.grid = CardGrid(self.canvas, own.now)

    def rows(self) -> Rows:
        if not self.state.visit:
            return self._draw_centred("starting · Q quits")
        if self.state.blackout and not self.own.pad.mode:
            return self._draw_centred("blackout · B ends it")
        foot = [blank(self.width)] if self.height >= 30 else []
        foot += [self.panels.line(self.stage, self.width)] if self.height >= 12 else []
        foot += [self._draw_notice(), self._draw_hint()]
        head = [self.panels.title(self.stage, self.presenter.timer, self.state.freshness_reason, self.width)]
        head += [self._draw_frozen_row()] if self.presenter.frozen_on is not None and self.height >= 6 else []
        head += [blank(self.width)] if self.height >= 16 else []
        body = self._draw_body(self.height - len(head) - len(foot))
        rows = head + body + foot if self.height >= 4 else [*head, *foot[-1:], blank(self.width)][: self.height]
        side = blank(self.margin)
        return [[*side, *row, *side] if self.margin else row for row in rows]

    def _draw_centred(self, text: str) -> Rows:
        word = Text(text, "dim", justify="center", no_wrap=True)
        notice = Text(self.own.notices[-1] if self.own.notices else "", "dim", justify="center", no_wrap=True)
        middle = max(0, self.height // 2 - 1)
        rows = [blank(self.columns)] * middle + self.canvas.rows(word, self.columns)[:1]
        rows += self.canvas.rows(notice, self.columns)[:1]
        return (rows + [blank(self.columns)] * self.height)[: self.height]

    def _draw_frozen_row(self) -> Row:
        frozen_on = self.presenter.frozen_on
        back = f" · G {frozen_on} Enter goes back" if frozen_on != self.presenter.number else ""
        return self.panels.room(self.presenter.room_text, f"Z unfreezes{back}", self.width)

    # The foot.

    def _draw_notice(self) -> Row:
        text = Text(f" {clean(self.own.notices[-1])} ", f"bold reverse {AMBER}") if self.own.notices else Text()
        return self.canvas.row(text, None, self.width)

    def _draw_hint(self) -> Row:
        hint = key_hint(self.stage.key_hint, self.stage.text_format)
        right = Text(_KEYS_HINT if hint.cell_len + len(_KEYS_HINT) + 2 <= self.width else "? keys", "dim")
        return self.canvas.row(hint, right, self.width)

    # The body.

    def _draw_body(self, height: int) -> Rows:
        """Draw the story and the system, and below them the open overlay, what is broken, and the log."""
        width, pad = self.width, self.own.pad
        open_rows = overlay(self.canvas, pad, self.presenter, self.own.invitation, (width, height))
        banners = self.panels.banners(self.stage.banners, width)
        if pad.mode in ("jump", "help", "invite"):
            return stack([Block(open_rows, 0, len(open_rows)), Block(banners, 1, gap=True)], height, width)
        problems = self.panels.problems(self.presenter.problems, width)
        log = self.panels.log(self.presenter.log, self.own.printed, width, _choose_log_height(height))
        below = [
            Block(open_rows, rank=0, least=len(open_rows), gap=True),
            Block(banners, rank=1, least=4, gap=True),
            Block(problems, rank=2, least=3, gap=True),
            Block(log, rank=3, least=len(log), gap=True, spare=True),
        ]
        room = height - sum(block.wish for block in below)
        if self.columns >= SIDE_BY_SIDE and (self.cards or self.stage.has_panels):
            upper = self._draw_side_by_side(max(room, 8))
        else:
            upper = self._draw_stacked(max(room, 8))
        return stack([Block(upper, rank=2, least=len(upper), spare=True), *below], height, width)

    def _draw_stacked(self, height: int) -> Rows:
        width, story = self.width, self._list_story_blocks(self.width)
        needed = sum(block.wish for block in story)
        cards = self.grid.fit(self.cards, width, max(height // 4, height - needed - 1))
        room = height - needed - len(cards) - 2
        curves = self._draw_curves_or_panels(width, room)
        curves = curves if len(curves) <= room else []
        system = [
            Block(cards, rank=4, least=len(cards), gap=True),
            Block(curves, rank=8, least=0, gap=True, spare=True),
        ]
        return stack([*story, *system], height, width)

    def _draw_side_by_side(self, height: int) -> Rows:
        left = (self.width - _BETWEEN) * 42 // 100
        right = self.width - _BETWEEN - left
        least = len(self._draw_curves_or_panels(right, height // 2 if self.stage.has_panels else 0))
        cards = self.grid.fit(self.cards, right, height - (least + 1 if height > 12 and least else 0))
        curves = self._draw_curves_or_panels(right, height - len(cards) - 1)
        system = [
            Block(cards, rank=0, least=len(cards)),
            Block(curves, rank=1, least=0, gap=True, spare=True),
        ]
        return beside(
            stack(self._list_story_blocks(left), height, left), stack(system, height, right), (left, right), _BETWEEN
        )

    def _draw_curves_or_panels(self, width: int, height: int) -> Rows:
        if self.stage.has_panels:
            return draw_panels(self.canvas, self.stage.panels.pictures, (width, height), self.own.now)
        return self.panels.curves(self.state, width, height)

    def _list_story_blocks(self, width: int) -> list[Block]:
        claims = self.stage.evidence or ((self.stage.claim,) if self.stage.claim else ())
        notes = self.panels.notes(self.presenter.notes, self.presenter.text_format, width) if self.own.notes else []
        return [
            Block(self.panels.heading(self.stage, self.presenter.blocked_by, width), rank=0),
            Block(self.panels.story(self.stage.narration, self.stage.text_format, width), rank=5, least=2, gap=True),
            Block(self.panels.claims(claims, width), rank=3, least=2, gap=True),
            Block(self.panels.said(self.stage.said, width), rank=3, gap=True),
            Block(self.panels.countdown(self.stage.countdown_ends_at, width), rank=1),
            Block(notes, rank=7, least=0, gap=True),
        ]


def _choose_log_height(height: int) -> int:
    """Return the log's rows; they only depend on the height, so that a new line moves nothing else."""
    return 1 if height < 14 else 3 if height < 26 else 5 if height < 36 else 10


def key_hint(words: str, written_in: str = "auto") -> Text:
    """Return a chapter's hint, or the usual one if it has none."""
    text = hint_to_rich(clean(words) or DEFAULT_KEY_HINT, written_in)
    text.no_wrap = True
    return text
