"""`decide(state, command, at)`: what happens, or why not. Refusals come in the documented order."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import singledispatch

from demo.errors import RefusalCode
from demo.show import commands as c
from demo.show import events as e
from demo.show.deck import edited, titles_of
from demo.show.health_sample import Sample
from demo.show.measuring import is_back, measure
from demo.show.state import FaultState, ShowState
from demo.show.timer import Timer

STALE_AFTER = 3
UNKNOWN_AFTER = 10
"""Intervals without a new sample until health counts as stale, and as unknown."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A command that changes nothing, and why."""

    code: RefusalCode
    message: str


Decision = tuple[e.Event, ...] | Refusal


def decide(state: ShowState, command: c.CommandEnvelope, at: float) -> Decision:
    """The events that `command` causes at `at` (a moment), or a refusal. Pure."""
    missing = _unknown_target(state, command.command)
    if missing:
        return missing
    if command.expected_chapter is not None and command.expected_chapter != state.number:
        return Refusal("stale", f"pressed on chapter {command.expected_chapter}, but the show is on {state.number}")
    return _decide(command.command, state, at)


def _unknown_target(state: ShowState, what: c.Command) -> Refusal | None:
    if isinstance(what, c.Goto) and not 1 <= what.chapter <= state.total:
        return Refusal("not_found", f"there is no chapter {what.chapter}: this show has 1 to {state.total}")
    if isinstance(what, c.Inject | c.Heal) and what.name is not None and state.fault(what.name) is None:
        known = ", ".join(fault.name for fault in state.faults) or "none"
        return Refusal("not_found", f"there is no fault {what.name!r} in this show; it has: {known}")
    return None


@singledispatch
def _decide(what: object, state: ShowState, at: float) -> Decision:
    raise TypeError(f"no rule for {type(what).__name__}")


# Moving.


@_decide.register
def _decide_open(what: c.Open, state: ShowState, at: float) -> Decision:
    if not state.opened:
        opened = e.ShowOpened(state.subject, titles_of(state.chapters), what.boot, what.anchor)
        return (opened, *_enter(state, what.first, forward=True))
    return (e.ShowPickedUp(what.boot, what.anchor), *_interrupted(state), *edited(state))


@_decide.register
def _decide_close(what: c.Close, state: ShowState, at: float) -> Decision:
    return (e.ShowClosed(over=what.by_person and state.number == state.total),)


def _interrupted(state: ShowState) -> Iterator[e.Event]:
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
    if state.parts_healing:
        yield e.PartsHealFailed("interrupted: the server stopped meanwhile")


@_decide.register
def _decide_advance(what: c.Advance, state: ShowState, at: float) -> Decision:
    if state.blocking:
        return _blocked(state)
    if state.number == state.total:
        return Refusal("at_end", "this is the last chapter")
    return tuple(_enter(state, state.number + 1, forward=True))


@_decide.register
def _decide_back(what: c.Back, state: ShowState, at: float) -> Decision:
    if state.number == 1:
        return Refusal("at_start", "this is the first chapter")
    return tuple(_enter(state, state.number - 1, forward=False))


@_decide.register
def _decide_goto(what: c.Goto, state: ShowState, at: float) -> Decision:
    if what.chapter == state.number:
        return ()
    if what.chapter < state.number:
        return tuple(_enter(state, what.chapter, forward=False))
    return _blocked(state) if state.blocking else tuple(_enter(state, what.chapter, forward=True))


@_decide.register
def _decide_rerun(what: c.Rerun, state: ShowState, at: float) -> Decision:
    if state.action.status == "running":
        return Refusal("running", f"the action of chapter {state.number} is still running")
    if state.chapter.on_enter is None:
        return ()
    return (e.ActionStarted(state.number, state.action.run + 1, state.visit),)


@_decide.register
def _decide_auto_advance(what: c.AutoAdvance, state: ShowState, at: float) -> Decision:
    if state.visit != what.visit or state.chapter.on_enter is not None:
        return ()
    return tuple(_chain(state))


def _blocked(state: ShowState) -> Refusal:
    return Refusal("blocked", f"chapter {state.blocking} is still at work; the show moves on when it is done")


def _enter(state: ShowState, number: int, forward: bool) -> Iterator[e.Event]:
    visit = state.visit + 1
    yield e.ChapterEntered(number, forward, visit)
    chapter, action = state.chapters[number - 1], state.actions[number - 1]
    if forward and chapter.on_enter is not None and action.run == 0:
        yield e.ActionStarted(number, 1, visit)


def _chain(state: ShowState, ending: int | None = None) -> Iterator[e.Event]:
    """Step on by itself, if the show still stands in its forward visit and nothing holds it."""
    held = state.blocking not in (None, ending)
    if not state.chapter.auto_advance or not state.forward or state.halted or state.blackout or held:
        return
    if state.number < state.total:
        yield from _enter(state, state.number + 1, forward=True)


# Actions.


@_decide.register
def _decide_action_end(what: c.ActionEnd, state: ShowState, at: float) -> Decision:
    action = state.actions[what.number - 1]
    if action.run != what.run or action.status != "running":
        return ()
    if what.error is not None:
        return (e.ActionFailed(what.number, what.run, what.error),)
    done = e.ActionSucceeded(what.number, what.run)
    standing = what.number == state.number and action.visit == state.visit
    return (done, *_chain(state, ending=what.number)) if standing else (done,)


@_decide.register
def _decide_start_countdown(what: c.StartCountdown, state: ShowState, at: float) -> Decision:
    return (e.CountdownStarted(what.number, at + what.seconds),)


@_decide.register
def _decide_conclude(what: c.Conclude, state: ShowState, at: float) -> Decision:
    return (e.Concluded(what.number, what.held, what.text),)


# Faults.


@_decide.register
def _decide_inject(what: c.Inject, state: ShowState, at: float) -> Decision:
    fault = _fault(state, what.name)
    if state.halted:
        return Refusal("halted", "the show is halted: resume before a new fault")
    if fault.is_running:
        return Refusal("active", f"fault {what.name!r} is already {_doing(fault)}")
    if state.parts_healing:
        return Refusal("healing", "heal all is still at work, and would undo it: wait until it has ended")
    if state.journal == "temporary":
        why = "the show is kept in a temporary file, and so would its undo be: end it, and name a file with --journal"
        return Refusal("no_ledger", why)
    if not state.durable and state.journal == "file":
        return Refusal("no_ledger", "the journal cannot be written, so no undo can be: no new fault until it can")
    return (e.FaultRequested(what.name, fault.run + 1),)


def _doing(fault: FaultState) -> str:
    return "in place and could not be healed yet" if fault.state == "failed" else fault.state


@_decide.register
def _decide_fault_planned(what: c.FaultPlanned, state: ShowState, at: float) -> Decision:
    if not _is_now(state, what.name, what.run, "injecting"):
        return ()
    return (e.FaultStarted(what.name, what.run, what.target),)


@_decide.register
def _decide_fault_applied(what: c.FaultApplied, state: ShowState, at: float) -> Decision:
    if not _is_now(state, what.name, what.run, "injecting"):
        return ()
    fault = _fault(state, what.name)
    lasts = fault.config.duration_sec
    injected = e.FaultInjected(what.name, what.run, None if lasts == float("inf") else at + lasts)
    if fault.heal_wanted or state.halted:
        return (injected, e.HealRequested(what.name, what.run))
    return (injected,)


@_decide.register
def _decide_fault_broke(what: c.FaultBroke, state: ShowState, at: float) -> Decision:
    if not _is_now(state, what.name, what.run, "injecting"):
        return ()
    failed = e.FaultFailed(what.name, what.run, what.error, what.touched)
    return (failed, e.HealRequested(what.name, what.run)) if what.touched else (failed,)


@_decide.register
def _decide_fault_left(what: c.FaultLeft, state: ShowState, at: float) -> Decision:
    fault = state.fault(what.name)
    if fault is None or fault.is_running:
        return ()
    return (e.FaultLeft(fault.name, fault.run, what.error),)


@_decide.register
def _decide_fault_due(what: c.FaultDue, state: ShowState, at: float) -> Decision:
    return (e.HealRequested(what.name, what.run),) if _is_now(state, what.name, what.run, "active") else ()


@_decide.register
def _decide_target_back(what: c.TargetBack, state: ShowState, at: float) -> Decision:
    """The undo runs all the same: what the driver itself holds up (a lease, a timer) must end with its fault."""
    fault = _fault(state, what.name)
    if not _is_now(state, what.name, what.run, "active") or fault.injected_at is None:
        return ()
    if not is_back(state, fault, what.back_at):
        return ()
    came_back = e.FaultCameBack(what.name, what.run, max(0.0, what.back_at - fault.injected_at))
    return (came_back, e.HealRequested(what.name, what.run))


@_decide.register
def _decide_heal(what: c.Heal, state: ShowState, at: float) -> Decision:
    if what.name is not None:
        return tuple(_heal(_fault(state, what.name)))
    return tuple(_heal_all(state))


@_decide.register
def _decide_heal_end(what: c.HealEnd, state: ShowState, at: float) -> Decision:
    if not _is_now(state, what.name, what.run, "healing"):
        return ()
    if what.error is not None:
        return (e.HealFailed(what.name, what.run, what.error),)
    return (e.FaultHealed(what.name, what.run, what.back_at),)


@_decide.register
def _decide_parts_heal_end(what: c.PartsHealEnd, state: ShowState, at: float) -> Decision:
    if what.error is None and not state.parts_healing and state.parts_error is None:
        return ()
    return (e.PartsHealed(),) if what.error is None else (e.PartsHealFailed(what.error),)


def _heal(fault: FaultState) -> Iterator[e.Event]:
    wanted_already = fault.state == "injecting" and fault.heal_wanted
    if fault.is_running and fault.state != "healing" and not wanted_already:
        yield e.HealRequested(fault.name, fault.run)


def _heal_all(state: ShowState) -> Iterator[e.Event]:
    for fault in state.faults:
        yield from _heal(fault)
    if not state.parts_healing:
        yield e.PartsHealRequested()


def _fault(state: ShowState, name: str) -> FaultState:
    fault = state.fault(name)
    if fault is None:
        raise LookupError(name)
    return fault


def _is_now(state: ShowState, name: str, run: int, status: str) -> bool:
    fault = state.fault(name)
    return fault is not None and fault.run == run and fault.state == status


# Stage control.


@_decide.register
def _decide_halt(what: c.Halt, state: ShowState, at: float) -> Decision:
    cancelled = (
        e.ActionFailed(index + 1, action.run, "halted")
        for index, action in enumerate(state.actions)
        if action.status == "running"
    )
    return (e.Halted(), *cancelled, *_heal_all(state))


@_decide.register
def _decide_resume(what: c.Resume, state: ShowState, at: float) -> Decision:
    return (e.HaltLifted(),) if state.halted else ()


@_decide.register
def _decide_say(what: c.Say, state: ShowState, at: float) -> Decision:
    return (e.Said(what.text),)


@_decide.register
def _decide_blackout(what: c.Blackout, state: ShowState, at: float) -> Decision:
    on = not state.blackout if what.on is None else what.on
    return (e.BlackoutSet(on),) if on != state.blackout else ()


@_decide.register
def _decide_freeze(what: c.Freeze, state: ShowState, at: float) -> Decision:
    frozen = state.held is not None
    on = not frozen if what.on is None else what.on
    return (e.FreezeSet(on),) if on != frozen else ()


@_decide.register
def _decide_start_timer(what: c.StartTimer, state: ShowState, at: float) -> Decision:
    return () if state.timer.is_on else (e.TimerStarted(),)


@_decide.register
def _decide_pause_timer(what: c.PauseTimer, state: ShowState, at: float) -> Decision:
    """One that has not begun is paused too: then no step starts it."""
    return () if state.timer.is_paused else (e.TimerPaused(),)


@_decide.register
def _decide_reset_timer(what: c.ResetTimer, state: ShowState, at: float) -> Decision:
    return (e.TimerReset(),) if state.timer != Timer() else ()


@_decide.register
def _decide_notice(what: c.Notice, state: ShowState, at: float) -> Decision:
    return (e.TroubleSeen(what.text, what.level),)


@_decide.register
def _decide_durable(what: c.Durable, state: ShowState, at: float) -> Decision:
    on = what.on and state.journal == "file"
    return (e.DurabilityChanged(on, what.why),) if on != state.durable else ()


# Health.


@_decide.register
def _decide_observe(what: c.Observe, state: ShowState, at: float) -> Decision:
    seen = tuple(sorted(name for name, visible in what.seen.items() if visible))
    events: list[e.Event] = [e.HealthSampled(what.sample.raw, what.sample.updated_at, seen)]
    fresh = _freshness(what.sample, at)
    if fresh != state.freshness:
        events.append(e.FreshnessChanged(fresh))
    whole = what.sample.with_missing(state.expected)
    if fresh == "live" and state.is_up_again(whole):
        events.append(e.PartsHealed())
    for fault in state.faults:
        events.extend(measure(fault, whole, fault.name in seen, at))
    return tuple(events)


@_decide.register
def _decide_watch(what: c.Watch, state: ShowState, at: float) -> Decision:
    if what.error is not None:
        fresh: e.Freshness = "unknown"
    else:
        fresh = _freshness(state.sample, at) if state.sample else "unknown"
    reason = what.error or ""
    if fresh == state.freshness and reason == state.freshness_reason:
        return ()
    return (e.FreshnessChanged(fresh, reason),)


def _freshness(sample: Sample, at: float) -> e.Freshness:
    age = at - sample.updated_at
    if age > UNKNOWN_AFTER * sample.interval_sec:
        return "unknown"
    return "stale" if age > STALE_AFTER * sample.interval_sec else "live"
