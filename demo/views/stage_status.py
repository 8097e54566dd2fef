"""What is true now, in one line: it fills the region `record` of the stage, and is never empty.

On the left what is so, in the middle details and since when, on the right what comes next.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from demo.show import FaultState, ShowState
from demo.show.health_sample import LOAD, Node, Sample
from demo.texts import translate
from demo.types import Chapter
from demo.views.audience_state import ELSEWHERE
from demo.views.banners import ending_text
from demo.views.countdown import counts_down
from demo.views.fault_targets import target_text
from demo.views.marks import find_hit_nodes, find_next_targets, happened_text
from demo.views.redaction import masked
from demo.views.wording import beginning_text, health_word, measured_text

MAX_ITEMS = 6
"""How many faults share the line; more are counted in its last place."""

MAX_NAMED = 3
"""How many nodes that do not run are named."""

MAX_NAMES_LENGTH = 44
"""Characters in which the kinds of nodes are named at rest; where they need more, the nodes are only counted."""


@dataclass(frozen=True, slots=True)
class StageStatusItem:
    """`mark` names the shape, `state` the colour: up, degraded, down, starting, info, stale.

    `ends_at`: the moment that the countdown behind `end` runs to; `is_count`: it is the one before a fault, in whole
    seconds that a ring shows too. `since`: the moment of a measurement whose age follows `text`.
    """

    state: str
    mark: str
    title: str
    text: str = ""
    end: str = ""
    ends_at: float | None = None
    is_count: bool = False
    since: float | None = None


@dataclass(frozen=True, slots=True)
class StageStatusView:
    """`items`: one, or as many as faults are in place. `is_live`: something is broken, or was just repaired."""

    items: tuple[StageStatusItem, ...]
    is_live: bool = False
    more: int = 0

    @property
    def state(self) -> str:
        """The colour of the frame: of the worst item."""
        worst = ("down", "degraded", "starting", "stale", "info", "up")
        return min((item.state for item in self.items), key=worst.index)


def build_stage_status(state: ShowState, *, private: bool = False) -> StageStatusView:
    """Return what is true in this state, as the audience may see it; `private`: with why a fault was not repaired."""
    running = [fault for fault in state.faults if fault.is_running]
    healed = [fault for fault in state.faults if not fault.is_running and was_healed_here(state, fault)]
    coming = [_describe_countdown(state)] if counts_down(state) else []
    items = [*coming, *_describe_show(state), *(_describe_running(fault, private) for fault in running)]
    if items or (healed and not _is_calm(state)):
        items += [_describe_healed(state, fault) for fault in healed]
        shown, more = items[:MAX_ITEMS], len(items) - MAX_ITEMS
        return StageStatusView(tuple(shown), True, max(0, more))
    return StageStatusView((_describe_rest(state),))


def was_healed_here(state: ShowState, fault: FaultState) -> bool:
    """Return whether the newest run of a fault began in this chapter and has ended."""
    if fault.healed_at is None:
        return False
    newest = next((span for span in reversed(state.spans) if span.name == fault.name), None)
    # A frozen stage does not tell on which later chapter a fault began: its end is shown on the one it holds.
    return newest is not None and newest.chapter in (state.number, ELSEWHERE)


def _is_calm(state: ShowState) -> bool:
    """Return whether this chapter looks back: what was repaired stands in its table already."""
    return state.chapter.shows_evidence


def _describe_countdown(state: ShowState) -> StageStatusItem:
    chapter = state.chapters[(state.countdown_number or state.number) - 1]
    coming = _find_coming(state, chapter)
    title = beginning_text(coming[0], masked(target_text(state, coming[0]))) if coming else chapter.title
    return StageStatusItem("down", "starting", title, "…", translate("in"), state.countdown_ends_at, is_count=True)


def _find_coming(state: ShowState, chapter: Chapter) -> list[FaultState]:
    """Return the faults that a chapter is known to inject; without that, those that hit the nodes it is about."""
    idle = [fault for fault in state.faults if not fault.is_running]
    next_targets = find_next_targets(state)
    return [fault for fault in idle if fault.name in chapter.injects] or [
        f for f in idle if find_hit_nodes(state, [f]) & next_targets
    ]


def _describe_show(state: ShowState) -> Iterator[StageStatusItem]:
    """Yield what is true of the show itself: it is halted, not saved, or parts of it are being restarted."""
    if state.halted:
        running = any(fault.is_running for fault in state.faults)
        text = translate("all faults are being ended") if running else translate("no new faults")
        yield StageStatusItem("degraded", "halt", translate("Halted"), text)
    if not state.durable and state.journal == "file":
        title, text = translate("The journal cannot be written"), translate("a crash would lose the show")
        yield StageStatusItem("down", "down", title, text)
    if state.system_healing and not state.halted:
        yield StageStatusItem("starting", "starting", translate("Restarting failed parts"), "")


def _describe_running(fault: FaultState, private: bool) -> StageStatusItem:
    if fault.state == "failed":
        title = translate("%(target)s: not repaired", target=masked(fault.target or fault.config.description))
        text = fault.error or "" if private else translate("the presenter's page says why")
        return StageStatusItem("down", "down", title, text)
    if fault.state == "injecting":
        return StageStatusItem("down", "starting", beginning_text(fault, masked(fault.target)), "", translate("now"))
    title, text = masked(happened_text(fault)), measured_text(fault)
    if fault.state == "healing":
        return _describe_recovering(fault, text)
    if fault.came_back_after_sec is not None:
        return StageStatusItem("up", "up", title, text, "")
    if fault.heals_at is None:
        return StageStatusItem("down", "down", title, text, translate("until ended"))
    return StageStatusItem("down", "down", title, text, ending_text(fault), fault.heals_at)


def _describe_recovering(fault: FaultState, text: str) -> StageStatusItem:
    title = translate("%(target)s starting", target=masked(fault.target))
    return StageStatusItem("starting", "starting", title, text, translate("recovering"))


def _describe_healed(state: ShowState, fault: FaultState) -> StageStatusItem:
    if fault.injection_failed:
        title = translate("%(fault)s: not injected", fault=fault.config.description)
        return StageStatusItem("degraded", "degraded", title, measured_text(fault))
    title, text = masked(happened_text(fault)), measured_text(fault)
    if not fault.has_ended and not fault.not_measurable:
        return _describe_recovering(fault, text)
    return StageStatusItem("up", "up", title, text, _count_running(state))


def _count_running(state: ShowState) -> str:
    parts = _parts(state.sample) if state.sample is not None and state.freshness == "live" else []
    up = sum(node.health == "up" for node in parts)
    if not parts:
        return ""
    if up == len(parts):
        return translate("all running")
    return translate("%(count)s of %(total)s running", count=up, total=len(parts))


def _describe_rest(state: ShowState) -> StageStatusItem:
    """Describe what runs while nothing is broken on purpose."""
    end, sample = _announce_next(state), state.sample
    if sample is None and state.faults:
        return StageStatusItem(
            "starting", "starting", translate("One moment"), translate("the first measurement is on its way"), end
        )
    if sample is None or not (parts := _parts(sample)):
        return StageStatusItem("info", "info", state.title, state.description, end)
    if state.freshness != "live":
        title, text = translate("No contact with the system"), translate("last measured")
        return StageStatusItem("stale", "stale", title, text, "", since=sample.updated_at)
    bad = [node for node in parts if node.health != "up"]
    if bad:
        return _describe_bad(bad, len(parts), end)
    return StageStatusItem("up", "up", translate("All running"), _name_parts(parts), end)


def _describe_bad(bad: list[Node], total: int, end: str) -> StageStatusItem:
    worst = next((node for node in bad if node.health in ("down", "offline")), bad[0])
    shown = "down" if worst.health in ("down", "offline") else "degraded" if worst.health == "degraded" else "starting"
    if len(bad) == 1:
        return StageStatusItem(shown, worst.health, f"{masked(worst.name)} {health_word(worst.health)}", "", end)
    names = ", ".join(masked(node.name) for node in bad[:MAX_NAMED])
    title = translate("%(count)s of %(total)s not running", count=len(bad), total=total)
    return StageStatusItem(shown, worst.health, title, names, end)


def _parts(sample: Sample | None) -> list[Node]:
    """Return the nodes that are parts of the system: what sends requests is none."""
    return [node for node in sample.nodes if node.kind != LOAD] if sample is not None else []


def _name_parts(parts: list[Node]) -> str:
    """Name the parts by their kinds: "node × 3, redis, backend"."""
    kinds: dict[str, list[Node]] = {}
    for node in parts:
        kinds.setdefault(node.group or node.type or node.name, []).append(node)
    # The largest first: it is what the show is about.
    ordered = sorted(kinds.items(), key=lambda item: -len(item[1]))
    names = (masked(nodes[0].name) if len(nodes) == 1 else f"{masked(kind)} × {len(nodes)}" for kind, nodes in ordered)
    text = ", ".join(names)
    return text if len(text) <= MAX_NAMES_LENGTH else translate("%(num)s nodes", num=len(parts))


def _announce_next(state: ShowState) -> str:
    """Say what comes, without giving it away."""
    if state.current + 1 >= state.total:
        return ""
    chapter: Chapter = state.chapters[state.current + 1]
    if chapter.hypothesis:
        return translate("next: a prediction")
    if chapter.shows_evidence:
        return translate("next: what we measured")
    return translate("next: a fault") if chapter.injects else ""
