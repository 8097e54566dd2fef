"""The show as its next step will begin, for the presenter: the story without any measurement."""

from dataclasses import replace

from demo.show import ShowState


def preview_state(state: ShowState) -> ShowState | None:
    """Return the state one step on, or None on the last step of the last chapter.

    It holds nothing that was measured or said, no fault and no log: it changes only when the show moves.
    """
    place = following_place(state)
    return None if place is None else _unmeasured(state, place[0] - 1, place[1])


def following_place(state: ShowState) -> tuple[int, int] | None:
    """Return the chapter and step, both 1-based, that a step forward shows; None at the end.

    In a replay that is what was shown next, wherever that was.
    """
    if state.replay is None:
        if state.step < state.chapter.step_count:
            return state.number, state.step + 1
        return (state.number + 1, 1) if state.number < state.total else None
    place = state.replay.goes_to
    if place is None or place[0] > state.total or place[1] > state.chapters[place[0] - 1].step_count:
        return None
    return place


def chapter_state(state: ShowState, number: int) -> ShowState:
    """Return a chapter (1-based) as its last step will look, for the overview; like `preview_state` without numbers."""
    shown = _unmeasured(state, number - 1, state.chapters[number - 1].step_count)
    return replace(shown, reached=number)


def _unmeasured(state: ShowState, current: int, step: int) -> ShowState:
    return replace(
        state,
        current=current,
        step=step,
        faults=(),
        sample=None,
        history=(),
        spans=(),
        verdicts={},
        log=(),
        said="",
        countdown_ends_at=None,
        frozen_view=None,
        halted=False,
        blackout=False,
        durable=True,
        system_healing=False,
        freshness="unknown",
        replay=None,
    )
