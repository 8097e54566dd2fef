"""What a fault would hit now: while it is idle, the poller may know it better than the driver did at the start."""

from collections.abc import Mapping

from demo.show import FaultState, ShowState


def target_text(state: ShowState, fault: FaultState) -> str:
    """Return the fault's target; for an idle fault whose target changes, what a live sample says it is now.

    The poller says so under `victims`: a mapping of fault to a few words ("the leader, etcd-1").
    """
    if fault.is_running:
        return fault.target
    # A target that the last run was asked for is not the next one's.
    known = fault.target if fault.requested_target is None else fault.own_target or fault.target
    victims = state.sample.raw.get("victims") if state.sample is not None else None
    if state.freshness != "live" or not isinstance(victims, Mapping):
        return known
    victim = victims.get(fault.name)
    return victim[:80] if isinstance(victim, str) and victim else known
