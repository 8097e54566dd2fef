"""Follows one condition over time until it is decided: held, broken, or not seen.

Moments are seconds of any clock that only goes forward; the caller feeds them, so nothing here asks what time it is.
A watch is of one of two kinds; `within` makes every watch one of the second kind.

**Always** (`always=True`): a prediction. It should be true all the while.
- It is broken at the first moment at which it is false. With `for 3s` it may be false for up to 3 s at a time: it is
  broken when it has been false without a break for longer than that.
- It is held at the end if it was true at least once and never broken. Otherwise it was not seen.

**Until** (`always=False`): `wait_until`, `healed`, `seen`, and everything with `within`. It should become true.
- It is held as soon as it is true; with `for 3s`, as soon as it has been true without a break for 3 s.
- At its deadline (that of `within`, or the caller's, whichever comes first) it is broken if it was known to be false
  then, or true but not yet for as long as its `for`; if it was unknown, it was not seen.

Of both:
- Unknown decides nothing. It interrupts a time for which something has been true or false: nobody knows what it was.
- `during FAULT` looks only while the fault runs: what was known last while it ran counts at a deadline. A fault that
  never ran leaves it not seen.
- What is fed after a deadline no longer counts: the newest truth up to it does, and the deadline is the moment.
- A watch that is fed nothing keeps the newest truth; whoever feeds it says that facts are stale, which is unknown.
- An outcome is final.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from demo.conditions.condition import Condition
from demo.conditions.facts import Facts
from demo.conditions.values import Quantity, Truth, show_quantity

ConditionVerdict = Literal["held", "broken", "not seen"]


@dataclass(frozen=True, slots=True)
class ConditionResult:
    """How it ended. `at`: the moment at which it was decided; `text`: the numbers, for the screen."""

    verdict: ConditionVerdict
    at: float
    text: str


class Watch:
    """Follows one condition. `always` chooses between the two kinds; `deadline`: a moment at which it ends anyway."""

    def __init__(
        self, condition: Condition, started_at: float, *, always: bool = False, deadline: float | None = None
    ) -> None:
        self.condition = condition
        self.started_at = started_at
        self.always = always and condition.within_sec is None
        own = None if condition.within_sec is None else started_at + condition.within_sec
        self.deadline = min((moment for moment in (own, deadline) if moment is not None), default=None)
        self.outcome: ConditionResult | None = None
        """None while it is open."""
        self.text = "not measured"
        """The newest numbers."""
        self.seen_true = 0
        """How often it was fed and true."""
        self._now = started_at
        self._truth: Truth = None
        self._since = started_at  # the moment since which `_truth` has been so without a break
        self._last_true = ""
        self._ran = condition.during is None

    def feed(self, at: float, facts: Facts, running: Collection[str] = ()) -> ConditionResult | None:
        """Look at the facts of a moment; `running`: the faults that run then. Return the outcome, None while open."""
        if self.outcome is not None or (self.deadline is not None and at > self.deadline):
            return self.tick(at)
        self._now = max(self._now, at)
        if self.condition.during is not None and self.condition.during not in running:
            return self.tick(at)
        self._ran = True
        judgement = self.condition.judge(facts)
        self.text = judgement.text
        self._note(judgement.truth)
        if judgement.truth:
            self.seen_true += 1
            self._last_true = judgement.text
        self._decide()
        return self.tick(at)

    def tick(self, at: float) -> ConditionResult | None:
        """Say what time it is, without facts: what is decided by a deadline is. Return the outcome, None while open."""
        self._now = max(self._now, at)
        if self.outcome is None and self.deadline is not None and self._now >= self.deadline:
            self._now = self.deadline
            self._end()
        return self.outcome

    def finish(self, at: float) -> ConditionResult:
        """End the watch now, as its deadline would."""
        return self.tick(at) or self._end()

    def _note(self, truth: Truth) -> None:
        if truth is not self._truth:
            self._truth, self._since = truth, self._now

    def _decide(self) -> None:
        """Decide what the newest truth decides."""
        needed, lasted = self.condition.for_sec, self._now - self._since
        if self.always and self._truth is False:
            if needed is None:
                self._conclude("broken", self.text)
            elif lasted > needed:
                self._conclude("broken", f"{self.text}, for more than {_time(needed)}")
        elif not self.always and self._truth and (needed is None or lasted >= needed):
            self._conclude("held", self.text if needed is None else f"{self.text}, for {_time(needed)}")

    def _end(self) -> ConditionResult:
        """Decide it by what is known now."""
        if not self._ran:
            return self._conclude("not seen", f"{self.condition.during} did not run")
        if self.always:
            return self._conclude("held", self._last_true) if self.seen_true else self._conclude("not seen", self.text)
        if self._truth is None:
            return self._conclude("not seen", self.text)
        lasted = f", but not yet for {_time(self.condition.for_sec)}" if self._truth and self.condition.for_sec else ""
        return self._conclude("broken", f"{self.text}{lasted}")

    def _conclude(self, verdict: ConditionVerdict, text: str) -> ConditionResult:
        self.outcome = ConditionResult(verdict, self._now, text)
        return self.outcome


def _time(seconds: float) -> str:
    return show_quantity(Quantity(seconds, "s"))
