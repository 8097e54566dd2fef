"""The story of a chapter: its title and words, its main number, a prediction, and the verdict on it."""

from dataclasses import dataclass

from rich.text import Text

from demo.markup import to_rich
from demo.terminal.large_text import LARGE_ROWS, SMALL_ROWS, enlarge
from demo.terminal.row_layout import Block, RowLayout, Rows, blank
from demo.terminal.style import BLUE, VERMILION, left_text, mark, parts, verdict_mark
from demo.views import ClaimView, StageView
from demo.views.picture import FigureView
from demo.views.verdict import HeroView, VerdictView

READABLE = 92
"""Lines of a story are not longer than this, however wide the terminal."""

LARGE_FROM = 12
"""Rows that must be left for the number of a verdict to be drawn in the largest figures."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number that is drawn large, and what it counts, in one line or two."""

    value: str
    unit: str
    label: str
    style: str = ""

    @property
    def in_one_row(self) -> Text:
        words = " ".join(word for word in (self.unit, self.label) if word)
        return parts((self.value, f"bold {self.style}".strip()), (f" {words}" if words else "", "bold"))


@dataclass(frozen=True, slots=True)
class Story:
    """Draws the parts of the story, each as rows of one width, as they are at the moment `now`."""

    canvas: RowLayout
    now: float

    def heading(self, view: StageView, blocked_by: int | None, width: int, beside: Text | None = None) -> Rows:
        """Draw the chapter's title and whether its action runs; `beside` stands at the end of the row if it fits."""
        head = parts((view.heading, "bold underline"))
        if view.status == "running":
            held = " – Next waits for it" if blocked_by == view.number else ""
            head.append(f"   ◌ running{held}", BLUE)
        elif view.status == "failed":
            head.append("   ✗ failed", f"bold {VERMILION}")
        if blocked_by not in (None, view.number):
            head.append(f"   ◌ chapter {blocked_by} is still running", BLUE)
        if beside is not None and self.has_room_beside(head, beside, width):
            return [self.canvas.row(head, beside, width)]
        return self.canvas.rows(head, width)

    def has_room_beside(self, head: Text, beside: Text, width: int) -> bool:
        return head.cell_len + 2 + beside.cell_len <= width

    def words(self, text: str, written_in: str, width: int, style: str = "") -> Rows:
        """Draw narration or notes; Markdown puts blank rows at both ends, and height is scarce."""
        rows = self.canvas.rows(to_rich(text, written_in), min(width, READABLE), style)
        return self.pad(_trim_blank_rows(rows), width)

    def claim(self, claim: ClaimView | None, width: int) -> Rows:
        """Draw a prediction and, once it is known, what came of it."""
        if claim is None:
            return []
        shape, style = verdict_mark(claim.state)
        head = parts((f"{shape} ", style), ("Prediction: ", "bold"), (claim.hypothesis, "dim" if claim.word else ""))
        rows = self.paragraph(head, width)
        if claim.word:
            tail = ": " if claim.verdict else ""
            rows += self.paragraph(parts((f"  {claim.word}{tail}", f"bold {style}"), (claim.verdict, "bold")), width)
        return rows

    def prediction(self, claim: ClaimView, width: int) -> Rows:
        """Draw a prediction before anything is broken: what the room is asked to think about."""
        shape, style = verdict_mark(claim.state)
        return [
            *self.paragraph(parts((f"{shape} Prediction", f"bold {style}")), width),
            *self.paragraph(parts((claim.hypothesis, "bold")), width),
        ]

    def room(self, text: str, width: int) -> Rows:
        return self.paragraph(parts(("The room: ", "bold"), (text, "")), width) if text else []

    def said(self, text: str, is_question: bool, width: int) -> Rows:
        """Return the line that the presenter put on every screen; a question from the room is named as one."""
        if not text:
            return []
        whose = (("Question from the room: ", BLUE),) if is_question else ()
        return self.paragraph(parts(("» ", BLUE), *whose, (text, "bold")), width)

    def countdown(self, ends_at: float | None) -> Number | None:
        """Return how long a countdown still has; None when there is none, or it is over."""
        if ends_at is None or ends_at <= self.now:
            return None
        seconds = left_text(ends_at - self.now).removesuffix(" s")
        return Number(seconds, "s to go", "", VERMILION)

    def figure(self, view: FigureView | None) -> Number | None:
        """Return the chapter's main number: what it counts, and where."""
        if view is None:
            return None
        return Number(view.value, view.unit, view.label, mark(view.state)[1] if view.state else "")

    def verdict(self, view: VerdictView, room: str, width: int, height: int) -> list[Block]:
        """Draw a verdict: the word, the number that decided it first, then the prediction and what was measured."""
        shape, style = verdict_mark(view.state)
        word = parts((f" {shape} {view.word}", ""))
        when = parts((f"Predicted in chapter {view.number} ", ""))
        ruling = [self.canvas.row(word, when if width >= 2 * when.cell_len else None, width, f"bold reverse {style}")]
        first, *more = view.measured
        measured = parts((f"{shape} ", f"bold {style}"), (first, "bold"), ("".join(f" {one}" for one in more), ""))
        predicted = parts(("◇ ", BLUE), ("Prediction: ", "bold"), (view.prediction, ""))
        clauses = self.paragraph(predicted, width) + self.paragraph(measured, width)
        told = self.room(room, width)
        left = height - len(clauses) - len(told) - 6
        hero = self._draw_hero(view.hero, style, width, left)
        return [
            Block(ruling, rank=0, gap=True),
            Block(hero, rank=2, least=len(hero), gap=True),
            Block(clauses, rank=1, least=2, gap=True),
            Block(told, rank=3, gap=True),
        ]

    def _draw_hero(self, hero: HeroView, style: str, width: int, height: int) -> Rows:
        """Draw the number that decided first, and leave room below it for what else there is to see."""
        if not hero.number:
            return []  # its words are the first clause
        rows = LARGE_ROWS if height >= LARGE_FROM else SMALL_ROWS if height > SMALL_ROWS else 1
        number = Number(hero.number, f"{hero.unit} {hero.words}".strip(), "", style)
        return self.number(number, width, rows)

    def number(self, number: Number, width: int, height: int) -> Rows:
        """Draw a number as large as `height` allows, with its text beside it; in one row where it has no figures."""
        unit, label = parts((number.unit, "bold")), parts((number.label, "dim"))
        for rows in (LARGE_ROWS, SMALL_ROWS):
            lines = enlarge(number.value, rows) if height >= rows else []
            if lines and len(lines[0]) + 2 + min(unit.cell_len, width // 3) <= width:
                beside = [Text()] * (rows - 2) + [unit, label] if label else [Text()] * (rows - 1) + [unit]
                return [
                    self.canvas.row(Text().append(line, number.style).append("  ").append_text(text), None, width)
                    for line, text in zip(lines, beside, strict=True)
                ]
        return [self.canvas.row(number.in_one_row, None, width)] if height > 0 else []

    def paragraph(self, text: Text, width: int) -> Rows:
        return self.pad(self.canvas.rows(text, min(width, READABLE)), width)

    def pad(self, rows: Rows, width: int) -> Rows:
        return [[*row, *blank(width - READABLE)] for row in rows] if width > READABLE else rows


def _trim_blank_rows(rows: Rows) -> Rows:
    """Return the rows without blank ones at either end."""
    while rows and not "".join(segment.text for segment in rows[0]).strip():
        rows = rows[1:]
    while rows and not "".join(segment.text for segment in rows[-1]).strip():
        rows = rows[:-1]
    return rows
