"""`Vote`: what a chapter puts to the vote, as a deck writes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from demo.errors import InvalidValue
from demo.texts import mark_text

YES, NO = mark_text("Yes"), mark_text("No")
ON_PREDICTION = mark_text("Will it come true?")
"""The question where a deck puts a prediction to the vote without asking one of its own."""

MAX_VOTE_QUESTION = 100
MIN_OPTIONS, MAX_OPTIONS = 2, 6
MAX_OPTION = 40
MAX_UNIT = 12
MEASURES = ("detected", "recovered")
"""What a guessed number is compared with: seconds until the fault was detected, or until the system had recovered."""


@dataclass(frozen=True)
class Vote:
    """A question for the audience: one of `options`, or (without options) a number to guess.

    `hidden`: the tally is shown only once the vote is closed. `predicted`: the option that the prediction stands for,
    "" if none does; the verdict on the prediction then tells who was right. `unit` and `measure` are those of a number.
    Raises `InvalidValue` for a question that cannot be shown or answered.
    """

    question: str = ON_PREDICTION
    options: tuple[str, ...] = (YES, NO)
    hidden: bool = False
    predicted: str = ""
    unit: str = ""
    measure: str = ""

    def __post_init__(self) -> None:
        for problem in (_question_problem(self.question), _options_problem(self.options), self._number_problem()):
            if problem:
                raise InvalidValue(f"vote: {problem}")

    @property
    def asks_number(self) -> bool:
        return not self.options

    def _number_problem(self) -> str:
        if self.options and (self.unit or self.measure):
            return "unit and measure are for a number to guess, which has no options"
        if len(self.unit) > MAX_UNIT:
            return f"unit may have up to {MAX_UNIT} characters, not {len(self.unit)}"
        if self.measure and self.measure not in MEASURES:
            return f"measure must be one of {', '.join(MEASURES)}, not {self.measure!r}"
        if self.predicted and self.predicted not in self.options:
            return f"predicted must be one of the options, not {self.predicted!r}"
        return ""


def _question_problem(question: str) -> str:
    if not question.strip():
        return "question is empty"
    if len(question) > MAX_VOTE_QUESTION:
        return (
            f"question may have up to {MAX_VOTE_QUESTION} characters, not {len(question)}: "
            "it must be read from the last row"
        )
    return ""


def _options_problem(options: tuple[str, ...]) -> str:
    if not options:
        return ""
    if not MIN_OPTIONS <= len(options) <= MAX_OPTIONS:
        return f"options must be {MIN_OPTIONS} to {MAX_OPTIONS}, not {len(options)}"
    if len(set(options)) < len(options):
        return "two options are the same"
    for option in options:
        if not option.strip() or len(option) > MAX_OPTION:
            return f"an option must have 1 to {MAX_OPTION} characters, not {len(option)}: {option[:MAX_OPTION]!r}"
    return ""


def read_vote(fields: Mapping[str, Any] | None) -> Vote | None:
    """Return the vote of these fields, which may come from JSON; None for None."""
    if fields is None:
        return None
    values: dict[str, Any] = {**fields, "options": tuple(fields["options"])}
    return Vote(**values)
