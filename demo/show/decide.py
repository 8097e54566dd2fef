"""`decide(state, command, at)`: the events a command causes, or why it is refused, in the documented order."""

from collections.abc import Iterator
from functools import singledispatch

from demo.show import commands as c
from demo.show import events as e
from demo.show import voting
from demo.show.deck import decide_deck_replacement, titles_of
from demo.show.freshness import judge_freshness
from demo.show.measuring import is_back, measure, overlaps_another, was_injected_before_another
from demo.show.plan_b import continue_on_deck, decide_plan_b, refuse_beside_recording
from demo.show.plan_b_types import EndRecording, PlanB, ShowRecording
from demo.show.refusal import (
    Refusal,
    guard_entries,
    refuse_blocked,
    refuse_injection,
    refuse_stale,
    refuse_target,
    refuse_unknown,
)
from demo.show.state import FaultState, ShowState
from demo.show.system_described import DescribeSystem, SystemDescribed
from demo.show.timer import Timer
from demo.show.vote_events import QuestionShown

Decision = tuple[e.Event, ...] | Refusal


def decide(state: ShowState, command: c.CommandEnvelope, at: float) -> Decision:
    """Return the events that a command causes at the moment `at`, or a refusal. Pure."""
    what = command.command
    refused = refuse_unknown(state, what) or refuse_stale(state, command) or refuse_beside_recording(state, what)
    if refused:
        return refused
    if isinstance(what, c.Inject) and (unknown := refuse_target(what)) is not None:
        return unknown
    decision = _decide(what, state, at)
    return decision if isinstance(decision, Refusal) else guard_entries(decision, command)


@singledispatch
def _decide(command: object, state: ShowState, at: float) -> Decision:
    raise TypeError(f"no handler for {type(command).__name__}")


# Moving.


@_decide.register
def _decide_open(command: c.Open, state: ShowState, at: float) -> Decision:
    if not state.opened:
        opened = e.ShowOpened(state.subject, titles_of(state.chapters), command.boot, command.anchor)
        return (opened, *_enter(state, command.first, forward=True))
    return (e.ShowPickedUp(command.boot, command.anchor), *_end_interrupted(state), *continue_on_deck(state))


@_decide.register
def _decide_replace_deck(command: c.ReplaceDeck, state: ShowState, at: float) -> Decision:
    return tuple(decide_deck_replacement(state, command))


@_decide.register
def _decide_reject_deck(command: c.RejectDeck, state: ShowState, at: float) -> Decision:
    return (e.DeckRejected(command.error),) if command.error != state.deck_error else ()


@_decide.register
def _decide_close(command: c.Close, state: ShowState, at: float) -> Decision:
    return (e.ShowClosed(over=command.by_person and state.number == state.total),)


def _end_interrupted(state: ShowState) -> Iterator[e.Event]:
    """Yield the ends of what ran in the old process, and a heal of each fault it may have left."""
    for index, action in enumerate(state.actions):
        if action.status == "running":
            yield e.ActionFailed(index + 1, action.run, "interrupted: the server stopped while it ran")
    for fault in state.faults:
        if fault.state == "injecting":
            yield e.FaultFailed(
                fault.name, fault.run, "interrupted: the server stopped meanwhile", fault.may_have_changed_target
            )
        if fault.may_have_changed_target:
            yield e.HealRequested(fault.name, fault.run)
    if state.system_healing:
        yield e.PartsHealFailed("interrupted: the server stopped meanwhile")


@_decide.register
def _decide_advance(command: c.Advance, state: ShowState, at: float) -> Decision:
    if state.step < state.chapter.step_count:
        return (e.StepShown(state.number, state.step + 1, forward=True),)
    if state.blocking:
        return refuse_blocked(state)
    if state.number == state.total:
        return Refusal("at_end", "this is the last chapter")
    return tuple(_enter(state, state.number + 1, forward=True))


@_decide.register
def _decide_back(command: c.Back, state: ShowState, at: float) -> Decision:
    if state.step > 1:
        return (e.StepShown(state.number, state.step - 1, forward=False),)
    if state.number == 1:
        return Refusal("at_start", "this is the first chapter")
    before = state.chapters[state.number - 2]
    return tuple(_enter(state, state.number - 1, forward=False, step=before.step_count))


@_decide.register
def _decide_goto(command: c.Goto, state: ShowState, at: float) -> Decision:
    if command.chapter == state.number:
        return (e.StepShown(state.number, 1, forward=False),) if state.step > 1 else ()
    if command.chapter < state.number:
        return tuple(_enter(state, command.chapter, forward=False))
    return refuse_blocked(state) if state.blocking else tuple(_enter(state, command.chapter, forward=True))


@_decide.register
def _decide_rerun(command: c.Rerun, state: ShowState, at: float) -> Decision:
    if state.action.status == "running":
        return Refusal("running", f"the action of chapter {state.number} is still running")
    if state.chapter.on_enter is None:
        return ()
    return (e.ActionStarted(state.number, state.action.run + 1, state.visit),)


@_decide.register
def _decide_auto_advance(command: c.AutoAdvance, state: ShowState, at: float) -> Decision:
    # An action that ends on the last step moves the show itself; one that has ended before leaves that to the pause.
    if state.visit != command.visit or (state.chapter.on_enter is not None and state.action.status != "done"):
        return ()
    return tuple(_advance_automatically(state))


def _enter(state: ShowState, number: int, forward: bool, step: int = 1) -> Iterator[e.Event]:
    visit = state.visit + 1
    yield e.ChapterEntered(number, forward, visit, step)
    yield from voting.decide_chapter_entry(state, number, forward=forward)
    chapter, action = state.chapters[number - 1], state.actions[number - 1]
    if forward and chapter.on_enter is not None and action.run == 0:
        yield e.ActionStarted(number, 1, visit)


def _advance_automatically(state: ShowState, ending: int | None = None) -> Iterator[e.Event]:
    """Enter the next chapter if this one asks for that, was entered forward, and nothing blocks the show."""
    is_blocked = state.blocking not in (None, ending) or state.recording is not None
    if not state.chapter.auto_advance or not state.forward or state.halted or state.blackout or is_blocked:
        return
    if state.step < state.chapter.step_count:
        return
    if state.number < state.total:
        yield from _enter(state, state.number + 1, forward=True)


# Actions.


@_decide.register
def _decide_action_end(command: c.ActionEnd, state: ShowState, at: float) -> Decision:
    action = state.actions[command.number - 1]
    if action.run != command.run or action.status != "running":
        return ()
    if command.error is not None:
        return (e.ActionFailed(command.number, command.run, command.error),)
    done = e.ActionSucceeded(command.number, command.run)
    is_current = command.number == state.number and action.visit == state.visit
    return (done, *_advance_automatically(state, ending=command.number)) if is_current else (done,)


@_decide.register
def _decide_start_countdown(command: c.StartCountdown, state: ShowState, at: float) -> Decision:
    return (e.CountdownStarted(command.number, at + command.seconds),)


@_decide.register
def _decide_conclude(command: c.Conclude, state: ShowState, at: float) -> Decision:
    return (e.Concluded(command.number, command.held, command.text),)


# Faults.


@_decide.register
def _decide_inject(command: c.Inject, state: ShowState, at: float) -> Decision:
    fault = state.known_fault(command.name)
    if (refusal := refuse_injection(state, fault)) is not None:
        return refusal
    requested = e.FaultRequested(command.name, fault.run + 1, command.duration_sec, command.target)
    return (requested, *voting.close_by_injection(state, command.name, fault.run + 1))


@_decide.register
def _decide_fault_planned(command: c.FaultPlanned, state: ShowState, at: float) -> Decision:
    if not _is_now(state, command.name, command.run, "injecting"):
        return ()
    return (e.FaultStarted(command.name, command.run, command.target),)


@_decide.register
def _decide_fault_applied(command: c.FaultApplied, state: ShowState, at: float) -> Decision:
    if not _is_now(state, command.name, command.run, "injecting"):
        return ()
    fault = state.known_fault(command.name)
    lasts = fault.duration_sec
    injected = e.FaultInjected(command.name, command.run, None if lasts == float("inf") else at + lasts)
    if fault.heal_wanted or state.halted:
        return (injected, e.HealRequested(command.name, command.run))
    return (injected,)


@_decide.register
def _decide_injection_failed(command: c.InjectionFailed, state: ShowState, at: float) -> Decision:
    if not _is_now(state, command.name, command.run, "injecting"):
        return ()
    failed = e.FaultFailed(command.name, command.run, command.error, command.may_have_changed_target)
    return (failed, e.HealRequested(command.name, command.run)) if command.may_have_changed_target else (failed,)


@_decide.register
def _decide_fault_left(command: c.FaultLeft, state: ShowState, at: float) -> Decision:
    fault = state.fault(command.name)
    return () if fault is None or fault.is_running else (e.FaultLeft(fault.name, fault.run, command.error),)


@_decide.register
def _decide_fault_due(command: c.FaultDue, state: ShowState, at: float) -> Decision:
    return (e.HealRequested(command.name, command.run),) if _is_now(state, command.name, command.run, "active") else ()


@_decide.register
def _decide_target_back(command: c.TargetBack, state: ShowState, at: float) -> Decision:
    """End the fault and request its heal: what the driver itself keeps up, as a lease or a timer, must end too."""
    fault = state.known_fault(command.name)
    if not _is_now(state, command.name, command.run, "active") or fault.injected_at is None:
        return ()
    if not is_back(state, fault, command.back_at):
        return ()
    came_back = e.FaultCameBack(command.name, command.run, max(0.0, command.back_at - fault.injected_at))
    return (came_back, e.HealRequested(command.name, command.run))


@_decide.register
def _decide_heal(command: c.Heal, state: ShowState, at: float) -> Decision:
    if command.name is not None:
        return tuple(_heal(state.known_fault(command.name)))
    return tuple(_heal_all(state))


@_decide.register
def _decide_heal_end(command: c.HealEnd, state: ShowState, at: float) -> Decision:
    if not _is_now(state, command.name, command.run, "healing"):
        return ()
    if command.error is not None:
        return (e.HealFailed(command.name, command.run, command.error),)
    return (e.FaultHealed(command.name, command.run, command.back_at),)


@_decide.register
def _decide_system_heal_finished(command: c.SystemHealFinished, state: ShowState, at: float) -> Decision:
    if command.error is None and not state.system_healing and state.system_error is None:
        return ()
    return (e.PartsHealed(),) if command.error is None else (e.PartsHealFailed(command.error),)


def _heal(fault: FaultState) -> Iterator[e.Event]:
    wanted_already = fault.state == "injecting" and fault.heal_wanted
    if fault.is_running and fault.state != "healing" and not wanted_already:
        yield e.HealRequested(fault.name, fault.run)


def _heal_all(state: ShowState) -> Iterator[e.Event]:
    for fault in state.faults:  # the order of the log only: heals run side by side, and none waits for another
        yield from _heal(fault)
    if not state.system_healing:
        yield e.PartsHealRequested()


def _is_now(state: ShowState, name: str, run: int, status: str) -> bool:
    """Return whether this run of the fault is its newest and has this status: a report may come too late."""
    fault = state.fault(name)
    return fault is not None and fault.run == run and fault.state == status


@_decide.register
def _decide_vote(command: c.OpenVote | c.CloseVote | c.CountVotes, state: ShowState, at: float) -> Decision:
    return voting.decide_vote(command, state)


# Stage control.


@_decide.register
def _decide_halt(command: c.Halt, state: ShowState, at: float) -> Decision:
    cancelled = (
        e.ActionFailed(index + 1, action.run, "halted")
        for index, action in enumerate(state.actions)
        if action.status == "running"
    )
    return (e.Halted(), *cancelled, *_heal_all(state))


@_decide.register
def _decide_resume(command: c.Resume, state: ShowState, at: float) -> Decision:
    return (e.HaltLifted(),) if state.halted else ()


@_decide.register
def _decide_say(command: c.Say, state: ShowState, at: float) -> Decision:
    return (QuestionShown(command.text) if command.is_question else e.Said(command.text),)


@_decide.register
def _decide_blackout(command: c.Blackout, state: ShowState, at: float) -> Decision:
    on = not state.blackout if command.on is None else command.on
    return (e.BlackoutSet(on),) if on != state.blackout else ()


@_decide.register
def _decide_freeze(command: c.Freeze, state: ShowState, at: float) -> Decision:
    frozen = state.frozen_view is not None
    on = not frozen if command.on is None else command.on
    return (e.FreezeSet(on),) if on != frozen else ()


@_decide.register
def _decide_start_timer(command: c.StartTimer, state: ShowState, at: float) -> Decision:
    return () if state.timer.is_on else (e.TimerStarted(),)


@_decide.register
def _decide_pause_timer(command: c.PauseTimer, state: ShowState, at: float) -> Decision:
    """Pause the timer. One that has not started is paused too: then no step starts it."""
    return () if state.timer.is_paused else (e.TimerPaused(),)


@_decide.register
def _decide_reset_timer(command: c.ResetTimer, state: ShowState, at: float) -> Decision:
    return (e.TimerReset(),) if state.timer != Timer() else ()


@_decide.register
def _decide_notice(command: c.Notice, state: ShowState, at: float) -> Decision:
    return (e.TroubleSeen(command.text, command.level),)


@_decide.register
def _decide_add_curve_mark(command: c.AddCurveMark, state: ShowState, at: float) -> Decision:
    return (e.MarkNoted(command.name, command.text),)


@_decide.register
def _decide_describe_system(command: DescribeSystem, state: ShowState, at: float) -> Decision:
    return (SystemDescribed(command.facts),)


@_decide.register
def _decide_set_durability(command: c.SetDurability, state: ShowState, at: float) -> Decision:
    on = command.on and state.journal == "file"
    return (e.DurabilityChanged(on, command.why),) if on != state.durable else ()


@_decide.register
def _decide_recording(command: PlanB | ShowRecording | EndRecording, state: ShowState, at: float) -> Decision:
    return decide_plan_b(command, state)


# Health.


@_decide.register
def _decide_record_sample(command: c.RecordSample, state: ShowState, at: float) -> Decision:
    seen = tuple(sorted(name for name, visible in command.seen.items() if visible))
    events: list[e.Event] = [e.HealthSampled(command.sample.raw, command.sample.updated_at, seen)]
    freshness = judge_freshness(command.sample, at)
    if freshness != state.freshness:
        events.append(e.FreshnessChanged(freshness))
    complete = command.sample.with_missing(state.expected)
    if freshness == "live" and state.is_up_again(complete):
        events.append(e.PartsHealed())
    for fault in state.faults:
        is_overtaken = was_injected_before_another(fault, state.faults)
        # Alone, a fault is over when everything is up; while another one is in place, when its own nodes are.
        own = command.recovered.get(fault.name) if overlaps_another(fault, state.faults) else None
        is_up = not complete.has_issues if own is None else own
        events.extend(measure(fault, complete, fault.name in seen, at, is_up=is_up, is_overtaken=is_overtaken))
    return tuple(events)


@_decide.register
def _decide_check_freshness(command: c.CheckFreshness, state: ShowState, at: float) -> Decision:
    if command.error is not None:
        freshness: e.Freshness = "unknown"
    else:
        freshness = judge_freshness(state.sample, at) if state.sample else "unknown"
    reason = command.error or ""
    if freshness == state.freshness and reason == state.freshness_reason:
        return ()
    return (e.FreshnessChanged(freshness, reason),)
