"""The line at the foot of the presenter's pages: what is true now, never empty and never in another place."""

from dataclasses import dataclass

from demo.show import ShowState
from demo.texts import translate
from demo.views.audience_state import frozen_on
from demo.views.banners import BannerView, banners
from demo.views.countdown import counts_down
from demo.views.health_text import has_system, health_summary

_MARKS = {"fault": "down", "failed": "down", "lost": "down", "healing": "starting", "healed": "up"}
_ORDER = ("failed", "lost", "fault", "healing", "healed")


@dataclass(frozen=True, slots=True)
class StatusLine:
    """What is true now: on the left what, in the middle more of it, on the right what comes.

    `mark` names the shape and its colour. `stands_out`: it is framed, for something is not as usual. `ends_at` is the
    moment that a countdown behind `tail` runs to. `count` is how many faults it speaks of.
    """

    mark: str
    title: str
    text: str = ""
    tail: str = ""
    ends_at: float | None = None
    stands_out: bool = True
    count: int = 0


def status_line(state: ShowState) -> StatusLine:
    """Return the line for this state: halt first, then a countdown, faults, what was healed here, the stage, health."""
    if state.halted:
        running = any(fault.is_running for fault in state.faults)
        text = translate("faults are being ended") if running else translate("all faults ended")
        return StatusLine("halt", translate("Halted"), text)
    if state.countdown_ends_at is not None and counts_down(state):
        number = state.countdown_number or state.number
        return StatusLine("starting", state.chapters[number - 1].title, "", translate("in"), state.countdown_ends_at)
    found = [banner for banner in banners(state, private=True) if banner.kind in _ORDER]
    faults = [banner for banner in found if banner.kind == "fault"]
    if len(faults) > 1 and not any(banner.kind in ("failed", "lost") for banner in found):
        return _join(faults)
    if found:
        return _from_banner(min(found, key=lambda banner: _ORDER.index(banner.kind)), len(faults))
    return _describe_stage(state) or _describe_health(state)


def _join(faults: list[BannerView]) -> StatusLine:
    ends = [banner.ends_at for banner in faults if banner.ends_at is not None]
    return StatusLine(
        "down",
        translate("%(num)s faults in place", num=len(faults)),
        " · ".join(banner.title for banner in faults),
        translate("first ends in") if ends else translate("until ended"),
        min(ends, default=None),
        count=len(faults),
    )


def _from_banner(banner: BannerView, count: int) -> StatusLine:
    return StatusLine(
        _MARKS[banner.kind], banner.title, banner.text, banner.tail, banner.ends_at, banner.kind != "healed", count
    )


def _describe_stage(state: ShowState) -> StatusLine | None:
    number = frozen_on(state)
    held = translate("the room sees chapter %(number)s", number=number) if number is not None else ""
    if state.blackout:
        return StatusLine("stale", translate("Curtain closed"), held or translate("the room sees nothing"))
    return StatusLine("stale", translate("Picture held"), held) if held else None


def _describe_health(state: ShowState) -> StatusLine:
    mark, text = health_summary(state)
    sample = state.sample
    if mark == "up" and sample is not None and sample.problems:
        return StatusLine("degraded", sample.problems[0])
    if not has_system(state):
        title = translate("Chapter %(number)s of %(total)s", number=state.number, total=state.total)
        return StatusLine("up", title, translate("no system in this show"), stands_out=False)
    begins_with_name = sample is not None and text.startswith(tuple(node.name for node in sample.nodes))
    title = text if begins_with_name else text[:1].upper() + text[1:]
    return StatusLine(mark, title, stands_out=mark != "up")
