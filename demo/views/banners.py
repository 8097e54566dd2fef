"""The banners: what is broken right now, and what was measured of a fault that this chapter healed."""

from dataclasses import dataclass

from demo.show import FaultState, ShowState
from demo.show.durations import in_tenths
from demo.types import ChaosType
from demo.views.audience_state import ELSEWHERE

_VERBS = {
    ChaosType.CONTAINER_KILL: "Kill",
    ChaosType.CONTAINER_PAUSE: "Freeze",
    ChaosType.CONTAINER_STOP: "Stop",
    ChaosType.NETWORK_DISCONNECT: "Cut off",
}


@dataclass(frozen=True, slots=True)
class BannerView:
    """`kind`: fault (it is running), healing, healed, failed, halted, lost (the show is not on disk).

    `ends_at` is the moment that a countdown runs to; `tail` is the text in front of it.
    """

    id: str
    kind: str
    title: str
    text: str = ""
    tail: str = ""
    ends_at: float | None = None


def banners(state: ShowState, *, private: bool = False) -> tuple[BannerView, ...]:
    """List the banners: halt first, then each running or failed fault, then what this chapter healed.

    `private`: for the presenter, with the reason and the command to type where a fault is not healed.
    """
    found = []
    if state.halted:
        text = "everything is being healed" if any(f.is_running for f in state.faults) else "no new faults"
        found.append(BannerView("halted", "halted", "Halted", text))
    if not state.durable and state.journal != "none":
        found.append(_warn_not_durable(state, private))
    if state.parts_healing and not state.halted:
        found.append(BannerView("parts", "healing", "Healing", "parts that died are being restarted"))
    running = [_describe_running(fault, private) for fault in state.faults if fault.is_running]
    healed = [_describe_healed(fault) for fault in state.faults if _was_healed_here(state, fault)]
    return tuple(found + running + healed)


def _warn_not_durable(state: ShowState, private: bool) -> BannerView:
    """Warn that a crash would lose the show; only for a show that was meant to be kept in a journal."""
    text = "a crash would lose the show"
    if state.journal == "temporary":
        return BannerView("lost", "lost", "The show is not saved", text)
    why = f": {state.not_durable_because}" if private and state.not_durable_because else ""
    return BannerView("lost", "lost", "The journal cannot be written", f"{text}{why}")


def _was_healed_here(state: ShowState, fault: FaultState) -> bool:
    if fault.is_running or fault.healed_at is None:
        return False
    newest = next((span for span in reversed(state.spans) if span.name == fault.name), None)
    # A frozen stage does not tell on which later chapter a fault began: its end is shown on the one it holds.
    return newest is not None and newest.chapter in (state.number, ELSEWHERE)


def _describe_running(fault: FaultState, private: bool) -> BannerView:
    title, effect = fault_title(fault), seen_text(fault)
    # A title made for a requested target names that already.
    target = fault.target if title == fault.config.description else ""
    if fault.state == "failed":
        text = fault.error or "" if private else "the presenter's page says why"
        return BannerView(fault.name, "failed", f"{fault.target or title}: not healed", text)
    if fault.state == "injecting":
        return BannerView(fault.name, "fault", title, target, "starting")
    effect = f"{target} · {effect}" if target else effect
    if fault.state == "healing":
        return BannerView(fault.name, "healing", title, effect, "healing")
    tail = "until healed" if fault.heals_at is None else "heals in"
    return BannerView(fault.name, "fault", title, effect, tail, fault.heals_at)


def _describe_healed(fault: FaultState) -> BannerView:
    text = outcome_text(fault)
    if fault.injection_failed:
        return BannerView(fault.name, "failed", f"{fault_title(fault)}: could not be injected", text)
    if fault.came_back_after_sec is not None:
        return BannerView(fault.name, "healed", f"{fault.target} is back", text)
    return BannerView(fault.name, "healed", f"{fault.target} healed", text)


def fault_title(fault: FaultState) -> str:
    """Return what a run does. A fault with a requested target is not described by its own: "Kill the leader" is false.

    A type without such a verb keeps the description.
    """
    verb = _VERBS.get(fault.config.chaos_type)
    return f"{verb} {fault.target}" if fault.requested_target is not None and verb else fault.config.description


def seen_text(fault: FaultState) -> str:
    """Return what has been measured of a running fault's effect so far."""
    if fault.came_back_after_sec is not None:
        return came_back_text(fault)
    if fault.detected_after_sec is None:
        return "no effect seen yet"
    return detected_text(fault)


def detected_text(fault: FaultState) -> str:
    """Format how long it took until the effect of a fault was seen, for one whose effect was."""
    return f"detected in {in_tenths(fault.detected_after_sec or 0)}"


def came_back_text(fault: FaultState) -> str:
    """Describe a fault whose target came back without a heal of ours: no recovery is claimed (decision 0018)."""
    back = f"came back by itself after {fault.came_back_after_sec or 0:.1f} s"
    return back if fault.detected_after_sec is None else f"{detected_text(fault)} · {back}"


def outcome_text(fault: FaultState) -> str:
    """Return what was measured of a healed fault."""
    if fault.came_back_after_sec is not None:
        return came_back_text(fault)
    if fault.not_measurable and fault.recovered_after_sec is None:
        return "not measured: the server restarted in between"
    if fault.recovered_after_sec is None:
        return f"{seen_text(fault)} · waiting for recovery"
    if fault.detected_after_sec is None:
        return "no effect seen"
    return f"{seen_text(fault)} · recovered in {in_tenths(fault.recovered_after_sec)}"
