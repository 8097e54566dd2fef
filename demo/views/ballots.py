"""A vote of the audience, for screens and for `/state`."""

from dataclasses import dataclass
from typing import Any

from demo.ballots.counting import bins, percentages
from demo.show import ShowState
from demo.show.ballot import BallotState
from demo.show.vote_words import with_unit
from demo.show.voting import outcome_of, shown_ballot, voted_chapter
from demo.texts import localize_number, translate, translate_marked

MAX_BARS = 6
"""Bars for the numbers that a room guesses: more cannot be told apart from the last row."""


@dataclass(frozen=True, slots=True)
class BallotView:
    """What is asked. It stays the same while votes come in, so that nobody's page changes under the thumb.

    `hypothesis` is what it asks about, "" for none. Without `options` a number is guessed.
    """

    id: int
    question: str
    hypothesis: str
    is_open: bool
    options: tuple[str, ...]
    unit: str


@dataclass(frozen=True, slots=True)
class AnswerView:
    """One answer, or one range of guesses, and its bar. `place`: the number of the option, from 1.

    `votes` and `percent` are None while the tally is hidden.
    """

    place: int
    text: str
    votes: int | None
    percent: int | None
    is_right: bool = False


@dataclass(frozen=True, slots=True)
class TallyView:
    """How the room has voted so far. `is_hidden`: how many have voted is all that may be known yet.

    `is_large`: the stage shows the tally large; once the fault is injected, it shows the fault. `summary`: what most
    say, or median and quartiles of the guesses; `outcome`: who was right. Both are "" while that is not known.
    """

    question: str
    is_open: bool
    is_hidden: bool
    is_large: bool
    asks_number: bool
    votes: int
    answers: tuple[AnswerView, ...]
    summary: str
    outcome: str


def ballot_view(state: ShowState) -> BallotView | None:
    """Return the vote that is open, or else stands on this chapter; None for none."""
    ballot = shown_ballot(state)
    if ballot is None:
        return None
    hypothesis = state.chapters[ballot.number - 1].hypothesis
    return BallotView(
        id=ballot.id,
        question=translate_marked(ballot.question),
        hypothesis=hypothesis,
        is_open=ballot.is_open and state.replay is None,
        options=tuple(translate_marked(option) for option in ballot.options),
        unit=ballot.unit,
    )


def tally_view(state: ShowState, *, private: bool = False) -> TallyView | None:
    """Return the tally of the same vote. `private`: also of a hidden vote that is still open."""
    ballot = shown_ballot(state)
    if ballot is None:
        return None
    is_hidden = _is_secret(ballot) and not private
    return TallyView(
        question=translate_marked(ballot.question),
        is_open=ballot.is_open,
        is_hidden=is_hidden,
        is_large=ballot.is_open or not ballot.closed_by,
        asks_number=not ballot.options,
        votes=ballot.votes,
        answers=_hidden_answers(ballot) if is_hidden else list_answers(ballot, _right_option(state, ballot)),
        summary="" if is_hidden else _summarize(ballot),
        outcome=outcome_of(state, ballot),
    )


def describe_vote_result(state: ShowState) -> str:
    """Return what the room has voted, in sentences, for the place beside a verdict; "" without a closed vote."""
    ballot = shown_ballot(state)
    if ballot is None or not ballot.is_final or not ballot.votes:
        return ""
    summary = _summarize(ballot)
    return outcome_of(state, ballot, omit_measured=True) or (f"{summary}." if summary else "")


def can_open_vote(state: ShowState) -> bool:
    """Return whether the presenter may open a vote now: the chapter has one, and none is open; never in a replay."""
    can_vote = state.replay is None and voted_chapter(state) is not None
    return can_vote and not any(ballot.is_open for ballot in state.ballots)


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


def _hidden_answers(ballot: BallotState) -> tuple[AnswerView, ...]:
    return tuple(
        AnswerView(place, translate_marked(option), None, None) for place, option in enumerate(ballot.options, 1)
    )


def list_answers(ballot: BallotState, right: str) -> tuple[AnswerView, ...]:
    is_choice = bool(ballot.options)
    options = tuple(zip(ballot.options, ballot.counts, strict=True)) if is_choice else ()
    bars = bins(ballot.values, ballot.counts, MAX_BARS) if not options else ()
    rows = options or tuple((localize_number(text), votes) for text, votes in bars)
    return tuple(
        AnswerView(place, translate_marked(text), votes, percent, bool(right) and text == right)
        for place, ((text, votes), percent) in enumerate(
            zip(rows, percentages([votes for _, votes in rows]), strict=True), 1
        )
    )


def _summarize(ballot: BallotState) -> str:
    if (quartiles := ballot.quartiles) is not None:
        low, median, high = (with_unit(number, ballot.unit) for number in quartiles)
        return translate("median %(median)s, half of them %(low)s to %(high)s", median=median, low=low, high=high)
    if not ballot.leading:
        return ""
    percent = ballot.percents[ballot.options.index(ballot.leading)]
    return translate("%(percent)s %% said %(answer)s", percent=percent, answer=translate_marked(ballot.leading))
