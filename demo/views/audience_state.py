"""The show as the audience sees it: on a frozen stage, the story of that moment with the measurements of now."""

from dataclasses import replace

from demo.show import ShowState, Span
from demo.texts import translate

ELSEWHERE = 0
"""Stands in for the chapter of a fault that began after the stage was frozen."""


def audience_state(state: ShowState) -> ShowState:
    """Return the state that every view for the audience is made from: `state` itself while nothing is frozen.

    Else chapter, said line, verdicts, log and fault marks are those of the moment of freezing. Health, curves, faults,
    halt, blackout and the status of that chapter's action stay current; a countdown is only shown with its own chapter.
    """
    frozen = state.frozen_view
    if frozen is None:
        return state
    counting = state.countdown_number == frozen.current + 1
    chapters = list(state.chapters)
    chapters[frozen.current] = state.frozen_chapter or chapters[frozen.current]
    known_spans = {(span.name, span.started_at) for span in frozen.spans}
    return replace(
        state,
        chapters=tuple(chapters),
        current=frozen.current,
        step=frozen.step,
        reached=frozen.reached,
        said=frozen.said,
        said_is_question=frozen.said_is_question,
        verdicts=frozen.verdicts,
        spans=tuple(_hide_later_chapter(span, (span.name, span.started_at) in known_spans) for span in state.spans),
        log=frozen.log,
        countdown_ends_at=state.countdown_ends_at if counting else None,
        # A vote on a chapter that the audience has not seen would tell what comes.
        ballots=tuple(ballot for ballot in state.ballots if ballot.number <= frozen.reached),
    )


def _hide_later_chapter(span: Span, is_known: bool) -> Span:
    return span if is_known else replace(span, chapter=ELSEWHERE)


def frozen_on(state: ShowState) -> int | None:
    """Return the chapter (1-based) that a frozen stage shows; None while the stage is not frozen."""
    return state.frozen_view.current + 1 if state.frozen_view is not None else None


def describe_hidden_chapter(state: ShowState) -> str:
    """Return what the presenter is told while the audience does not see the current chapter; "" when it does."""
    number = frozen_on(state)
    if number is None:
        return translate("The curtain is closed") if state.blackout else ""
    if state.blackout:
        return translate("The curtain is closed, and chapter %(number)s is held", number=number)
    return translate("Held: the audience sees chapter %(number)s", number=number)
