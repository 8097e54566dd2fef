"""What a health sample tells of a fault: detected, recovered, or back without a heal of the show. Pure."""

from collections.abc import Iterable, Iterator

from demo.show import events as e
from demo.show.health_sample import Sample
from demo.show.state import FaultState, ShowState

DETECTION_GRACE_SEC = 5.0
"""A symptom that is first seen later than this after the heal is not counted as an effect of the fault."""


def measure(
    fault: FaultState, sample: Sample, seen: bool, at: float, *, is_up: bool, is_overtaken: bool = False
) -> Iterator[e.Event]:
    """Yield the events that this sample causes for one fault.

    `seen`: it shows the fault's observable. `is_up`: it shows everything up, or what this fault has hit.
    `is_overtaken`: another fault was injected after this one.
    """
    injected_at, heal_started_at, healed_at = fault.injected_at, fault.heal_started_at, fault.healed_at
    # A short fault may be over before the first sample that shows it: for a moment after the heal a symptom still
    # counts. But not if another fault came after this one, for then it is as likely that one's symptom.
    in_time = healed_at is None or (at <= healed_at + DETECTION_GRACE_SEC and not is_overtaken)
    is_visible = seen and not fault.symptom_before_fault and in_time
    # A sample from before the injection proves nothing, nor does one from before the heal.
    if fault.awaits_detection and is_visible and injected_at is not None and sample.updated_at >= injected_at:
        yield e.FaultDetected(fault.name, fault.run, at - injected_at)
    is_over = not seen and is_up and fault.awaits_recovery
    if is_over and heal_started_at is not None and healed_at is not None and sample.updated_at >= healed_at:
        # The target was back before the heal began: no recovery is claimed for it (docs/decisions/0018).
        if fault.back_at is not None and injected_at is not None:
            yield e.FaultCameBack(fault.name, fault.run, max(0.0, fault.back_at - injected_at))
        else:
            yield e.FaultRecovered(fault.name, fault.run, at - heal_started_at)


def was_injected_before_another(fault: FaultState, faults: Iterable[FaultState]) -> bool:
    """Return whether another of these faults was injected after this one."""
    since = fault.injected_at
    return since is not None and any(
        other.injected_at is not None and other.injected_at > since for other in faults if other.name != fault.name
    )


def overlaps_another(fault: FaultState, faults: Iterable[FaultState]) -> bool:
    """Return whether another of these faults is in place, or not recovered yet."""
    return any(other.is_running or other.awaits_recovery for other in faults if other.name != fault.name)


def is_back(state: ShowState, fault: FaultState, back_at: float) -> bool:
    """Return whether the samples agree that the target is back since `back_at`.

    A removed target looks healed to its driver, but is missing in the sample. A sample from before `back_at` proves
    nothing.
    """
    # Without any sample nothing can contradict the driver.
    if state.sample is None:
        return True
    newer = state.freshness == "live" and state.sample.updated_at >= back_at
    return newer and fault.name not in state.seen
