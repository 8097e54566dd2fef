"""The show as its next step will begin, for the presenter: the story without any measurement."""

from dataclasses import replace

from demo.show import ShowState


def preview_state(state: ShowState) -> ShowState | None:
    """Return the state one step on, or None on the last step of the last chapter.

    It holds nothing that was measured or said, no fault and no log: it changes only when the show moves.
    """
    step = state.step + 1 if state.step < state.chapter.step_count else 1
    current = state.current if step > 1 else state.current + 1
    if current == state.total:
        return None
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
