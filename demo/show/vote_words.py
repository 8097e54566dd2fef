"""What a vote says, in sentences: for the log, the screens and `/state`."""

from demo.show.ballot import BallotState
from demo.show.state import Verdict
from demo.texts import localize_number, translate, translate_marked


def describe_tally(ballot: BallotState) -> str:
    """Say what the room has voted, in a line."""
    if not ballot.votes:
        return "the vote is closed: nobody voted"
    count = f"{ballot.votes} vote{'' if ballot.votes == 1 else 's'}"
    if ballot.quartiles is not None:
        low, median, high = (with_unit(number, ballot.unit) for number in ballot.quartiles)
        return f"the room guesses {median}, half of it {low} to {high} ({count})"
    shares = zip(ballot.options, ballot.percents, strict=True)
    return f"the room says {', '.join(f'{option} {percent} %' for option, percent in shares)} ({count})"


def describe_outcome(ballot: BallotState, verdict: Verdict | None, *, omit_measured: bool = False) -> str:
    """Say who was right, in sentences; "" while that is not known, or if nobody voted.

    `omit_measured`: the verdict is shown beside it, so what it measured is not said again.
    """
    if not ballot.is_final or not ballot.votes:
        return ""
    if (found := ballot.nearest) is not None and ballot.quartiles is not None and ballot.measured is not None:
        guess, times = found
        low, _, high = (with_unit(number, ballot.unit) for number in ballot.quartiles)
        nearest = with_unit(guess, ballot.unit)
        if times > 1:
            nearest = translate("%(guess)s, guessed %(times)s times", guess=nearest, times=times)
        return translate(
            "Measured: %(measured)s. Nearest: %(nearest)s. Half of the room: %(low)s to %(high)s.",
            measured=with_unit(ballot.measured, ballot.unit),
            nearest=nearest,
            low=low,
            high=high,
        )
    right = ballot.right_option(verdict.held) if verdict is not None else ""
    if verdict is None or not right:
        return ""
    # The first sentence is the one that decided.
    measured = verdict.text.split(". ")[0].removesuffix(".")
    middle = " " if omit_measured else f" {translate('Measured: %(measured)s.', measured=measured)} "
    return f"{_describe_majority(ballot)}{middle}{_judge_room(ballot, right)}".strip()


def _describe_majority(ballot: BallotState) -> str:
    if not ballot.leading:
        return translate("The room was divided.")
    percent = ballot.percents[ballot.options.index(ballot.leading)]
    return translate("%(percent)s %% said %(answer)s.", percent=percent, answer=translate_marked(ballot.leading))


def _judge_room(ballot: BallotState, right: str) -> str:
    if not ballot.leading:
        return ""
    return translate("The room was right.") if ballot.leading == right else translate("The room was wrong.")


def with_unit(number: float, unit: str) -> str:
    return f"{localize_number(f'{number:.12g}')}{f' {unit}' if unit else ''}"
