"""The rules of plan B: what a show does when a recording is shown in its place, and when it goes on itself. Pure."""

from collections.abc import Iterator
from dataclasses import replace

from demo.show import commands as c
from demo.show import events as e
from demo.show.deck import change_to_edited_deck, number_duplicates, titles_of
from demo.show.plan_b_types import (
    EndRecording,
    Need,
    PlanB,
    RecordingEnded,
    RecordingShown,
    ShownRecording,
    ShowRecording,
)
from demo.show.refusal import Refusal
from demo.show.state import ShowState

NOT_AT_HAND = "no recording is at hand: start with --plan-b JOURNAL"
STOPPED = "stopped, for the recording is shown instead"


def decide_plan_b(command: PlanB | ShowRecording | EndRecording, state: ShowState) -> tuple[e.Event, ...] | Refusal:
    """Return what a command of plan B causes, or why it is refused."""
    match command:
        case PlanB():
            return Refusal("replay", NOT_AT_HAND)
        case ShowRecording():
            return tuple(_show(command, state))
        case EndRecording(step=step):
            return () if state.recording is None else (RecordingEnded(), *_go_on(state, state.recording, step))


def apply_plan_b(event: RecordingShown | RecordingEnded, state: ShowState, at: float) -> tuple[ShowState, str]:
    """Return the state after an event of plan B, and a line for the log."""
    if isinstance(event, RecordingEnded):
        text = "the server of the recording has ended: the show is live again" if event.interrupted else "back to live"
        return replace(state, recording=None), text
    since = state.recording.since if state.recording is not None else at
    shown = ShownRecording(event.recorded_at, event.number, event.title, event.same_before, since)
    return replace(state, recording=shown), f"all screens show a recording: {event.title}"


def continue_on_deck(state: ShowState) -> Iterator[e.Event]:
    """Yield what puts a show of an earlier process on the deck of this one.

    If all screens showed a recording then, the show goes on itself, at the chapter of the recording.
    """
    changed = change_to_edited_deck(state)
    yield from changed
    if state.recording is not None:
        yield RecordingEnded(interrupted=True)
        current = changed[0].number - 1 if changed else state.current
        yield from _go_on(replace(state, chapters=state.deck, current=current), state.recording, 1)


def refuse_beside_recording(state: ShowState, command: c.Command) -> Refusal | None:
    """Return why a command may not change the show itself while a recording is shown; None where it may."""
    if state.recording is None:
        return None
    if isinstance(command, c.Advance | c.Back | c.Goto | c.Rerun | c.Inject | c.OpenVote):
        return Refusal("replay", "the screens show a recording: go back to live first")
    return None


def find_need(state: ShowState) -> Need:
    """Return why a recording may be wanted: a fault failed, or the system is gone and no fault of ours explains it."""
    if any(fault.state == "failed" for fault in state.faults):
        return "fault"
    if state.system_error is not None:
        return "system"
    if state.system_healing or any(fault.is_running or fault.awaits_recovery for fault in state.faults):
        return ""
    sample = state.sample
    if sample is None:
        return ""
    is_down = bool(sample.nodes) and all(node.health in ("down", "offline", "unknown") for node in sample.nodes)
    return "system" if is_down or state.freshness != "live" else ""


def _show(command: ShowRecording, state: ShowState) -> Iterator[e.Event]:
    old = state.recording
    is_same = old is not None and (old.number, old.title) == (command.number, command.title)
    if (old is None) != command.begins or is_same:
        return
    yield RecordingShown(command.recorded_at, command.number, command.title, command.same_before)
    if old is None:
        yield from _stop_all(state)


def _stop_all(state: ShowState) -> Iterator[e.Event]:
    """Yield the end of all that runs: nothing of the show itself goes on unseen, but for the healing of its faults."""
    if state.frozen_view is not None:
        yield e.FreezeSet(on=False)
    for number, action in enumerate(state.actions, 1):
        if action.status == "running":
            yield e.ActionFailed(number, action.run, STOPPED)
    for fault in state.faults:
        wanted_already = fault.state == "injecting" and fault.heal_wanted
        if fault.is_running and fault.state != "healing" and not wanted_already:
            yield e.HealRequested(fault.name, fault.run)


def _go_on(state: ShowState, shown: ShownRecording, step: int) -> Iterator[e.Event]:
    """Yield the entering of the chapter that the recording stood at: as back does, so its action does not run."""
    keys = number_duplicates(titles_of(state.chapters))
    key = (shown.title, shown.same_before)
    number = keys.index(key) + 1 if key in keys else state.number
    if number == state.number:
        return
    yield e.ChapterEntered(number, False, state.visit + 1, min(step, state.chapters[number - 1].step_count))
