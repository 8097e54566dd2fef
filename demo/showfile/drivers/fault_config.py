"""What a fault of a show file is called and how long it lasts, for all of its drivers."""

import math

from demo.showfile.schema.faults import DEFAULT_HEAL_TIMEOUT_SEC, FaultSettings
from demo.types import ChaosConfig, ChaosType, Plan

TYPES = {
    "kill": ChaosType.CONTAINER_KILL,
    "stop": ChaosType.CONTAINER_STOP,
    "pause": ChaosType.CONTAINER_PAUSE,
    "disconnect": ChaosType.NETWORK_DISCONNECT,
}


def config_of(
    name: str, fault: FaultSettings, chaos_type: ChaosType = ChaosType.COMMAND, multiplier: int = 2
) -> ChaosConfig:
    """Return the fault's configuration. One that ends by itself lasts that long, unless its duration is written."""
    seconds = fault.duration
    if fault.ends is not None and "duration" not in fault.model_fields_set:
        seconds = fault.ends
    return ChaosConfig(name, chaos_type, fault.title or name, math.inf if seconds is None else seconds, multiplier)


def heal_timeout_of(plan: Plan) -> float:
    """Return for how many seconds a heal of this plan may take, as the show file said when it was made."""
    return float(plan.undo.get("heal_timeout", DEFAULT_HEAL_TIMEOUT_SEC))
