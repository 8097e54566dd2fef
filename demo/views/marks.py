"""Marks on the time axis of the curves: the moments of a fault, as the room reads them."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from demo.show import FaultState, ShowState
from demo.texts import mark_text, translate, translate_marked
from demo.types import ChaosType
from demo.views.banners import detected_text, recovered_text
from demo.views.redaction import masked

_PAST = {
    ChaosType.CONTAINER_KILL: mark_text("%(target)s killed"),
    ChaosType.CONTAINER_PAUSE: mark_text("%(target)s frozen"),
    ChaosType.CONTAINER_STOP: mark_text("%(target)s stopped"),
    ChaosType.NETWORK_DISCONNECT: mark_text("%(target)s cut off"),
    ChaosType.REDIS_PAUSE: mark_text("%(target)s frozen"),
}
EARLY_SEC = 1.0
"""A fault may take effect so long before the countdown on the screens has reached zero."""

MAX_TEXT = 26
"""Characters of a mark's text."""

AXIS_SEC = 60.0
"""The time that curves show."""

MAX_EVENT_MARKS = 6
"""More marks of events than this would hide the curves, and those of faults."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment of the show's clock and its text. `kind`: down (a fault), seen, up (a recovery), note (an event)."""

    at: float
    text: str
    kind: str


def marks(state: ShowState) -> tuple[Mark, ...]:
    """Return the marks of each fault's newest run and of the newest events, the oldest first."""
    found = [mark for fault in state.faults for mark in _marks_of(fault)]
    return tuple(sorted((*found, *event_marks(state)), key=lambda mark: mark.at))


def event_marks(state: ShowState) -> tuple[Mark, ...]:
    """Return the newest events of the show file, the oldest first: at most `MAX_EVENT_MARKS`, within the last minute.

    Events are lines of the show's log, so that a frozen stage shows none that came since.
    """
    newest = state.history[-1].at if state.history else 0.0
    found = [line for line in state.log if line.level == "event" and line.at >= newest - AXIS_SEC]
    return tuple(Mark(line.at, _shortened(line.text), "note") for line in found[-MAX_EVENT_MARKS:])


def _marks_of(fault: FaultState) -> Iterator[Mark]:
    began = fault.injected_at
    if began is None or fault.injection_failed:
        return
    yield Mark(began, happened_text(fault), "down")
    if fault.detected_after_sec is not None:
        yield Mark(began + fault.detected_after_sec, detected_text(fault), "seen")
    if fault.came_back_after_sec is not None:
        yield Mark(began + fault.came_back_after_sec, translate("came back by itself"), "up")
    if fault.recovered_after_sec is not None and fault.heal_started_at is not None:
        yield Mark(fault.heal_started_at + fault.recovered_after_sec, recovered_text(fault), "up")


def happened_text(fault: FaultState) -> str:
    """Return what has happened to the target of a fault: "node-2 killed"; its description where there is no verb."""
    verb = _PAST.get(fault.config.chaos_type)
    target = fault.target or fault.config.name
    happened = translate_marked(verb, target=target) if verb else ""
    text = happened if happened and len(happened) <= MAX_TEXT else fault.config.description
    return _shortened(masked(text if len(text) <= MAX_TEXT else fault.config.name))


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1].rstrip()}…"


def find_hit_nodes(state: ShowState, faults: Iterable[FaultState]) -> frozenset[str]:
    """Return the ids of the nodes that these faults have as targets, by the words of each target."""
    if state.sample is None:
        return frozenset()
    words = {word for fault in faults for word in (fault.target, *re.split(r"[\s,()]+", fault.target)) if word}
    return frozenset(node.id for node in state.sample.nodes if node.id in words or node.name in words)


def find_next_targets(state: ShowState) -> frozenset[str]:
    """Return the nodes on which a countdown ends: its chapter's faults' targets, else those that are highlighted."""
    ends_at = state.countdown_ends_at
    if ends_at is None or state.sample is None:
        return frozenset()
    if any(fault.injected_at is not None and fault.injected_at > ends_at - EARLY_SEC for fault in state.faults):
        return frozenset()  # it has ended: the fault is there
    chapter = state.chapter
    coming = [fault for fault in state.faults if fault.name in chapter.injects and not fault.is_running]
    found = find_hit_nodes(state, coming[:1])
    named = set(chapter.highlight)
    return found or frozenset(node.id for node in state.sample.nodes if node.id in named or node.name in named)
