"""The rules of a vote: when it opens and closes, what enters its tally, and what settles it. Pure, as all rules are."""

from collections.abc import Iterator
from dataclasses import replace

from demo.show import commands as c
from demo.show import events as e
from demo.show.ballot import BallotState
from demo.show.refusal import Refusal
from demo.show.state import ShowState
from demo.show.vote_events import VoteClosed, VoteOpened, VotesCounted
from demo.show.vote_words import describe_outcome, describe_tally

MAX_BALLOTS = 60
"""Votes that are kept in the state; the journal has all."""


def voted_chapter(state: ShowState) -> int | None:
    """Return the chapter (1-based) whose vote stands on the current one; None for none.

    It stands until a later chapter has a prediction or a vote of its own.
    """
    for number in range(state.number, 0, -1):
        chapter = state.chapters[number - 1]
        if chapter.vote is not None:
            return number
        if chapter.hypothesis:
            return None
    return None


def shown_ballot(state: ShowState) -> BallotState | None:
    """Return the vote to show: the open one, else that of the chapter whose vote stands; None for none."""
    if (opened := open_ballot(state)) is not None:
        return opened
    number = voted_chapter(state)
    return next((ballot for ballot in state.ballots if ballot.number == number), None)


def open_ballot(state: ShowState) -> BallotState | None:
    return next((ballot for ballot in state.ballots if ballot.is_open), None)


# Decisions.


def decide_chapter_entry(state: ShowState, number: int, *, forward: bool) -> Iterator[e.Event]:
    """Yield what entering a chapter does to votes: its own opens once, and one of an earlier prediction closes."""
    chapter = state.chapters[number - 1]
    if not forward or (chapter.vote is None and not chapter.hypothesis):
        return
    is_new = chapter.vote is not None and not any(ballot.number == number for ballot in state.ballots)
    for ballot in state.ballots:
        if ballot.is_open and ballot.number != number:
            yield VoteClosed(ballot.id)
    if is_new:
        yield _opened(state, number)


def close_by_injection(state: ShowState, name: str, run: int) -> Iterator[e.Event]:
    """Yield the closing of the open vote: whoever sees what the fault does may not vote any more."""
    opened = open_ballot(state)
    if opened is not None:
        yield VoteClosed(opened.id, name, run)


def decide_vote(command: c.OpenVote | c.CloseVote | c.CountVotes, state: ShowState) -> tuple[e.Event, ...] | Refusal:
    """Return what a command about a vote causes, or why it is refused."""
    match command:
        case c.OpenVote():
            return _decide_open(state)
        case c.CloseVote():
            opened = open_ballot(state)
            return Refusal("closed", "no vote is open") if opened is None else (VoteClosed(opened.id),)
        case c.CountVotes():
            return _decide_count(command, state)


def _decide_open(state: ShowState) -> tuple[e.Event, ...] | Refusal:
    number = voted_chapter(state)
    if number is None:
        return Refusal("not_found", f"chapter {state.number} has no vote: add `vote` to it in the deck")
    opened = open_ballot(state)
    if opened is not None and opened.number == number:
        return ()
    closing = (VoteClosed(opened.id),) if opened is not None else ()
    return (*closing, _opened(state, number))


def _decide_count(command: c.CountVotes, state: ShowState) -> tuple[e.Event, ...]:
    ballot = next((one for one in state.ballots if one.id == command.ballot), None)
    if ballot is None or ballot.is_final or (ballot.is_open and command.is_final):
        return ()
    if not command.is_final and (command.counts, command.values) == (ballot.counts, ballot.values):
        return ()
    return (VotesCounted(command.ballot, command.counts, command.values, command.is_final),)


def _opened(state: ShowState, number: int) -> VoteOpened:
    vote = state.chapters[number - 1].vote
    if vote is None:
        raise LookupError(number)
    # Unless the deck says otherwise, the first option is what the prediction says.
    has_prediction = state.hypothesis_number(number) is not None
    predicted = vote.predicted or (vote.options[0] if vote.options and has_prediction else "")
    return VoteOpened(number, vote.question, vote.options, vote.hidden, predicted, vote.unit, vote.measure)


# Events.


def apply_vote(event: VoteOpened | VoteClosed | VotesCounted, state: ShowState, seq: int) -> tuple[ShowState, str]:
    """Return the state after an event of a vote, and a line about it for the log; `seq` is the event's number."""
    match event:
        case VoteOpened():
            return _with_opened(state, event, seq), f"the room votes: {event.question}"
        case VoteClosed():
            closed = {"status": "closed", "closed_by": event.fault, "closed_by_run": event.run}
            return with_ballot(state, event.ballot, **closed), ""
        case VotesCounted():
            counted = {"counts": event.counts, "values": event.values, "is_final": event.is_final}
            state = with_ballot(state, event.ballot, **counted)
            ballot = next((one for one in state.ballots if one.id == event.ballot), None)
            return state, describe_tally(ballot) if ballot is not None and event.is_final else ""


def _with_opened(state: ShowState, event: VoteOpened, seq: int) -> ShowState:
    ballot = BallotState(
        seq,
        event.number,
        event.question,
        event.options,
        event.hidden,
        event.predicted,
        event.unit,
        event.measure,
        counts=tuple(0 for _ in event.options),
    )
    others = tuple(one for one in state.ballots if one.number != event.number)
    return replace(state, ballots=(*others[-(MAX_BALLOTS - 1) :], ballot))


def apply_measured(state: ShowState, measure: str, fault: str, run: int, seconds: float) -> ShowState:
    """Note what was measured of an injection, for the vote that it closed."""
    for ballot in state.ballots:
        if ballot.measure == measure and (ballot.closed_by, ballot.closed_by_run) == (fault, run):
            state = with_ballot(state, ballot.id, measured=round(seconds, 3))
    return state


def with_ballot(state: ShowState, ident: int, **changes: object) -> ShowState:
    """Return the state with these fields of one vote replaced."""
    ballots = (replace(one, **changes) if one.id == ident else one for one in state.ballots)  # type: ignore[arg-type]
    return replace(state, ballots=tuple(ballots))


def newly_settled(before: ShowState, after: ShowState) -> str:
    """Return who was right, in sentences, if a change of the show has just settled that; "" otherwise."""
    known = {ballot.id: outcome_of(before, ballot) for ballot in before.ballots}
    for ballot in after.ballots:
        outcome = outcome_of(after, ballot)
        if outcome and known.get(ballot.id, "") != outcome:
            return outcome
    return ""


def outcome_of(state: ShowState, ballot: BallotState, *, omit_measured: bool = False) -> str:
    """Return who was right in a vote, in sentences, as `describe_outcome` says; "" while that is not known."""
    verdict = state.verdicts.get(state.hypothesis_number(ballot.number) or ballot.number)
    return describe_outcome(ballot, verdict, omit_measured=omit_measured)
