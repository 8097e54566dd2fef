"""The show as its next step will begin, for the presenter: the story without any measurement."""

from dataclasses import replace

from demo.show import ShowState


def preview_state(state: ShowState) -> ShowState | None:
    """Return the state one step on, or None on the last step of the last chapter.

    It holds nothing that was measured or said, no fault and no log: it changes only when the show moves.
    """
    step = state.step + 1 if state.step < state.chapter.step_count else 1
    current = state.current if step > 1 else state.current + 1
    return None if current == state.total else _unmeasured(state, current, step)


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
        held=None,
        halted=False,
        blackout=False,
        durable=True,
        parts_healing=False,
        freshness="unknown",
    )
