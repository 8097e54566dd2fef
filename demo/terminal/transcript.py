"""The show as plain lines: what has changed since the last state, each change once. No I/O."""

import io
from collections import Counter
from collections.abc import Iterator, Sequence

from rich.console import Console

from demo.clean import clean
from demo.markup import to_rich
from demo.show import LogLine, ShowState
from demo.types import TextFormat
from demo.views import CardView, groups, stage_view
from demo.views.groups import too_many
from demo.views.plan_b import plan_b_view
from demo.views.replay import describe_recorded, recorded_text, replay_stand

WIDTH = 96
"""Columns of a narration's lines: a pipe has no width of its own."""

MAX_CHANGES = 12
"""So many nodes that change at once have a line each; the rest is counted."""


REPLAYED = "replay | "
"""Begins each line of a replay."""


class Transcript:
    """Turns states, given in order, into the lines that are new."""

    def __init__(self) -> None:
        self._last_visit = 0
        self._last_step = 1
        self._title_printed = False
        self._last_line: LogLine | None = None
        self._freshness = "unknown"
        self._health: dict[str, str] = {}
        self._verdicts: dict[int, str] = {}
        self._phase = ""
        self._recorded_at: float | None = None
        self._need = ""

    def lines(self, state: ShowState) -> list[str]:
        """Return what is new in this state, as lines without line ends and without control sequences.

        Each line of a replay says that it is one.
        """
        lines = [clean(line).rstrip() for line in self._diff(state)]
        return lines if state.replay is None else [f"{REPLAYED}{line}".rstrip() for line in lines]

    def _diff(self, state: ShowState) -> Iterator[str]:
        if not self._title_printed:
            self._title_printed = True
            if state.replay is not None:
                yield describe_recorded(state.replay)
            yield f"{state.title}: {state.description}" if state.description else state.title
        yield from self._report_switch(state)
        entered = state.visit != self._last_visit
        new_lines = self._take_log_lines(state)
        if entered:
            self._last_visit = state.visit
            yield from _describe_chapter(state)
        elif state.step != self._last_step:
            yield from _describe_step(state)
        self._last_step = state.step
        yield from self._report_verdicts(state)
        verdict_texts = {verdict.text for verdict in state.verdicts.values()}
        for line in new_lines:
            is_move = line.level == "move" and line.text.startswith(("to ", "back to "))
            if not is_move and not (line.level == "word" and line.text in verdict_texts):
                yield {"error": "error: ", "word": "» "}.get(line.level, "") + line.text
        yield from self._report_health(state)
        yield from self._report_stand(state)
        yield from self._report_need(state)

    def _report_switch(self, state: ShowState) -> Iterator[str]:
        """Yield that a recording is shown from here on, or the show itself again: nothing of before is news then."""
        recorded_at = state.replay.recorded_at if state.replay is not None else None
        if recorded_at == self._recorded_at:
            return
        self._recorded_at, is_first = recorded_at, not self._last_visit
        if is_first:
            return
        self._last_visit, self._health, self._phase = 0, {}, ""
        self._last_line = state.log[-1] if state.log else None
        yield recorded_text(recorded_at) if recorded_at is not None else "back to live"

    def _report_stand(self, state: ShowState) -> Iterator[str]:
        """Yield where a replay stands, when that changes, and what comes next in it."""
        stand = replay_stand(state)
        if stand is None or state.replay is None or state.replay.phase == self._phase:
            return
        self._phase = state.replay.phase
        if self._phase != "playing":
            yield f"{stand.word}, next: {stand.coming}" if stand.coming else stand.word

    def _report_need(self, state: ShowState) -> Iterator[str]:
        """Yield once why to go on from the recording that is at hand, and how."""
        plan = plan_b_view(state)
        need = plan.why if plan is not None and not plan.is_on else ""
        if plan is not None and need and need != self._need:
            yield f"{need} {plan.unfit or f'm m goes on from the recording, {plan.recorded}'}"
        self._need = need

    def _take_log_lines(self, state: ShowState) -> list[LogLine]:
        new: list[LogLine] = []
        for line in reversed(state.log):
            # By identity: two lines of the log may be equal.
            if line is self._last_line:
                break
            new.append(line)
        self._last_line = state.log[-1] if state.log else None
        return new[::-1]

    def _report_verdicts(self, state: ShowState) -> Iterator[str]:
        view = stage_view(state, private=True)
        for claim in view.evidence or ((view.claim,) if view.claim else ()):
            verdict_text = f"{claim.word}: {claim.verdict}" if claim.word else ""
            if verdict_text and self._verdicts.get(claim.number) != verdict_text:
                yield verdict_text
            self._verdicts[claim.number] = verdict_text

    def _report_health(self, state: ShowState) -> Iterator[str]:
        """Yield changes of state only: a number that changes with every sample is not worth a line."""
        view = stage_view(state, private=True)
        if view.freshness != self._freshness:
            self._freshness = view.freshness
            yield f"health is {view.freshness}"
        if view.freshness != "live":
            return
        before, self._health = self._health, {card.id: card.state for card in view.cards}
        if not before and view.cards:
            yield "health: " + ", ".join(_summarize(view.cards))
            return
        changed = [card for card in view.cards if before.get(card.id) != card.state]
        yield from (f"{card.name}: {before.get(card.id, 'new')} → {card.state}" for card in changed[:MAX_CHANGES])
        if len(changed) > MAX_CHANGES:
            states = Counter(card.state for card in changed[MAX_CHANGES:])
            yield f"and {', '.join(f'{count} more → {state}' for state, count in states.items())}"


def _summarize(cards: Sequence[CardView]) -> Iterator[str]:
    if too_many(cards):
        yield from (f"{group.name} {group.main} {group.unit}" for group in groups(cards))
    else:
        yield from (f"{card.name} {card.state}" for card in cards)


def _describe_chapter(state: ShowState) -> Iterator[str]:
    chapter = state.chapter
    yield ""
    yield f"[{state.number}/{state.total}]{_step_text(state)} {chapter.title}{'' if state.forward else ' (back)'}"
    yield from _print_narration(chapter.text_at(state.step), chapter.format)
    if state.forward and chapter.hypothesis:
        yield f"  Prediction: {chapter.hypothesis}"


def _describe_step(state: ShowState) -> Iterator[str]:
    """Yield what a step shows: its own part only, for the lines before it are printed already."""
    chapter = state.chapter
    yield f"[{state.number}/{state.total}]{_step_text(state)}"
    yield from _print_narration(chapter.all_steps[state.step - 1].added, chapter.format)


def _step_text(state: ShowState) -> str:
    return f" step {state.step}/{state.chapter.step_count}" if state.chapter.step_count > 1 else ""


def _print_narration(text: str, written_in: TextFormat) -> Iterator[str]:
    console = Console(file=io.StringIO(), width=WIDTH, color_system=None, force_terminal=False, _environ={})
    with console.capture() as captured:
        console.print(to_rich(text, written_in))
    yield from (f"  {line}" for line in captured.get().strip("\n").split("\n"))
