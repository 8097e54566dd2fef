"""A vote of the audience, for screens and for `/state`."""

from dataclasses import dataclass
from typing import Any

from demo.ballots.counting import bins, percentages
from demo.show import ShowState
from demo.show.ballot import BallotState
from demo.show.vote_words import with_unit
from demo.show.voting import outcome_of, standing_ballot, voted_chapter

MAX_BARS = 6
"""Bars for the numbers that a room guesses: more cannot be told apart from the last row."""


@dataclass(frozen=True, slots=True)
class AnswerView:
    """One bar. `percent`: of all votes. `place`: the number of the option, from 1."""

    place: int
    text: str
    votes: int
    percent: int
    is_right: bool = False


@dataclass(frozen=True, slots=True)
class BallotView:
    """A vote as it is shown. `answers` is empty while the tally is hidden; `options` are the buttons, if it is open.

    `said` is the prediction that it is about, "" for none. `summary`: what most say, or the middle of what is guessed;
    `outcome`: who was right, "" while that is not known. `is_counted`: it is closed, and all its votes are in.
    """

    id: int
    question: str
    said: str
    is_open: bool
    is_hidden: bool
    is_counted: bool
    asks_number: bool
    unit: str
    options: tuple[str, ...]
    votes: int
    answers: tuple[AnswerView, ...]
    summary: str
    outcome: str


def ballot_view(state: ShowState, *, private: bool = False) -> BallotView | None:
    """Return the vote that is open, or else stands on this chapter; None for none.

    `private`: with the tally of a hidden vote that is still open.
    """
    ballot = standing_ballot(state)
    if ballot is None:
        return None
    number = state.hypothesis_number(ballot.number)
    is_secret = _is_secret(ballot) and not private
    return BallotView(
        id=ballot.id,
        question=ballot.question,
        said=state.chapters[number - 1].hypothesis if number is not None else "",
        is_open=ballot.is_open,
        is_hidden=_is_secret(ballot),
        is_counted=ballot.is_final,
        asks_number=not ballot.options,
        unit=ballot.unit,
        options=ballot.options,
        votes=ballot.votes,
        answers=() if is_secret else _answers(ballot, _right_option(state, ballot)),
        summary="" if is_secret else _summarize(ballot),
        outcome=outcome_of(state, ballot),
    )


def can_open_vote(state: ShowState) -> bool:
    """Return whether the presenter may open a vote now: the chapter has one, and none is open."""
    return voted_chapter(state) is not None and not any(ballot.is_open for ballot in state.ballots)


def dump_ballot(state: ShowState, ballot: BallotState, *, private: bool) -> dict[str, Any]:
    """Return a vote as `/state` has it. `private`: with the tally of a hidden vote that is still open."""
    texts = ballot.options or tuple(with_unit(value, ballot.unit) for value in ballot.values)
    tally = [
        {"answer": answer, "votes": votes, "percent": percent}
        for answer, votes, percent in zip(texts, ballot.counts, ballot.percents, strict=True)
    ]
    return {
        "id": ballot.id,
        "chapter": ballot.number,
        "question": ballot.question,
        "options": list(ballot.options),
        "unit": ballot.unit,
        "hidden": ballot.hidden,
        "state": ballot.status,
        "votes": ballot.votes,
        "tally": tally if private or not _is_secret(ballot) else None,
        "measured": ballot.measured,
        "right": _right_option(state, ballot) or None,
        "text": outcome_of(state, ballot),
    }


def _is_secret(ballot: BallotState) -> bool:
    return ballot.hidden and ballot.is_open


def _right_option(state: ShowState, ballot: BallotState) -> str:
    verdict = state.verdicts.get(state.hypothesis_number(ballot.number) or ballot.number)
    return ballot.right_option(verdict.held) if verdict is not None and not ballot.is_open else ""


def _answers(ballot: BallotState, right: str) -> tuple[AnswerView, ...]:
    is_choice = bool(ballot.options)
    options = tuple(zip(ballot.options, ballot.counts, strict=True)) if is_choice else ()
    rows = options or bins(ballot.values, ballot.counts, MAX_BARS)
    return tuple(
        AnswerView(place, text, votes, percent, bool(right) and text == right)
        for place, ((text, votes), percent) in enumerate(
            zip(rows, percentages([votes for _, votes in rows]), strict=True), 1
        )
    )


def _summarize(ballot: BallotState) -> str:
    if (middle := ballot.middle) is not None:
        low, median, high = (with_unit(number, ballot.unit) for number in middle)
        return f"{median} in the middle, half the room {low} to {high}"
    if not ballot.leading:
        return ""
    return f"{ballot.percents[ballot.options.index(ballot.leading)]} % said {ballot.leading}"
