"""The whole screen at one moment: which parts it has, where they stand, and how many rows each gets."""

from dataclasses import dataclass, field, replace

from rich.console import Console
from rich.text import Text

from demo.clean import clean
from demo.invitation import Invitation
from demo.markup import hint_to_rich
from demo.panels.picture import Panels
from demo.show import ReplayState, ShowState
from demo.terminal.evidence_table import draw_evidence
from demo.terminal.keymap import Keypad
from demo.terminal.large_text import LARGE_ROWS, SMALL_ROWS
from demo.terminal.overlays import overlay
from demo.terminal.panels import PanelDrawer
from demo.terminal.record_line import draw_progress, draw_record
from demo.terminal.row_layout import Block, Row, RowLayout, Rows, beside, blank, stack
from demo.terminal.story import READABLE, Number, Story
from demo.terminal.style import AMBER
from demo.terminal.system_picture import SystemPicture
from demo.types import DEFAULT_KEY_HINT
from demo.views import PresenterView, StageView, presenter_view, stage_view
from demo.views.ballots import tally_view
from demo.views.replay import describe_recorded, replay_stand

SIDE_BY_SIDE = 108
"""From this width on the story stands left and the system right."""

TALL = 30
"""From so many rows on, a number between story and picture is drawn in the largest figures."""

MIN_STORY, MIN_PICTURE = 4, 5
"""Rows that the story has at least, however much the picture needs, and the other way round."""

MIN_MARKED = 2
"""Rows from which on a replay has a row of its own that says so; a screen of one row says nothing else."""

_BETWEEN = 4
_KEYS_HINT = "C faults · U end all faults · X X halt · ? keys"


@dataclass(frozen=True, slots=True)
class TerminalState:
    """What belongs to this terminal alone. `now` is a moment; `printed` holds lines that other code printed.

    `verdict_waits`: there is a verdict, and the story still has its place.
    """

    now: float
    pad: Keypad = field(default_factory=Keypad)
    notices: tuple[str, ...] = ()
    notes: bool = False
    printed: tuple[str, ...] = ()
    invitation: Invitation | None = None
    panels: Panels | None = None
    verdict_waits: bool = False


def draw_screen(console: Console, state: ShowState, desk: TerminalState, size: tuple[int, int]) -> Rows:
    """Draw the screen: exactly as many rows, each exactly as wide, as `size` (columns, rows) says."""
    if state.replay is None or size[1] < MIN_MARKED:
        return _Frame(console, state, desk, size).rows()
    columns, height = size
    rows = _Frame(console, state, desk, (columns, height - 1)).rows()
    mark, stand = _draw_replay_mark(state.replay, columns), replay_stand(state)
    told = f"{stand.word}, next: {stand.coming} " if stand is not None and stand.coming else ""
    right = Text(clean(told), "dim") if mark.cell_len + len(told) < columns else None
    return [RowLayout(console).row(mark, right, columns), *rows]


class _Frame:
    def __init__(self, console: Console, state: ShowState, own: TerminalState, size: tuple[int, int]) -> None:
        self.columns, self.height = size
        self.margin = 1 if self.columns >= 40 else 0
        self.width = max(1, self.columns - 2 * self.margin)
        self.state, self.own = state, own
        stage = stage_view(state, private=True, panels=own.panels)
        self.stage: StageView = replace(stage, mode="story") if own.verdict_waits else stage
        self.presenter: PresenterView = presenter_view(state, {})
        self.canvas = RowLayout(console)
        self.panels = PanelDrawer(self.canvas, own.now)
        self.story = Story(self.canvas, own.now)
        # This screen may be what the audience sees: a hidden vote stays hidden here.
        self.picture = SystemPicture(self.canvas, state, self.stage, tally_view(state), own.now)

    def rows(self) -> Rows:
        if not self.state.visit:
            return self._draw_centred("starting · Q quits")
        if self.state.blackout and not self.own.pad.mode:
            return self._draw_centred("curtain closed · B opens it")
        foot = self._draw_foot()
        head = [self.panels.title(self.stage, self.presenter.timer, self.state.freshness_reason, self.width)]
        head += [self._draw_frozen_row()] if self.presenter.frozen_on is not None and self.height >= 6 else []
        head += [blank(self.width)] if self.height >= 16 and not self._has_page_open else []
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
        return self.panels.room(self.presenter.room_text, f"Z releases it{back}", self.width)

    @property
    def _has_page_open(self) -> bool:
        """A list, the keys or a pairing symbol has the body, and all the rows that can be spared for it."""
        return self.own.pad.mode in ("jump", "help", "invite")

    # The foot.

    def _draw_foot(self) -> Rows:
        """Draw what is true now and the whole show; below them what is the presenter's: a notice, the log, the keys."""
        height, width = self.height, self.width
        rows = [blank(width)] if height >= 30 and not self._has_page_open else []
        if height >= 6:
            rows += draw_record(self.canvas, self.stage.record, self.own.now, (width, _choose_record_height(height)))
        if self._has_page_open:
            return [*rows, self._draw_notice(), self._draw_hint()]
        rows += [draw_progress(self.canvas, self.stage.line, width)] if height >= 12 else []
        log = self.panels.log(self.presenter.log, self.own.printed, width, _choose_log_height(height))
        return [*rows, self._draw_notice(), *log, self._draw_hint()]

    def _draw_notice(self) -> Row:
        text = Text(f" {clean(self.own.notices[-1])} ", f"bold reverse {AMBER}") if self.own.notices else Text()
        return self.canvas.row(text, None, self.width)

    def _draw_hint(self) -> Row:
        hint = key_hint(self.stage.key_hint, self.stage.text_format)
        right = Text(_KEYS_HINT if hint.cell_len + len(_KEYS_HINT) + 2 <= self.width else "? keys", "dim")
        return self.canvas.row(hint, right, self.width)

    # The body.

    def _draw_body(self, height: int) -> Rows:
        """Draw the story and the system, and below them the open overlay, what the presenter says, and problems."""
        width, pad = self.width, self.own.pad
        open_rows = overlay(self.canvas, pad, self.presenter, self.own.invitation, (width, height))
        if self._has_page_open:
            return stack([Block(open_rows, 0, len(open_rows))], height, width)
        problems = self.panels.plan_b(self.presenter.plan_b, width)
        problems += self.panels.problems(self.presenter.problems, width)
        below = [
            Block(open_rows, rank=0, least=len(open_rows), gap=True),
            Block(self.story.said(self.stage.said, self.stage.said_is_question, width), rank=1, gap=True),
            Block(problems, rank=2, least=3, gap=True),
        ]
        room = max(8, height - sum(block.wish for block in below))
        has_columns = self.columns >= SIDE_BY_SIDE and not self.picture.is_empty
        upper = self._draw_columns(room) if has_columns else self._draw_stacked(room)
        return stack([Block(upper, rank=2, least=len(upper), spare=True), *below], height, width)

    def _draw_stacked(self, height: int) -> Rows:
        """Draw the story above the picture, which gets what the story leaves, and never less than its parts need."""
        width = self.width
        wish = sum(block.wish for block in self._list_story_blocks(width, height))
        least = 0 if self.stage.mode == "verdict" else self.picture.count_least(width)
        # Before the story is cut, the picture gives up rows, down to MIN_PICTURE.
        least = min(least, max(MIN_PICTURE, height - wish), max(0, height - MIN_STORY))
        number = self._number
        spare = height - wish - least - bool(least)  # the time below the curves goes before large figures
        has_gaps = spare >= 3
        tall = min(spare - 2, LARGE_ROWS if height >= TALL else SMALL_ROWS)
        figure = self.story.number(number, width, tall) if number is not None and has_gaps else []
        story = self._list_story_blocks(width, height, beside=number.in_one_row if number and not figure else None)
        room = max(least, height - wish - len(figure) - has_gaps - bool(figure))
        drawn = self.picture.draw(width, room)
        blocks = [
            *story,
            Block(figure, rank=2, least=len(figure), gap=True),
            Block(drawn, rank=1, least=len(drawn), gap=True, spare=True),
        ]
        return stack(blocks, height, width)

    def _draw_columns(self, height: int) -> Rows:
        """Draw the story left, with the chapter's main number at its foot, and the picture right."""
        left = (self.width - _BETWEEN) * 42 // 100
        right = self.width - _BETWEEN - left
        story, number = self._list_story_blocks(left, height), self._number
        room = height - sum(block.wish for block in story) - 1
        figure = self.story.number(number, left, max(1, room)) if number is not None else []
        told = stack(story, height - len(figure), left) + figure
        return beside(told, self.picture.draw(right, height), (left, right), _BETWEEN)

    @property
    def _number(self) -> Number | None:
        """Return what a room looks at first: the countdown while there is one, else the chapter's main number."""
        has_figure = self.stage.mode == "story" and not self.stage.has_panels and not self.picture.has_vote
        figure = self.story.figure(self.stage.figure) if has_figure else None
        return self.story.countdown(self.stage.countdown_ends_at) or figure

    def _centre(self, blocks: list[Block], width: int, height: int) -> list[Block]:
        """Move blocks of at most READABLE cells to the middle of a screen that has more room."""
        inner = min(width, READABLE)
        side, spare = blank((width - inner) // 2), blank(width - inner - (width - inner) // 2)
        space = [blank(width)] * max(0, (height - sum(block.wish for block in blocks)) // 3)
        moved = [replace(block, rows=[[*side, *row, *spare] for row in block.rows]) for block in blocks]
        return [Block(space, rank=9, least=0, spare=True), *(moved if width > inner else blocks)]

    def _list_story_blocks(self, width: int, height: int, beside: Text | None = None) -> list[Block]:
        """List what is told; `beside` stands beside the title."""
        stage, story = self.stage, self.story
        is_alone = self.picture.is_empty and stage.mode in ("cover", "prediction")
        inner = min(width, READABLE) if is_alone else width
        heading = Block(story.heading(stage, self.presenter.blocked_by, inner, beside), rank=0)
        words = story.words(stage.narration, stage.text_format, inner)
        notes = self.panels.notes(self.presenter.notes, self.presenter.text_format, width) if self.own.notes else []
        last = Block(notes, rank=7, least=0, gap=True)
        if stage.mode == "verdict" and stage.verdict is not None:
            return [heading, *story.verdict(stage.verdict, stage.room, width, height), last]
        if stage.mode == "evidence":
            table = draw_evidence(self.canvas, stage.evidence_table, (width, max(3, height - 2)))
            told = Block(words, rank=8, least=0, gap=True)
            return [heading, Block(table, rank=1, least=len(table), gap=True), told, last]
        if stage.mode == "prediction" and stage.claim is not None:
            predicted = Block(story.prediction(stage.claim, inner), rank=1, least=2, gap=True)
            told = Block(words, rank=5, least=2, gap=True)
            blocks = [heading, predicted, told]
            return [*(self._centre(blocks, width, height) if is_alone else blocks), last]
        if stage.mode == "cover":
            above = Block(self.canvas.rows(Text(clean(stage.description), "dim"), inner), rank=4)
            return [*self._centre([above, heading, Block(words, rank=5, least=2, gap=True)], width, height), last]
        return [
            heading,
            Block(words, rank=5, least=2, gap=True),
            Block(story.claim(stage.story_claim, width), rank=3, least=2, gap=True),
            Block(story.room(stage.room, width), rank=4, gap=True),
            last,
        ]


def _draw_replay_mark(replay: ReplayState, columns: int) -> Text:
    """Return the mark of a replay: on every screen, whatever it shows."""
    words = f"REPLAY · {describe_recorded(replay)}"
    return Text(f" ◀◀ {words} " if len(words) + 5 <= columns else words, "bold reverse")


def _choose_log_height(height: int) -> int:
    """Return the log's rows; they only depend on the height, so that a new line moves nothing else."""
    return 0 if height < 14 else 1 if height < 26 else 2 if height < 30 else 4 if height < 44 else 6


def _choose_record_height(height: int) -> int:
    """Return how many rows the line of record may take while several faults are in place."""
    return 1 if height < 16 else 2 if height < 22 else 3 if height < 30 else 6


def key_hint(words: str, written_in: str = "auto") -> Text:
    """Return a chapter's hint, or the usual one if it has none."""
    text = hint_to_rich(clean(words) or DEFAULT_KEY_HINT, written_in)
    text.no_wrap = True
    return text
