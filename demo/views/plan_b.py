"""Plan B as the presenter sees it: whether a recording is at hand, why to go on from it, how the show itself fares."""

from dataclasses import dataclass

from demo.show import ShowState
from demo.show.plan_b_types import LiveStand
from demo.texts import translate, translate_count
from demo.views.replay import recorded_text


@dataclass(frozen=True, slots=True)
class PlanBView:
    """A recording from which to go on. `is_on`: all screens show it. `recorded`: of when it is.

    `why`: what is wrong with the show itself, "" for nothing that asks for a recording. `unfit`: why it cannot be shown
    at this chapter, "" if it can. `differences`: what it has not as the deck has it. `mark`, `live`: how the show
    itself fares while the recording is shown.
    """

    is_on: bool
    recorded: str
    why: str = ""
    unfit: str = ""
    differences: tuple[str, ...] = ()
    mark: str = ""
    live: str = ""

    @property
    def stands_out(self) -> bool:
        """Return whether it is shown where the presenter looks, not only where it is looked for."""
        return self.is_on or bool(self.why)


def plan_b_view(state: ShowState) -> PlanBView | None:
    """Return plan B; None for a show without a recording."""
    at_hand = state.plan_b
    if at_hand is None:
        return None
    recorded = recorded_text(at_hand.recorded_at)
    if at_hand.live is not None:
        mark, live = _describe_live(at_hand.live)
        halted = f"{translate('Halted')} · " if at_hand.live.is_halted else ""
        return PlanBView(True, recorded, mark=mark, live=f"{halted}{live}")
    why = {
        "": "",
        "system": translate("The system does not answer."),
        "fault": translate("A fault failed."),
    }[at_hand.need]
    unfit = "" if at_hand.has_chapter else translate("The recording does not show this chapter.")
    return PlanBView(False, recorded, why, unfit, at_hand.differences)


def _describe_live(live: LiveStand) -> tuple[str, str]:
    """Return how the show itself fares, as a mark and in words: faults that are still in place come first."""
    if live.unhealed:
        return "down", translate("%(name)s could not be ended: Halt tries again", name=", ".join(live.unhealed))
    if live.healing:
        return "starting", translate("%(name)s is being ended", name=", ".join(live.healing))
    if not live.is_live:
        return "stale", translate("no fresh data")
    if live.up == live.total > 1:
        return "up", translate("all %(num)s parts up", num=live.total)
    mark = "up" if live.up == live.total else "down"
    return mark, translate_count("%(up)s of %(num)s part up", "%(up)s of %(num)s parts up", live.total, up=live.up)
