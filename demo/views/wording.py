"""The words of the stage for faults and nodes: running, starting, killed, frozen; detected in, recovered in."""

from demo.show import FaultState
from demo.show.durations import in_tenths
from demo.types import ChaosType

_BEGINNING = {
    ChaosType.CONTAINER_KILL: "Killing",
    ChaosType.CONTAINER_PAUSE: "Freezing",
    ChaosType.CONTAINER_STOP: "Stopping",
    ChaosType.NETWORK_DISCONNECT: "Cutting off",
    ChaosType.REDIS_PAUSE: "Freezing",
}
_RESTARTS = (ChaosType.CONTAINER_KILL, ChaosType.CONTAINER_STOP)

HEALTH_WORDS = {"up": "running", "stale": "no contact", "unknown": "not measured", "offline": "stopped"}
"""A node's health in the words of the stage; any other is its own word."""


def beginning_text(fault: FaultState, target: str) -> str:
    """Return what is about to happen: "Killing node-2"; the fault's description where there is no verb for it."""
    verb = _BEGINNING.get(fault.config.chaos_type)
    return f"{verb} {target}" if verb and target else fault.config.description


def ending_text(fault: FaultState) -> str:
    """Return the words before the seconds in which a fault ends: "restarts in", or "ends in"."""
    return "restarts in" if fault.config.chaos_type in _RESTARTS else "ends in"


def measured_text(fault: FaultState) -> str:
    """Return what has been measured of a fault so far: "detected in 0.2 s · recovered in 0.5 s"."""
    if fault.not_measurable and fault.recovered_after_sec is None:
        return "not measured: the server restarted in between"
    parts = []
    if fault.detected_after_sec is not None:
        parts.append(f"detected in {in_tenths(fault.detected_after_sec)}")
    if fault.came_back_after_sec is not None:
        parts.append(f"came back by itself after {fault.came_back_after_sec:.1f} s")
    elif fault.recovered_after_sec is not None and fault.detected_after_sec is not None:
        parts.append(f"recovered in {in_tenths(fault.recovered_after_sec)}")
    if parts:
        return " · ".join(parts)
    return "no effect seen" if fault.has_ended else "no effect seen yet"


def health_word(health: str) -> str:
    """Return the word for a node's health."""
    return HEALTH_WORDS.get(health, health)
