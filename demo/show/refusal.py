"""Why a command changes nothing: the refusal itself, and the reasons not to inject a fault or enter a chapter."""

from dataclasses import dataclass

from demo.errors import RefusalCode
from demo.show import commands as c
from demo.show import events as e
from demo.show.state import FaultState, ShowState


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a command changes nothing."""

    code: RefusalCode
    message: str


def refuse_target(command: c.Inject) -> Refusal | None:
    """Return why this fault cannot hit the target that was asked for; None where it can, or where none was."""
    if command.target is None or command.target in command.targets:
        return None
    if not command.targets:
        return Refusal("invalid", f"fault {command.name!r} cannot choose its target now: send it without 'target'")
    known = ", ".join(command.targets)
    return Refusal("invalid", f"fault {command.name!r} has no target {command.target[:80]!r} now; it has: {known}")


def refuse_injection(state: ShowState, fault: FaultState) -> Refusal | None:
    """Return why no new fault may be injected now, or not this one; None where it may."""
    if state.halted:
        return Refusal("halted", "the show is halted: resume before a new fault")
    if fault.is_running:
        return Refusal("active", f"fault {fault.name!r} is already {_describe_activity(fault)}")
    if state.system_healing:
        why = "heal all is still running and would undo a new fault: try again when it has finished"
        return Refusal("healing", why)
    if state.journal == "temporary":
        why = "the journal is a temporary file, so the undo could be lost: end the show, and name a file with --journal"
        return Refusal("no_ledger", why)
    if not state.durable and state.journal == "file":
        why = "no fault can be injected: the journal cannot be written, so its undo would be lost"
        return Refusal("no_ledger", why)
    return None


def refuse_blocked(state: ShowState) -> Refusal:
    """Return why the show cannot move on: an action still holds it."""
    return Refusal("blocked", f"chapter {state.blocking} is still running; the show moves on when it is done")


def _describe_activity(fault: FaultState) -> str:
    # As the screens say it: the state of a fault that is in place is called "active" in `/state` only.
    words = {"failed": "in place and could not be healed yet", "active": "running"}
    return words.get(fault.state, fault.state)


def guard_entries(events: tuple[e.Event, ...], command: c.CommandEnvelope) -> tuple[e.Event, ...] | Refusal:
    """Return the events, or why the chapter that they enter forward may not be entered.

    What enters a chapter by the way, as an action's end does, keeps its other events: only the entry is left out.
    """
    asked = command.command
    if isinstance(asked, c.Advance | c.Goto) and asked.override:
        return events
    for place, event in enumerate(events):
        if isinstance(event, e.ChapterEntered) and event.forward and event.number in command.unmet:
            if isinstance(asked, c.Advance | c.Goto):
                return Refusal("required", command.unmet[event.number])
            return events[:place]
    return events


def refuse_stale(state: ShowState, command: c.CommandEnvelope) -> Refusal | None:
    """Return why a command was sent from a place where the show is no more; None if it still is there."""
    if command.expected_chapter is not None and command.expected_chapter != state.number:
        sent = f"this was sent from chapter {command.expected_chapter}"
        return Refusal("stale", f"{sent}, but the show is now on chapter {state.number}")
    if command.expected_step is not None and command.expected_step != state.step:
        sent = f"this was sent from step {command.expected_step}"
        return Refusal("stale", f"{sent}, but the show is now on step {state.step}")
    return None


def refuse_unknown(state: ShowState, command: c.Command) -> Refusal | None:
    """Return why a command names a chapter or fault that this show does not have; None if it has it."""
    if isinstance(command, c.Goto) and not 1 <= command.chapter <= state.total:
        return Refusal("not_found", f"there is no chapter {command.chapter}: this show has 1 to {state.total}")
    if isinstance(command, c.Inject | c.Heal) and command.name is not None and state.fault(command.name) is None:
        known = ", ".join(fault.name for fault in state.faults) or "none"
        return Refusal("not_found", f"there is no fault {command.name!r} in this show; it has: {known}")
    return None
