"""Whether a countdown still runs: the state keeps it until its action ends, and a view has no clock."""

from demo.show import ShowState

OVER_SEC = 1.5
"""A measurement this much later than zero shows that the countdown is over, even if nothing followed it."""

EARLY_SEC = 0.5


def counts_down(state: ShowState) -> bool:
    """Return whether the newest countdown is not yet followed by a fault, nor by a later measurement."""
    ends_at = state.countdown_ends_at
    if ends_at is None or state.halted or any(fault.state == "injecting" for fault in state.faults):
        return False
    if any(span.started_at >= ends_at - EARLY_SEC for span in state.spans):
        return False
    return state.sample is None or state.sample.updated_at < ends_at + OVER_SEC
