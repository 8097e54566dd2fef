"""The words of the stage for faults and nodes: running, starting, killed, frozen; detected in, recovered in."""

from demo.show import FaultState
from demo.texts import mark_text, translate, translate_marked
from demo.types import ChaosType
from demo.views.banners import back_text, detected_text, recovered_text
from demo.views.cards import name_health

_BEGINNING = {
    ChaosType.CONTAINER_KILL: mark_text("Killing %(target)s"),
    ChaosType.CONTAINER_PAUSE: mark_text("Freezing %(target)s"),
    ChaosType.CONTAINER_STOP: mark_text("Stopping %(target)s"),
    ChaosType.NETWORK_DISCONNECT: mark_text("Cutting off %(target)s"),
    ChaosType.REDIS_PAUSE: mark_text("Freezing %(target)s"),
}

HEALTH_WORDS = {
    "up": mark_text("running"),
    "stale": mark_text("no contact"),
    "unknown": mark_text("not measured"),
    "offline": mark_text("stopped"),
}
"""A node's health in the words of the stage; any other is its own word."""


def beginning_text(fault: FaultState, target: str) -> str:
    """Return what is about to happen: "Killing node-2"; the fault's description where there is no verb for it."""
    verb = _BEGINNING.get(fault.config.chaos_type)
    return translate_marked(verb, target=target) if verb and target else fault.config.description


def measured_text(fault: FaultState) -> str:
    """Return what has been measured of a fault so far: "detected in 0.2 s · recovered in 0.5 s"."""
    if fault.not_measurable and fault.recovered_after_sec is None:
        return translate("not measured: the server restarted in between")
    parts = []
    if fault.detected_after_sec is not None:
        parts.append(detected_text(fault))
    if fault.came_back_after_sec is not None:
        parts.append(back_text(fault.came_back_after_sec))
    elif fault.recovered_after_sec is not None and fault.detected_after_sec is not None:
        parts.append(recovered_text(fault))
    if parts:
        return " · ".join(parts)
    return translate("no effect seen") if fault.has_ended else translate("no effect seen yet")


def health_word(health: str) -> str:
    """Return the word for a node's health."""
    return translate_marked(HEALTH_WORDS[health]) if health in HEALTH_WORDS else name_health(health)
