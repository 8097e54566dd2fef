"""The parts of the screen: title, story, predictions, curves, banners, log. Each is rows of one width."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text

from demo.clean import clean
from demo.markup import to_rich
from demo.show import LogLine, ShowState
from demo.terminal.row_layout import Row, RowLayout, Rows, blank
from demo.terminal.style import AMBER, BLUE, TEAL, VERMILION, age_text, left_text, mark, marked, parts, spark
from demo.views import BannerView, ClaimView, StageView, TimerView, clock_text, number_text, pace_text
from demo.views.cards import in_fault, trend

READABLE = 92
"""Lines of a story are not longer than this, however wide the terminal."""

TIMED = 64
"""From this width on the title line has room for the talk's timer."""

MAX_CURVES, CURVE_TALLEST, MINUTE = 5, 4, 61
_LEVELS = {"error": VERMILION, "fault": AMBER, "word": BLUE, "move": "dim", "note": "dim"}
_BANNERS = {
    "fault": ("✗", f"bold reverse {VERMILION}"),
    "halted": ("■", f"bold reverse {VERMILION}"),
    "failed": ("✗", f"bold reverse {VERMILION}"),
    "lost": ("✗", f"bold reverse {VERMILION}"),
    "healing": ("◌", f"bold {AMBER}"),
    "healed": ("●", f"bold {TEAL}"),
}


@dataclass(frozen=True, slots=True)
class Panels:
    """Draws the parts as they are at the moment `now`."""

    canvas: RowLayout
    now: float

    def title(self, view: StageView, timer: TimerView, freshness_reason: str, width: int) -> Row:
        """Draw the title line: the show, the talk's timer, how fresh the numbers are, and the chapter's number."""
        head = parts((view.title, "bold"), (f"  {view.description}" if width >= 120 else "", "dim"))
        right = self._format_timer(timer, width) if width >= TIMED else Text()
        right.append_text(self._format_freshness(view, freshness_reason))
        step = f" step {view.step}/{view.steps}" if view.steps > 1 else ""
        return self.canvas.row(head, right.append(f"   [{view.number}/{view.total}]{step}", f"bold {BLUE}"), width)

    def _format_timer(self, timer: TimerView, width: int) -> Text:
        whole = f" / {clock_text(timer.budget_sec)}" if timer.budget_sec is not None else ""
        text = parts((clock_text(timer.clock.elapsed(self.now)), "bold"), (whole, "dim"))
        pace = pace_text(timer, self.now)
        if pace:
            text.append(f" · {pace}", AMBER if pace.endswith("behind") else "dim")
        word = f" · {timer.word}" if timer.word and width >= TIMED + 30 else ""
        return text.append(f"{word}   ", "dim")

    def room(self, text: str, ways_out: str, width: int) -> Row:
        """Draw what the audience sees while that is not the current chapter, and the keys that change it."""
        fits = len(text) + len(ways_out) + 3 <= width
        return self.canvas.row(Text(f" {text}"), Text(f"{ways_out} ") if fits else None, width, "bold reverse")

    def _format_freshness(self, view: StageView, reason: str) -> Text:
        if view.sampled_at is None:
            return parts((reason or ("no health data yet" if view.has_system else ""), "dim"))
        text = marked(view.freshness, view.freshness)
        return text.append(f" {age_text(self.now - view.sampled_at)}", "dim")

    def heading(self, view: StageView, blocked_by: int | None, width: int) -> Rows:
        head = parts((view.heading, "bold underline"))
        if view.status == "running":
            held = " – Next waits for it" if blocked_by == view.number else ""
            head.append(f"   ◌ running{held}", BLUE)
        elif view.status == "failed":
            head.append("   ✗ failed", f"bold {VERMILION}")
        if blocked_by not in (None, view.number):
            head.append(f"   ◌ chapter {blocked_by} is still running", BLUE)
        return self.canvas.rows(head, width)

    def story(self, text: str, written_in: str, width: int) -> Rows:
        return _trim_blank_rows(self._pad(self.canvas.rows(to_rich(text, written_in), min(width, READABLE)), width))

    def claims(self, claims: Sequence[ClaimView], width: int) -> Rows:
        """Draw each hypothesis, with its verdict once it is known."""
        rows: Rows = []
        for claim in claims:
            shape, style = mark(claim.state)
            if claim.word:
                verdict = parts((f"{shape} {claim.word}: ", f"bold {style}"), (claim.verdict, "bold"))
                rows += self._draw_paragraph(verdict, width)
                rows += self._draw_paragraph(parts((f"  {claim.hypothesis}", "dim")), width)
            else:
                head = parts((f"{shape} ", style), ("Prediction: ", "bold"), (claim.hypothesis, ""))
                rows += self._draw_paragraph(head, width)
        return rows

    def said(self, text: str, width: int) -> Rows:
        return self._draw_paragraph(parts(("» ", BLUE), (text, "bold")), width) if text else []

    def countdown(self, ends_at: float | None, width: int) -> Rows:
        if ends_at is None or ends_at <= self.now:
            return []
        return self._draw_paragraph(parts((f" {left_text(ends_at - self.now)} to go ", f"bold reverse {BLUE}")), width)

    def notes(self, text: str, written_in: str, width: int) -> Rows:
        if not text.strip():
            return []
        label = self.canvas.rows(Text("Notes", f"bold {AMBER}"), width)
        return label + self._pad(self.canvas.rows(to_rich(text, written_in), min(width, READABLE), "dim"), width)

    def banners(self, banners: Sequence[BannerView], width: int) -> Rows:
        return [self._draw_banner(banner, width) for banner in banners]

    def _draw_banner(self, banner: BannerView, width: int) -> Row:
        shape, style = _BANNERS.get(banner.kind, ("◌", "bold"))
        text = Text(f" {shape} {clean(banner.title)}")
        if banner.text.strip(" ·"):
            text.append(f" · {clean(banner.text).strip(' ·')}")
        tail = clean(banner.tail)
        if banner.ends_at is not None:
            tail = f"{tail} {left_text(banner.ends_at - self.now)}"
        if banner.kind == "halted":
            tail = "E resumes"
        return self.canvas.row(text, Text(f"{tail} ") if tail else None, width, style)

    def problems(self, problems: Sequence[str], width: int) -> Rows:
        rows: Rows = []
        for problem in problems:
            rows += self._draw_paragraph(parts(("✗ ", f"bold {VERMILION}"), (problem, VERMILION)), width)
        return rows

    def log(self, lines: Sequence[LogLine], printed: Sequence[str], width: int, height: int) -> Rows:
        """Draw the log in exactly `height` rows, the newest on top; the last ones show what the program printed."""
        out = list(printed)[-max(1, height // 3) :]
        rows: Rows = []
        for line in lines[: height - len(out)]:
            head = f"{age_text(self.now - line.at):>6}  {line.who[:10]:<10}  "
            rows.append(self.canvas.row(parts((head, "dim"), (line.text, _LEVELS.get(line.level, ""))), None, width))
        for words in out:
            rows.append(self.canvas.row(parts((f"{'':>6}  {'printed':<10}  ", "dim"), (words, "")), None, width))
        return rows + [blank(width)] * (height - len(rows))

    def line(self, view: StageView, width: int) -> Row:
        """Draw the whole show as a line: past, now, ahead, and ✗ where faults were injected."""
        if view.total > width // 2:
            return blank(width)
        size = max(1, (width - view.total + 1) // view.total)
        text = Text(no_wrap=True)
        styles = {"past": TEAL, "now": f"bold {BLUE}", "ahead": "dim"}
        for segment in view.line:
            bar = ("━" if segment.state != "ahead" else "─") * size
            text.append(" " if text.cell_len else "")
            # At most half of a segment: its colour says whether it is past, now or ahead.
            crosses = min(segment.faults, size // 2)
            text.append(bar[crosses:], styles.get(segment.state, "dim")).append("✗" * crosses, VERMILION)
        return self.canvas.row(text, None, width)

    def curves(self, state: ShowState, width: int, height: int) -> Rows:
        """Draw the system's main numbers over the last minute, as tall as `height` allows; red during faults."""
        sample = state.sample
        if sample is None or not state.history:
            return []
        named = [(m.name, m.label, number_text(m.value), m.unit) for m in sample.metrics]
        named += [
            (f"admitted:{k.key}", k.key, number_text(k.admitted), f"of {number_text(k.limit)}") for k in sample.counters
        ]
        shown = [one for one in named if trend(state, one[0])][:MAX_CURVES]
        if not shown:
            return []
        tall = max(1, min(CURVE_TALLEST, (height + 1) // len(shown) - 1))
        rows: Rows = []
        for name, label, value, unit in shown:
            rows += [blank(width)] if rows and tall > 1 else []
            values = trend(state, name)
            bars = spark(values, max(4, min(MINUTE, width - 34)), in_fault(state, len(values)), tall)
            number = parts((f"{value} ", "bold"), (unit, "dim"))
            number.truncate(15, overflow="ellipsis")
            for index, bar in enumerate(bars):
                foot = index == tall - 1
                right = bar.append(f"  {'':{15 - number.cell_len if foot else 15}}").append_text(
                    number if foot else Text()
                )
                rows.append(self.canvas.row(parts((label if foot else "", "")), right, width))
        return rows

    def _draw_paragraph(self, text: Text, width: int) -> Rows:
        return self._pad(self.canvas.rows(text, min(width, READABLE)), width)

    def _pad(self, rows: Rows, width: int) -> Rows:
        return [[*row, *blank(width - READABLE)] for row in rows] if width > READABLE else rows


def _trim_blank_rows(rows: Rows) -> Rows:
    """Return the rows without blank ones at either end: Markdown puts them there, and height is scarce."""
    while rows and not "".join(segment.text for segment in rows[0]).strip():
        rows = rows[1:]
    while rows and not "".join(segment.text for segment in rows[-1]).strip():
        rows = rows[:-1]
    return rows
