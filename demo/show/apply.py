"""`apply(state, entry)`: the state after one event. Used for new events and for the replay of the journal alike."""

from dataclasses import fields, replace
from functools import singledispatch
from typing import Any

from demo.show import events as e
from demo.show import plan_b, voting
from demo.show.deck import describe_edit, titles_of, with_deck, without_nodes
from demo.show.durations import in_tenths
from demo.show.health_sample import read_sample
from demo.show.history import extended_history
from demo.show.plan_b_types import RecordingEnded, RecordingShown
from demo.show.state import MAX_LOG, FrozenView, Level, LogLine, ShowState, Span, Verdict
from demo.show.system_described import SystemDescribed
from demo.show.timer import Timer
from demo.show.vote_events import QuestionShown, VoteClosed, VoteOpened, VotesCounted

MAX_SPANS = 100


def apply(state: ShowState, entry: e.JournalEntry) -> ShowState:
    """Return the state after `entry`. Pure; an entry that `decide` made never fails here."""
    applied = replace(_apply(entry.event, state, entry), seq=entry.seq)
    if applied.ballots is state.ballots and applied.verdicts is state.verdicts:
        return applied
    outcome = voting.newly_settled(state, applied)
    return _log(applied, entry, outcome, "word") if outcome else applied


@singledispatch
def _apply(event: object, state: ShowState, entry: e.JournalEntry) -> ShowState:
    raise TypeError(f"no handler for {type(event).__name__}")


def _log(state: ShowState, entry: e.JournalEntry, text: str, level: Level) -> ShowState:
    return replace(state, log=(*state.log[-(MAX_LOG - 1) :], LogLine(entry.at, entry.who, text, level)))


# Moving.


@_apply.register
def _apply_deck_changed(event: e.DeckChanged, state: ShowState, entry: e.JournalEntry) -> ShowState:
    edited = with_deck(state, event.chapters, event.number, event.places)
    edited = without_nodes(edited, event.gone_nodes)
    return _log(edited, entry, *describe_edit(event, edited))


@_apply.register
def _apply_deck_rejected(event: e.DeckRejected, state: ShowState, entry: e.JournalEntry) -> ShowState:
    return _log(replace(state, deck_error=event.error), entry, event.error, "error")


@_apply.register
def _apply_show_opened(event: e.ShowOpened, state: ShowState, entry: e.JournalEntry) -> ShowState:
    if event.chapters and event.chapters != titles_of(state.chapters):
        state = with_deck(state, event.chapters, 1)
    return replace(state, opened=True, boot=event.boot, anchor=event.anchor)


@_apply.register
def _apply_show_picked_up(event: e.ShowPickedUp, state: ShowState, entry: e.JournalEntry) -> ShowState:
    """Drop what only existed in the old process: countdown, freshness, and measurements under way."""
    # A duration across a restart would include the time in which no samples were taken.
    faults = tuple(replace(fault, not_measurable=fault.run > 0) for fault in state.faults)
    continued = replace(state, countdown_ends_at=None, freshness="unknown", freshness_reason="", faults=faults)
    # Whether this process can write its journal is found out by its own first write.
    continued = replace(continued, durable=state.journal == "file", not_durable_because="")
    # How a deck of the old process looked is not known any more.
    continued = replace(continued, boot=event.boot, anchor=event.anchor, deck_error="", frozen_chapter=None)
    return _log(continued, entry, "show continued from its journal", "move")


@_apply.register
def _apply_nothing(event: e.ShowClosed | SystemDescribed, state: ShowState, entry: e.JournalEntry) -> ShowState:
    """Change nothing: these are for whoever reads the journal later, to choose one to continue or to report a show."""
    return state


@_apply.register
def _apply_show_set_aside(event: e.ShowSetAside, state: ShowState, entry: e.JournalEntry) -> ShowState:
    return _log(state, entry, "another show was started in place of this one", "move")


@_apply.register
def _apply_chapter_entered(event: e.ChapterEntered, state: ShowState, entry: e.JournalEntry) -> ShowState:
    moved = replace(
        state,
        current=event.number - 1,
        step=event.step,
        visit=event.visit,
        forward=event.forward,
        entered_at=entry.at,
        reached=max(state.reached, event.number),
        said="",
        said_is_question=False,
        faults=tuple(fault.without_past_error() for fault in state.faults),
        timer=state.timer.stepped(entry.at, state.blackout) if _is_step(event) else state.timer,
    )
    direction = "to" if event.forward else "back to"
    return _log(moved, entry, f"{direction} {event.number}: {state.chapters[event.number - 1].title}", "move")


@_apply.register
def _apply_step_shown(event: e.StepShown, state: ShowState, entry: e.JournalEntry) -> ShowState:
    timer = state.timer.stepped(entry.at, state.blackout) if event.forward else state.timer
    return _log(replace(state, step=event.step, timer=timer), entry, f"to step {event.step}", "move")


def _is_step(event: e.ChapterEntered) -> bool:
    """Return whether the show moved forward, its opening excluded: then the talk has begun."""
    return event.forward and event.visit > 1


# Actions.


@_apply.register
def _apply_action_started(event: e.ActionStarted, state: ShowState, entry: e.JournalEntry) -> ShowState:
    state = state.with_action(event.number, status="running", error=None, run=event.run, visit=event.visit)
    # A new run replaces the verdict of the one before.
    others = {number: verdict for number, verdict in state.verdicts.items() if verdict.by != event.number}
    state = replace(state, verdicts=others)
    return _log(state, entry, f"chapter {event.number} runs again", "move") if event.run > 1 else state


@_apply.register
def _apply_action_succeeded(event: e.ActionSucceeded, state: ShowState, entry: e.JournalEntry) -> ShowState:
    return _without_countdown(state.with_action(event.number, status="done"), event.number)


@_apply.register
def _apply_action_failed(event: e.ActionFailed, state: ShowState, entry: e.JournalEntry) -> ShowState:
    failed = state.with_action(event.number, status="failed", error=event.error)
    failed = _without_countdown(failed, event.number)
    return _log(failed, entry, f"chapter {event.number} failed: {event.error}", "error")


@_apply.register
def _apply_countdown_started(event: e.CountdownStarted, state: ShowState, entry: e.JournalEntry) -> ShowState:
    return replace(state, countdown_ends_at=event.ends_at, countdown_number=event.number)


def _without_countdown(state: ShowState, number: int) -> ShowState:
    return replace(state, countdown_ends_at=None) if state.countdown_number == number else state


@_apply.register
def _apply_concluded(event: e.Concluded, state: ShowState, entry: e.JournalEntry) -> ShowState:
    number = state.hypothesis_number(event.number) or event.number
    concluded = replace(state, verdicts={**state.verdicts, number: Verdict(event.held, event.text, event.number)})
    return _log(concluded, entry, event.text, "word")


@_apply.register
def _apply_vote(event: VoteOpened | VoteClosed | VotesCounted, state: ShowState, entry: e.JournalEntry) -> ShowState:
    voted, text = voting.apply_vote(event, state, entry.seq)
    return _log(voted, entry, text, "word") if text else voted


# Faults.


@_apply.register
def _apply_fault_requested(event: e.FaultRequested, state: ShowState, entry: e.JournalEntry) -> ShowState:
    # A new run starts without the measurements and the error of the one before.
    cleared: dict[str, Any] = {
        "injected_at": None,
        "heals_at": None,
        "heal_started_at": None,
        "healed_at": None,
        "error": None,
    }
    cleared |= {"detected_after_sec": None, "recovered_after_sec": None, "came_back_after_sec": None, "back_at": None}
    cleared |= {"heal_wanted": False, "symptom_before_fault": False, "injection_failed": False, "not_measurable": False}
    cleared |= {"requested_duration_sec": event.duration_sec, "requested_target": event.target}
    if event.target is not None:
        cleared["target"] = event.target
    state = state.with_fault(event.name, state="injecting", run=event.run, **cleared)
    return _log(state, entry, f"{event.name} starting", "fault")


@_apply.register
def _apply_fault_started(event: e.FaultStarted, state: ShowState, entry: e.JournalEntry) -> ShowState:
    # A symptom that was there before the fault proves no effect of it.
    was_seen = event.name in state.seen
    # Durations count from here, not from `FaultInjected`: the effect may show before the driver returns.
    state = replace(state, spans=(*state.spans[-(MAX_SPANS - 1) :], Span(event.name, state.number, entry.at)))
    return state.with_fault(
        event.name,
        target=event.target,
        may_have_changed_target=True,
        injected_at=entry.at,
        symptom_before_fault=was_seen,
    )


@_apply.register
def _apply_fault_injected(event: e.FaultInjected, state: ShowState, entry: e.JournalEntry) -> ShowState:
    state = state.with_fault(event.name, state="active", heals_at=event.heals_at)
    fault = state.fault(event.name)
    return _log(state, entry, f"{event.name} running: {fault.target if fault else ''}", "fault")


@_apply.register
def _apply_fault_failed(event: e.FaultFailed, state: ShowState, entry: e.JournalEntry) -> ShowState:
    # Nothing was injected, so there is no span to show and no moment to measure from.
    if not event.touched:
        state = state.with_span_ended(event.name, entry.at).with_fault(event.name, injected_at=None)
    state = state.with_fault(
        event.name, state="failed", injection_failed=True, error=event.error, may_have_changed_target=event.touched
    )
    return _log(state, entry, f"{event.name} failed: {event.error}", "error")


@_apply.register
def _apply_fault_left(event: e.FaultLeft, state: ShowState, entry: e.JournalEntry) -> ShowState:
    state = state.with_fault(
        event.name, state="failed", may_have_changed_target=True, not_measurable=True, error=event.error
    )
    return _log(state, entry, f"{event.name}, left over from an earlier server, is not healed: {event.error}", "error")


@_apply.register
def _apply_heal_requested(event: e.HealRequested, state: ShowState, entry: e.JournalEntry) -> ShowState:
    fault = state.fault(event.name)
    # An injection under way is not cut off: `decide` heals the fault once its outcome is known.
    if fault is None or fault.state == "injecting":
        return state.with_fault(event.name, heal_wanted=True)
    # The first request counts: a heal that needed several attempts took as long as all of them.
    return state.with_fault(event.name, state="healing", heal_started_at=fault.heal_started_at or entry.at)


@_apply.register
def _apply_fault_healed(event: e.FaultHealed, state: ShowState, entry: e.JournalEntry) -> ShowState:
    fault = state.fault(event.name)
    injection_failed = fault is not None and fault.injection_failed
    # A failed injection stays visible after its target was healed: the presenter has to learn about it.
    changes: dict[str, Any] = {"state": "failed"} if injection_failed else {"state": "idle", "error": None}
    changes |= {"healed_at": entry.at, "heals_at": None, "back_at": event.back_at}
    state = state.with_span_ended(event.name, entry.at).with_fault(event.name, may_have_changed_target=False, **changes)
    # Reported as back by itself already: "healed" in the log would claim what the heal did not do.
    if fault is not None and fault.came_back_after_sec is not None:
        return state
    text = (
        f"{event.name} healed" if event.back_at is None else f"{event.name}: its target had recovered before the heal"
    )
    return _log(state, entry, text, "fault")


@_apply.register
def _apply_heal_failed(event: e.HealFailed, state: ShowState, entry: e.JournalEntry) -> ShowState:
    state = state.with_fault(event.name, state="failed", error=event.error)
    return _log(state, entry, f"{event.name} could not be healed: {event.error}", "error")


@_apply.register
def _apply_fault_detected(event: e.FaultDetected, state: ShowState, entry: e.JournalEntry) -> ShowState:
    state = state.with_fault(event.name, detected_after_sec=event.after_sec)
    state = voting.apply_measured(state, "detected", event.name, event.run, event.after_sec)
    return _log(state, entry, f"{event.name} detected in {in_tenths(event.after_sec)}", "fault")


@_apply.register
def _apply_fault_recovered(event: e.FaultRecovered, state: ShowState, entry: e.JournalEntry) -> ShowState:
    state = state.with_fault(event.name, recovered_after_sec=event.after_sec)
    state = voting.apply_measured(state, "recovered", event.name, event.run, event.after_sec)
    fault = state.fault(event.name)
    # A recovery from something that no sample ever showed would be a made-up number.
    no_effect = fault is not None and fault.detected_after_sec is None
    text = f"{event.name}: no effect seen" if no_effect else f"{event.name} recovered in {in_tenths(event.after_sec)}"
    return _log(state, entry, text, "fault")


@_apply.register
def _apply_fault_came_back(event: e.FaultCameBack, state: ShowState, entry: e.JournalEntry) -> ShowState:
    state = state.with_span_ended(event.name, entry.at).with_fault(event.name, came_back_after_sec=event.after_sec)
    return _log(state, entry, f"{event.name} came back by itself after {event.after_sec:.1f} s", "fault")


@_apply.register
def _apply_parts_heal_requested(event: e.PartsHealRequested, state: ShowState, entry: e.JournalEntry) -> ShowState:
    return _log(replace(state, system_healing=True, system_error=None), entry, "heal all", "fault")


@_apply.register
def _apply_parts_healed(event: e.PartsHealed, state: ShowState, entry: e.JournalEntry) -> ShowState:
    up = replace(state, system_healing=False, system_error=None)
    return _log(up, entry, "the system is up", "note") if state.system_error is not None else up


@_apply.register
def _apply_parts_heal_failed(event: e.PartsHealFailed, state: ShowState, entry: e.JournalEntry) -> ShowState:
    seen_broken = state.system_healing or (state.sample is not None and state.sample.has_issues)
    failed = replace(state, system_healing=False, system_error=event.error, system_failed_at=entry.at)
    failed = replace(failed, system_seen_broken=seen_broken)
    return _log(failed, entry, f"the system is not up: {event.error}", "error")


# Stage control.


@_apply.register
def _apply_halted(event: e.Halted, state: ShowState, entry: e.JournalEntry) -> ShowState:
    return _log(replace(state, halted=True, countdown_ends_at=None), entry, "halted", "fault")


@_apply.register
def _apply_halt_lifted(event: e.HaltLifted, state: ShowState, entry: e.JournalEntry) -> ShowState:
    return _log(replace(state, halted=False), entry, "resumed after the halt", "fault")


@_apply.register
def _apply_said(event: e.Said | QuestionShown, state: ShowState, entry: e.JournalEntry) -> ShowState:
    said = replace(state, said=event.text, said_is_question=isinstance(event, QuestionShown))
    return _log(said, entry, event.text, "word") if event.text else said


@_apply.register
def _apply_blackout_set(event: e.BlackoutSet, state: ShowState, entry: e.JournalEntry) -> ShowState:
    # Only a blackout and the presenter stop the timer, never a crash (docs/decisions/0008).
    timer = state.timer.darkened(entry.at) if event.on else state.timer.lit(entry.at)
    dark = replace(state, blackout=event.on, timer=timer)
    return _log(dark, entry, f"the curtain is {'closed' if event.on else 'open'}", "move")


@_apply.register
def _apply_freeze_set(event: e.FreezeSet, state: ShowState, entry: e.JournalEntry) -> ShowState:
    if not event.on:
        return _log(replace(state, frozen_view=None, frozen_chapter=None), entry, "the picture is released", "move")
    # What is measured is not frozen: numbers that stand still would look like a system that stands still
    # (docs/decisions/0008).
    frozen = FrozenView(**{field.name: getattr(state, field.name) for field in fields(FrozenView)})
    return _log(replace(state, frozen_view=frozen), entry, f"the picture is held on chapter {state.number}", "move")


@_apply.register
def _apply_timer_started(event: e.TimerStarted, state: ShowState, entry: e.JournalEntry) -> ShowState:
    started = replace(state, timer=state.timer.started(entry.at, state.blackout))
    return _log(started, entry, "timer started", "note")


@_apply.register
def _apply_timer_paused(event: e.TimerPaused, state: ShowState, entry: e.JournalEntry) -> ShowState:
    return _log(replace(state, timer=state.timer.paused(entry.at)), entry, "timer paused", "note")


@_apply.register
def _apply_timer_reset(event: e.TimerReset, state: ShowState, entry: e.JournalEntry) -> ShowState:
    return _log(replace(state, timer=Timer()), entry, "timer reset", "note")


@_apply.register
def _apply_trouble_seen(event: e.TroubleSeen, state: ShowState, entry: e.JournalEntry) -> ShowState:
    return _log(state, entry, event.text, event.level)


@_apply.register
def _apply_mark_noted(event: e.MarkNoted, state: ShowState, entry: e.JournalEntry) -> ShowState:
    return _log(state, entry, event.text, "event")


@_apply.register
def _apply_durability_changed(event: e.DurabilityChanged, state: ShowState, entry: e.JournalEntry) -> ShowState:
    changed = replace(state, durable=event.on, not_durable_because=event.why)
    if event.on:
        return _log(changed, entry, "the journal can be written again", "move")
    why = f" ({event.why})" if event.why else ""
    return _log(changed, entry, f"the journal cannot be written: a crash would lose the show{why}", "error")


@_apply.register
def _apply_plan_b(event: RecordingShown | RecordingEnded, state: ShowState, entry: e.JournalEntry) -> ShowState:
    shown, text = plan_b.apply_plan_b(event, state, entry.at)
    return _log(shown, entry, text, "move")


# Health.


@_apply.register
def _apply_health_sampled(event: e.HealthSampled, state: ShowState, entry: e.JournalEntry) -> ShowState:
    sample = replace(read_sample(event.health, entry.at), updated_at=event.updated_at)
    sample = sample.with_missing(state.expected)
    seen = frozenset(event.seen)
    faults = tuple(
        # The old symptom is gone: if it shows again from now on, it is an effect of the fault.
        replace(fault, symptom_before_fault=False) if fault.symptom_before_fault and fault.name not in seen else fault
        for fault in state.faults
    )
    sampled = replace(state, sample=sample, seen=seen, faults=faults, history=extended_history(state, sample, entry.at))
    return replace(sampled, system_seen_broken=True) if sample.has_issues else sampled


@_apply.register
def _apply_freshness_changed(event: e.FreshnessChanged, state: ShowState, entry: e.JournalEntry) -> ShowState:
    changed = replace(state, freshness=event.freshness, freshness_reason=event.reason)
    is_new = bool(event.reason) and event.reason != state.freshness_reason
    return _log(changed, entry, event.reason, "error") if is_new else changed
