"""The presenter's parts of the screen: title and timer, notes, problems, log. Each is rows of one width."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text

from demo.show import LogLine
from demo.terminal.row_layout import Row, RowLayout, Rows, blank
from demo.terminal.story import Story
from demo.terminal.style import AMBER, BLUE, VERMILION, age_text, mark, marked, parts
from demo.views import StageView, TimerView, clock_text, pace_text
from demo.views.plan_b import PlanBView

TIMED = 64
"""From this width on the title line has room for the talk's timer."""

_LEVELS = {"error": VERMILION, "fault": AMBER, "word": BLUE, "move": "dim", "note": "dim"}


@dataclass(frozen=True, slots=True)
class PanelDrawer:
    """Draws the parts as they are at the moment `now`."""

    canvas: RowLayout
    now: float

    def title(self, view: StageView, timer: TimerView, freshness_reason: str, width: int) -> Row:
        """Draw the title line: the show and the chapter's number, the talk's timer, how fresh the numbers are."""
        right = self._format_timer(timer, width) if width >= TIMED else Text()
        right.append_text(self._format_freshness(view, freshness_reason))
        step = f" step {view.step}/{view.steps}" if view.steps > 1 else ""
        place = parts((f"[{view.number}/{view.total}]{step}", f"bold {BLUE}"))
        title = parts(
            (view.title, "bold"), (f"  {view.description}" if view.description and width >= 120 else "", "dim")
        )
        title.truncate(max(0, width - place.cell_len - right.cell_len - 4), overflow="ellipsis")
        head = title.append("  ").append_text(place) if title.plain.strip() else place
        return self.canvas.row(head, right if head.cell_len + right.cell_len < width else None, width)

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
        if view.replay is not None and view.freshness == "live":
            return Text()  # What is recorded is not live.
        text = marked("live", "live") if view.freshness == "live" else marked("stale", "no contact")
        return text.append(f" {age_text(self.now - view.sampled_at)}", "dim")

    def notes(self, text: str, written_in: str, width: int) -> Rows:
        if not text.strip():
            return []
        label = self.canvas.rows(Text("Notes", f"bold {AMBER}"), width)
        return label + Story(self.canvas, self.now).words(text, written_in, width, "dim")

    def problems(self, problems: Sequence[str], width: int) -> Rows:
        texts = (parts(("✗ ", f"bold {VERMILION}"), (problem, VERMILION)) for problem in problems)
        story = Story(self.canvas, self.now)
        return [row for text in texts for row in story.paragraph(text, width)]

    def plan_b(self, plan: PlanBView | None, width: int) -> Rows:
        """Draw why to go on from the recording, and how; while it is shown, how the show itself fares."""
        if plan is None or not plan.stands_out:
            return []
        if not plan.is_on:
            offer = f"{plan.why} {plan.unfit or f'M M goes on from the recording, {plan.recorded}'}"
            return self.problems((offer, *plan.differences), width)
        shape, colour = mark(plan.mark)
        text = parts((f"{shape} ", colour), (f"live: {plan.live}", ""), (" · M goes back to live", "dim"))
        return Story(self.canvas, self.now).paragraph(text, width)

    def log(self, lines: Sequence[LogLine], printed: Sequence[str], width: int, height: int) -> Rows:
        """Draw the log in exactly `height` rows, the newest on top; the last ones show what the program printed."""
        if height < 1:
            return []
        out = list(printed)[-max(1, height // 3) :]
        rows: Rows = []
        for line in lines[: height - len(out)]:
            head = f"{age_text(self.now - line.at):>6}  {line.who[:10]:<10}  "
            rows.append(self.canvas.row(parts((head, "dim"), (line.text, _LEVELS.get(line.level, ""))), None, width))
        for words in out:
            rows.append(self.canvas.row(parts((f"{'':>6}  {'printed':<10}  ", "dim"), (words, "")), None, width))
        return rows + [blank(width)] * (height - len(rows))
