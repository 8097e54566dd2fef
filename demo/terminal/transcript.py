"""The show as plain lines: what has changed since the last state, each thing once. Pure but for its memory."""

import io
from collections import Counter
from collections.abc import Iterator, Sequence

from rich.console import Console

from demo.clean import clean
from demo.markup import to_rich
from demo.show import LogLine, ShowState
from demo.views import CardView, groups, stage_view
from demo.views.groups import too_many

WIDTH = 96
"""Of a narration's lines: a pipe has no width of its own."""

MAX_CHANGES = 12
"""Nodes whose change is told one by one; of more at once the rest is counted."""


class Transcript:
    """Feed it every state in order; it returns the lines that are new."""

    def __init__(self) -> None:
        self._visit = 0
        self._titled = False
        self._log: LogLine | None = None
        self._freshness = "unknown"
        self._health: dict[str, str] = {}
        self._verdicts: dict[int, str] = {}

    def lines(self, state: ShowState) -> list[str]:
        """Lines without line ends and without anything that steers a terminal."""
        return [clean(line).rstrip() for line in self._new(state)]

    def _new(self, state: ShowState) -> Iterator[str]:
        if not self._titled:
            self._titled = True
            yield f"{state.title}: {state.description}" if state.description else state.title
        entered = state.visit != self._visit
        news = self._log_lines(state)
        if entered:
            self._visit = state.visit
            yield from _chapter(state)
        yield from self._verdict_lines(state)
        told = {verdict.text for verdict in state.verdicts.values()}
        for line in news:
            is_move = line.level == "move" and line.text.startswith(("to ", "back to "))
            if not is_move and not (line.level == "word" and line.text in told):
                yield {"error": "error: ", "word": "» "}.get(line.level, "") + line.text
        yield from self._health_lines(state)

    def _log_lines(self, state: ShowState) -> list[LogLine]:
        new: list[LogLine] = []
        for line in reversed(state.log):
            if line is self._log:
                break
            new.append(line)
        self._log = state.log[-1] if state.log else None
        return new[::-1]

    def _verdict_lines(self, state: ShowState) -> Iterator[str]:
        view = stage_view(state, private=True)
        for claim in view.evidence or ((view.claim,) if view.claim else ()):
            told = f"{claim.word}: {claim.verdict}" if claim.word else ""
            if told and self._verdicts.get(claim.number) != told:
                yield f"verdict: {told}"
            self._verdicts[claim.number] = told

    def _health_lines(self, state: ShowState) -> Iterator[str]:
        """Transitions only: a number that ticks is no news."""
        view = stage_view(state, private=True)
        if view.freshness != self._freshness:
            self._freshness = view.freshness
            yield f"health is {view.freshness}"
        if view.freshness != "live":
            return
        before, self._health = self._health, {card.id: card.state for card in view.cards}
        if not before and view.cards:
            yield "health: " + ", ".join(_summary(view.cards))
            return
        changed = [card for card in view.cards if before.get(card.id) != card.state]
        yield from (f"{card.name}: {before.get(card.id, 'new')} → {card.state}" for card in changed[:MAX_CHANGES])
        if len(changed) > MAX_CHANGES:
            states = Counter(card.state for card in changed[MAX_CHANGES:])
            yield f"and {', '.join(f'{count} more → {state}' for state, count in states.items())}"


def _summary(cards: Sequence[CardView]) -> Iterator[str]:
    if too_many(cards):
        yield from (f"{group.name} {group.main} {group.unit}" for group in groups(cards))
    else:
        yield from (f"{card.name} {card.state}" for card in cards)


def _chapter(state: ShowState) -> Iterator[str]:
    chapter = state.chapter
    yield ""
    yield f"[{state.number}/{state.total}] {chapter.title}{'' if state.forward else ' (back)'}"
    paper = Console(file=io.StringIO(), width=WIDTH, color_system=None, force_terminal=False, _environ={})
    with paper.capture() as captured:
        paper.print(to_rich(chapter.narration, chapter.format))
    yield from (f"  {line}" for line in captured.get().strip("\n").split("\n"))
    if state.forward and chapter.hypothesis:
        yield f"  Hypothesis: {chapter.hypothesis}"
