"""What the audience adds to a show: votes, as numbers only, and questions. Nothing tells who voted or asked."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VoteOpened:
    """The audience may vote on chapter `number`. Without `options` it guesses a number."""

    number: int
    question: str
    options: tuple[str, ...] = ()
    hidden: bool = False
    predicted: str = ""
    unit: str = ""
    measure: str = ""


@dataclass(frozen=True, slots=True)
class VoteClosed:
    """`ballot`: the number of the event that opened it. `fault`, `run`: the injection that closed it, if one did."""

    ballot: int
    fault: str = ""
    run: int = 0


@dataclass(frozen=True, slots=True)
class VotesCounted:
    """The tally of a vote: of each option, or of each of the `values` that were guessed."""

    ballot: int
    counts: tuple[int, ...]
    values: tuple[float, ...] = ()
    is_final: bool = False


@dataclass(frozen=True, slots=True)
class QuestionShown:
    """The presenter put a question from the room on every screen, in place of the line that was said."""

    text: str
