"""What the presenter sees, on the page and on the phone: notes, what comes next, faults, log, errors."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from demo.narration.page_style import PageStyle
from demo.panels.picture import Panels
from demo.show import FaultState, LogLine, ShowState
from demo.texts import mark_text, translate, translate_marked
from demo.types import ChaosType
from demo.views.audience_state import audience_state, describe_hidden_chapter, frozen_on
from demo.views.ballots import TallyView, can_open_vote, tally_view
from demo.views.banners import BannerView, banners, outcome_text, seen_text
from demo.views.cards import CardView, cards, number_text
from demo.views.fault_targets import target_text
from demo.views.groups import listed
from demo.views.health_text import health_summary
from demo.views.overview import OverviewRow, overview
from demo.views.panels import PanelsView, panels_view
from demo.views.plan_b import PlanBView, plan_b_view
from demo.views.preview import following_place
from demo.views.questions import Questions
from demo.views.replay import ReplayStandView, is_halted, replay_stand
from demo.views.stage import ClaimView, standing_claim
from demo.views.status_line import StatusLine, status_line
from demo.views.timer import TimerView, timer_view

LOG_SHOWN = 14

_STATE_WORDS = {
    "injecting": mark_text("starting"),
    "active": mark_text("running"),
    "healing": mark_text("healing"),
    "failed": mark_text("failed"),
    "idle": mark_text("idle"),
}


@dataclass(frozen=True, slots=True)
class FaultView:
    """A fault's button. `key` is the digit to type after C; `heals_at` is a moment."""

    name: str
    key: int
    title: str
    target: str
    lasts: str
    state: str
    running: bool
    text: str
    error: str | None
    heals_at: float | None

    @property
    def state_word(self) -> str:
        """The state as the screens write it; `state` itself is what CSS classes and /state call it."""
        return translate_marked(_STATE_WORDS.get(self.state, self.state))


@dataclass(frozen=True, slots=True)
class PresenterView:
    """The presenter's page. Never for the audience: it holds notes, errors and addresses. Times are moments."""

    look: PageStyle
    title: str
    number: int
    total: int
    position: int | str
    step: int
    steps: int
    heading: str
    notes: str
    text_format: str
    status: str
    error: str | None
    can_rerun: bool
    blocked_by: int | None
    claim: ClaimView | None
    said: str
    said_in_room: bool
    countdown_ends_at: float | None
    entered_at: float
    budget_sec: float | None
    next_heading: str | None
    next_narration: str
    next_format: str
    cards: tuple[CardView, ...]
    faults: tuple[FaultView, ...]
    banners: tuple[BannerView, ...]
    problems: tuple[str, ...]
    log: tuple[LogLine, ...]
    freshness: str
    sampled_at: float | None
    halted: bool
    blackout: bool
    frozen_on: int | None
    room_text: str
    timer: TimerView
    watching: int
    remotes: int
    chapters: tuple[str, ...]
    overview: tuple[OverviewRow, ...]
    status_line: StatusLine
    panels: PanelsView
    tally: TallyView | None
    can_open_vote: bool
    replay: ReplayStandView | None
    plan_b: PlanBView | None
    questions: Questions = None
    """What the room asks; it is not part of the state."""


@dataclass(frozen=True, slots=True)
class RemoteView:
    """The presenter's phone: the chapter and its notes, two big buttons, faults behind a second tap."""

    look: PageStyle
    number: int
    total: int
    position: int | str
    step: int
    steps: int
    heading: str
    notes: str
    text_format: str
    status: str
    error: str | None
    can_rerun: bool
    blocked_by: int | None
    next_heading: str | None
    health_state: str
    health_text: str
    sampled_at: float | None
    entered_at: float
    budget_sec: float | None
    countdown_ends_at: float | None
    faults: tuple[FaultView, ...]
    banners: tuple[BannerView, ...]
    halted: bool
    blackout: bool
    frozen_on: int | None
    room_text: str
    status_line: StatusLine
    timer: TimerView
    replay: ReplayStandView | None
    plan_b: PlanBView | None


def presenter_view(state: ShowState, viewers: Mapping[str, int], panels: Panels | None = None) -> PresenterView:
    """Return the presenter's page for this state; `viewers` counts the open streams of each view."""
    chapter, following = state.chapter, _find_next(state)
    return PresenterView(
        look=replace(state.chapter.style, layout=""),
        title=state.title,
        number=state.number,
        total=state.total,
        position=position(state),
        step=state.step,
        steps=chapter.step_count,
        heading=chapter.title,
        notes=chapter.notes,
        text_format=chapter.format,
        status=state.action.status,
        error=state.action.error,
        can_rerun=_can_rerun(state),
        blocked_by=_blocked_by(state),
        claim=standing_claim(state),
        said=state.said,
        said_in_room=audience_state(state).said == state.said,
        countdown_ends_at=state.countdown_ends_at,
        entered_at=state.entered_at,
        budget_sec=chapter.budget_sec,
        next_heading=following.heading if following else None,
        next_narration=following.narration if following else "",
        next_format=following.text_format if following else "auto",
        cards=listed(cards(state)),
        faults=faults(state),
        banners=banners(state, private=True),
        problems=problems(state),
        log=tuple(reversed(state.log[-LOG_SHOWN:])),
        freshness=state.freshness,
        sampled_at=state.sample.updated_at if state.sample else None,
        halted=is_halted(state),
        blackout=state.blackout,
        frozen_on=frozen_on(state),
        room_text=describe_hidden_chapter(state),
        timer=timer_view(state),
        watching=viewers.get("stage", 0),
        remotes=viewers.get("remote", 0),
        chapters=tuple(chapter.title for chapter in state.chapters),
        overview=overview(state),
        status_line=status_line(state),
        panels=panels_view(chapter, panels, private=True),
        tally=tally_view(state, private=True),
        can_open_vote=can_open_vote(state),
        replay=replay_stand(state),
        plan_b=plan_b_view(state),
    )


def remote_view(state: ShowState) -> RemoteView:
    """Return the phone's page for this state."""
    chapter, following = state.chapter, _find_next(state)
    mark, text = health_summary(state)
    return RemoteView(
        look=replace(state.chapter.style, layout=""),
        number=state.number,
        total=state.total,
        position=position(state),
        step=state.step,
        steps=chapter.step_count,
        heading=chapter.title,
        notes=chapter.notes,
        text_format=chapter.format,
        status=state.action.status,
        error=state.action.error,
        can_rerun=_can_rerun(state),
        blocked_by=_blocked_by(state),
        next_heading=following.heading if following else None,
        health_state=mark,
        health_text=text,
        sampled_at=state.sample.updated_at if state.sample else None,
        entered_at=state.entered_at,
        budget_sec=chapter.budget_sec,
        countdown_ends_at=state.countdown_ends_at,
        faults=faults(state),
        banners=banners(state, private=True),
        halted=is_halted(state),
        blackout=state.blackout,
        frozen_on=frozen_on(state),
        room_text=describe_hidden_chapter(state),
        status_line=status_line(state),
        timer=timer_view(state),
        replay=replay_stand(state),
        plan_b=plan_b_view(state),
    )


def _can_rerun(state: ShowState) -> bool:
    if state.action.status == "running":
        return False
    if state.replay is not None:
        # A recorded deck has no actions, but it is known that one was run.
        return state.action.run > 0
    # A chapter that was not entered forward has not run yet if the show came back to it from a recording.
    return state.chapter.on_enter is not None and (state.action.run > 0 or not state.forward)


def _blocked_by(state: ShowState) -> int | None:
    """Return the chapter whose action holds the show; None while a step of this chapter can still be shown.

    Nothing holds a replay.
    """
    if state.replay is not None:
        return None
    return state.blocking if state.step == state.chapter.step_count else None


def position(state: ShowState) -> int | str:
    """Return where the show is, as a page sends it back with a press: `3`, or `3.2` in a chapter with steps."""
    return state.number if state.chapter.step_count == 1 else f"{state.number}.{state.step}"


@dataclass(frozen=True, slots=True)
class _Next:
    heading: str
    narration: str
    text_format: str


def _find_next(state: ShowState) -> _Next | None:
    """Return what a step forward shows: the next step of this chapter, else the next chapter; None at the end."""
    place = following_place(state)
    if place is None:
        return None
    number, step = place
    following = state.chapters[number - 1]
    if number != state.number:
        return _Next(following.title, following.text_at(step), following.format)
    return _Next(
        translate("Step %(step)s of %(steps)s", step=step, steps=following.step_count),
        following.all_steps[step - 1].added,
        following.format,
    )


def faults(state: ShowState) -> tuple[FaultView, ...]:
    """Return the show's faults in their order, numbered from 1."""
    return tuple(_make_fault(state, fault, key) for key, fault in enumerate(state.faults, 1))


def _make_fault(state: ShowState, fault: FaultState, key: int) -> FaultView:
    config = fault.config
    return FaultView(
        name=fault.name,
        key=key,
        title=config.description,
        target=target_text(state, fault),
        lasts=_format_duration(fault),
        state=fault.state,
        running=fault.is_running,
        text=_describe_result(fault),
        error=fault.error,
        heals_at=fault.heals_at,
    )


def _format_duration(fault: FaultState) -> str:
    seconds = fault.duration_sec
    is_endless = seconds == float("inf")
    lasts = translate("until healed") if is_endless else translate("for %(seconds)s s", seconds=number_text(seconds))
    burst = fault.config.chaos_type is ChaosType.BURST_TRAFFIC
    return f"× {fault.config.burst_multiplier}, {lasts}" if burst else lasts


def _describe_result(fault: FaultState) -> str:
    if fault.run == 0:
        return ""
    if fault.is_running:
        return seen_text(fault)
    return outcome_text(fault) if fault.healed_at is not None else ""


def problems(state: ShowState) -> tuple[str, ...]:
    """List what is wrong, for the presenter: chapter, faults, system, health, journal."""
    found = list(state.replay.notices) if state.replay is not None else []
    if state.deck_error:
        found.append(state.deck_error)
    if state.action.error:
        found.append(translate("Chapter %(number)s: %(error)s", number=state.number, error=state.action.error))
    found += [
        translate("Fault %(name)s: %(error)s", name=fault.name, error=fault.error)
        for fault in state.faults
        if fault.error
    ]
    if state.system_error:
        found.append(translate("System: %(error)s", error=state.system_error))
    if state.sample is not None and state.freshness == "live":
        found += [translate("System: %(error)s", error=text) for text in state.sample.problems]
    if state.freshness != "live" and state.freshness_reason:
        found.append(translate("Health: %(error)s", error=state.freshness_reason))
    if not state.durable and state.journal == "file":
        why = f" ({state.not_durable_because})" if state.not_durable_because else ""
        found.append(translate("The journal cannot be written: a crash would lose the show") + why)
    if state.journal == "temporary":
        found.append(
            translate("The show is saved in a temporary file only: a crash would lose it, and no fault can be started")
        )
    return tuple(found)
