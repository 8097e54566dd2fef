"""The show as the room is told it: while the stage is frozen, the story it held then over what is measured now."""

from dataclasses import replace

from demo.show import ShowState, Span

ELSEWHERE = 0
"""The chapter of a fault that began on one the frozen stage does not show."""


def audience_state(state: ShowState) -> ShowState:
    """What every view for the audience is made of; the very state while nothing is frozen.

    Chapter, line, verdicts, log and marks are the held ones. Health, curves, faults, halt, blackout and whether
    the held chapter is at work stay true; a countdown is only shown with its own chapter.
    """
    held = state.held
    if held is None:
        return state
    counting = state.countdown_number == held.current + 1
    known = {(span.name, span.started_at) for span in held.spans}
    return replace(
        state,
        current=held.current,
        reached=held.reached,
        said=held.said,
        verdicts=held.verdicts,
        spans=tuple(_placed(span, (span.name, span.started_at) in known) for span in state.spans),
        log=held.log,
        countdown_ends_at=state.countdown_ends_at if counting else None,
    )


def _placed(span: Span, known: bool) -> Span:
    return span if known else replace(span, chapter=ELSEWHERE)


def frozen_on(state: ShowState) -> int | None:
    """The chapter (1-based) a frozen stage shows; None while it shows the one the show is on."""
    return state.held.current + 1 if state.held is not None else None


def room_text(state: ShowState) -> str:
    """The presenter's word on a room that does not see what the show is on; "" when it does."""
    number = frozen_on(state)
    if number is None:
        return "The stage is dark" if state.blackout else ""
    return f"The stage is dark, FROZEN on {number}" if state.blackout else f"FROZEN: the audience sees chapter {number}"
