"""`BallotState`: one vote of the audience on one chapter, and what its tally says. Frozen; rules are in `voting`."""

from dataclasses import dataclass
from typing import Literal

from demo.ballots.counting import nearest, percentages, quantile

BallotStatus = Literal["open", "closed"]


@dataclass(frozen=True, slots=True)
class BallotState:
    """A vote from its opening on. It holds the question itself: an edit of the deck does not change what was asked.

    `id` is that of the event which opened it, `number` the chapter (1-based). Without `options` a number is guessed;
    then `values` are the different guesses in ascending order. `counts` are the votes for each option or value.
    `is_final`: it is closed, and no vote is missing from `counts`. `closed_by`, `closed_by_run`: the injection that
    closed it. `measured`: the number that the guesses are compared with, once it is known.
    """

    id: int
    number: int
    question: str
    options: tuple[str, ...]
    hidden: bool = False
    predicted: str = ""
    unit: str = ""
    measure: str = ""
    status: BallotStatus = "open"
    counts: tuple[int, ...] = ()
    values: tuple[float, ...] = ()
    is_final: bool = False
    closed_by: str = ""
    closed_by_run: int = 0
    measured: float | None = None

    @property
    def is_open(self) -> bool:
        return self.status == "open"

    @property
    def votes(self) -> int:
        return sum(self.counts)

    @property
    def percents(self) -> tuple[int, ...]:
        return percentages(self.counts)

    @property
    def leading(self) -> str:
        """The option that most chose; "" without votes, for a number, or where several have as many."""
        most = max(self.counts, default=0)
        leaders = [option for option, count in zip(self.options, self.counts, strict=False) if count == most]
        return leaders[0] if most and len(leaders) == 1 else ""

    @property
    def quartiles(self) -> tuple[float, float, float] | None:
        """The guesses below which a quarter, half and three quarters of all are; None without any."""
        if self.options or not self.votes:
            return None
        low, median, high = (quantile(self.values, self.counts, share) for share in (0.25, 0.5, 0.75))
        return low, median, high

    @property
    def nearest(self) -> tuple[float, int] | None:
        """The guess nearest to what was measured, and how many guessed it; None while that is not known."""
        if self.measured is None or self.options or not self.votes:
            return None
        return nearest(self.values, self.counts, self.measured)

    def right_option(self, held: bool | None) -> str:
        """Return the option that a verdict proves right; "" where it proves none."""
        if held is None or not self.predicted:
            return ""
        if held:
            return self.predicted
        others = [option for option in self.options if option != self.predicted]
        return others[0] if len(others) == 1 else ""
