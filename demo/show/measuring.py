"""What a health sample says of a fault: seen, recovered, or back without a heal of ours. Pure."""

from collections.abc import Iterator

from demo.show import events as e
from demo.show.health_sample import Sample
from demo.show.state import FaultState, ShowState

DETECTION_GRACE_SEC = 5.0
"""What is first seen later than this after the heal is no effect of the fault."""


def measure(fault: FaultState, sample: Sample, seen: bool, at: float) -> Iterator[e.Event]:
    """The events that this sample makes of one fault. `seen`: it shows the fault's observable."""
    started, healing, healed = fault.injected_at, fault.heal_started_at, fault.healed_at
    in_time = healed is None or at <= healed + DETECTION_GRACE_SEC
    shown = seen and not fault.symptom_before_fault and in_time
    if fault.awaits_detection and shown and started is not None and sample.updated_at >= started:
        yield e.FaultDetected(fault.name, fault.run, at - started)
    settled = not seen and not sample.has_issues and fault.awaits_recovery
    if settled and healing is not None and healed is not None and sample.updated_at >= healed:
        if fault.back_at is not None and started is not None:
            yield e.FaultCameBack(fault.name, fault.run, max(0.0, fault.back_at - started))
        else:
            yield e.FaultRecovered(fault.name, fault.run, at - healing)


def is_back(state: ShowState, fault: FaultState, back_at: float) -> bool:
    """Do the samples agree that its target is back since `back_at`?

    A target that was removed counts as healed for its driver, and is missing here. Old samples tell nothing.
    """
    if state.sample is None:
        return True
    newer = state.freshness == "live" and state.sample.updated_at >= back_at
    return newer and fault.name not in state.seen
