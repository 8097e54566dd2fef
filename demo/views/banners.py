"""The banners: what is broken right now, and what was measured of a fault that this chapter healed."""

from dataclasses import dataclass

from demo.show import FaultState, ShowState
from demo.show.durations import in_tenths
from demo.texts import localize_number, mark_text, translate, translate_marked
from demo.types import ChaosType
from demo.views.audience_state import ELSEWHERE

_VERBS = {
    ChaosType.CONTAINER_KILL: mark_text("Kill %(target)s"),
    ChaosType.CONTAINER_PAUSE: mark_text("Freeze %(target)s"),
    ChaosType.CONTAINER_STOP: mark_text("Stop %(target)s"),
    ChaosType.NETWORK_DISCONNECT: mark_text("Cut off %(target)s"),
}

_RESTARTS = (ChaosType.CONTAINER_KILL, ChaosType.CONTAINER_STOP)


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
        is_healing = any(f.is_running for f in state.faults)
        text = translate("everything is being healed") if is_healing else translate("no new faults")
        found.append(BannerView("halted", "halted", translate("Halted"), text))
    if not state.durable and state.journal != "none":
        found.append(_warn_not_durable(state, private))
    if state.system_healing and not state.halted:
        found.append(BannerView("parts", "healing", translate("Restarting failed parts"), ""))
    running = [_describe_running(fault, private) for fault in state.faults if fault.is_running]
    healed = [_describe_healed(fault) for fault in state.faults if _was_healed_here(state, fault)]
    return tuple(found + running + healed)


def _warn_not_durable(state: ShowState, private: bool) -> BannerView:
    """Warn that a crash would lose the show; only for a show that was meant to be kept in a journal."""
    text = translate("a crash would lose the show")
    if state.journal == "temporary":
        return BannerView("lost", "lost", translate("The show is not saved"), text)
    why = f": {state.not_durable_because}" if private and state.not_durable_because else ""
    return BannerView("lost", "lost", translate("The journal cannot be written"), f"{text}{why}")


def _was_healed_here(state: ShowState, fault: FaultState) -> bool:
    if fault.is_running or fault.healed_at is None:
        return False
    newest = next((span for span in reversed(state.spans) if span.name == fault.name), None)
    # A frozen stage does not tell on which later chapter a fault began: its end is shown on the one it holds.
    return newest is not None and newest.chapter in (state.number, ELSEWHERE)


def ending_text(fault: FaultState) -> str:
    """Return the words before the seconds in which a fault ends: "restarts in", or "ends in"."""
    return translate("restarts in") if fault.config.chaos_type in _RESTARTS else translate("ends in")


def _describe_running(fault: FaultState, private: bool) -> BannerView:
    title, effect = fault_title(fault), seen_text(fault)
    # A title made for a requested target names that already.
    target = fault.target if title == fault.config.description else ""
    if fault.state == "failed":
        text = fault.error or "" if private else translate("the presenter's page says why")
        return BannerView(fault.name, "failed", translate("%(target)s: not healed", target=fault.target or title), text)
    if fault.state == "injecting":
        return BannerView(fault.name, "fault", title, target, translate("starting"))
    effect = f"{target} · {effect}" if target else effect
    if fault.state == "healing":
        return BannerView(fault.name, "healing", title, effect, translate("healing"))
    tail = translate("until ended") if fault.heals_at is None else ending_text(fault)
    return BannerView(fault.name, "fault", title, effect, tail, fault.heals_at)


def _describe_healed(fault: FaultState) -> BannerView:
    text = outcome_text(fault)
    if fault.injection_failed:
        title = translate("%(fault)s: could not be injected", fault=fault_title(fault))
        return BannerView(fault.name, "failed", title, text)
    if fault.came_back_after_sec is not None:
        return BannerView(fault.name, "healed", translate("%(target)s is back", target=fault.target), text)
    return BannerView(fault.name, "healed", translate("%(target)s healed", target=fault.target), text)


def fault_title(fault: FaultState) -> str:
    """Return what a run does. A fault with a requested target is not described by its own: "Kill the leader" is false.

    A type without such a verb keeps the description.
    """
    verb = _VERBS.get(fault.config.chaos_type)
    if fault.requested_target is None or not verb:
        return fault.config.description
    return translate_marked(verb, target=fault.target)


def seen_text(fault: FaultState) -> str:
    """Return what has been measured of a running fault's effect so far."""
    if fault.came_back_after_sec is not None:
        return came_back_text(fault)
    if fault.detected_after_sec is None:
        return translate("no effect seen yet")
    return detected_text(fault)


def detected_text(fault: FaultState) -> str:
    """Format how long it took until the effect of a fault was seen, for one whose effect was."""
    return translate("detected in %(time)s", time=in_tenths(fault.detected_after_sec or 0))


def recovered_text(fault: FaultState) -> str:
    """Format how long the recovery took, for a fault whose target has recovered."""
    return translate("recovered in %(time)s", time=in_tenths(fault.recovered_after_sec or 0))


def came_back_text(fault: FaultState) -> str:
    """Describe a fault whose target came back without a heal of ours: no recovery is claimed (decision 0018)."""
    back = back_text(fault.came_back_after_sec or 0)
    return back if fault.detected_after_sec is None else f"{detected_text(fault)} · {back}"


def back_text(seconds: float) -> str:
    """Say that a target came back by itself, and when."""
    return translate("came back by itself after %(time)s", time=f"{localize_number(f'{seconds:.1f}')} s")


def outcome_text(fault: FaultState) -> str:
    """Return what was measured of a healed fault."""
    if fault.came_back_after_sec is not None:
        return came_back_text(fault)
    if fault.not_measurable and fault.recovered_after_sec is None:
        return translate("not measured: the server restarted in between")
    if fault.recovered_after_sec is None:
        return f"{seen_text(fault)} · {translate('waiting for recovery')}"
    if fault.detected_after_sec is None:
        return translate("no effect seen")
    return f"{seen_text(fault)} · {recovered_text(fault)}"
