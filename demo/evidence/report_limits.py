"""The limits that predictions set to numbers, drawn over the report's curves for as long as they were judged."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from demo.evidence.facts import FaultRun, ShowFacts
from demo.evidence.series import Series
from demo.views.curves import limit_of

PER_CHARACTER = 5.5
"""How wide a character of a text is, at most."""

TEXT_HEIGHT, ABOVE, BELOW = 10.0, -3.5, 10.5
"""How high a text is, and its base line above or below the dashed one."""


@dataclass(frozen=True, slots=True)
class MeasuredLimit:
    """What one prediction demanded of one number while the fault of `run` was in place; seconds of the show.

    `value` is in the unit of the curve; `operator` as the deck writes it; `text` as the stage says it.
    """

    run: int
    since: float
    until: float
    operator: str
    value: float
    text: str


@dataclass(frozen=True, slots=True)
class DrawnLimit:
    """A dashed line, and its text from `text_x` on; "" where another text already says it, or has the place."""

    x: float
    width: float
    y: float
    said: str
    text: str = ""
    text_x: float = 0.0
    text_y: float = 0.0


def find_limits(facts: ShowFacts, series: Series) -> tuple[MeasuredLimit, ...]:
    """Return the limits of a curve, in the order of the injections that they were judged for."""
    return tuple(_limits(facts, series))


def _limits(facts: ShowFacts, series: Series) -> Iterator[MeasuredLimit]:
    for run in facts.runs:
        if run.fault.injected_at is None or series.is_key:
            continue
        since, until = ends_of(facts, run)
        for threshold in run.thresholds:
            found = limit_of(threshold, series.name, series.unit)
            if found is not None:
                yield MeasuredLimit(run.ordinal, since, until, threshold.operator, *found)


def ends_of(facts: ShowFacts, run: FaultRun) -> tuple[float, float]:
    """Return from when to when a fault was in place, in seconds of the show."""
    timeline = facts.timeline
    since = timeline.elapsed(run.fault.injected_at or 0.0)
    return since, timeline.elapsed(run.ended_at) if run.ended_at is not None else timeline.length_sec


def draw_limits(
    limits: Iterable[MeasuredLimit],
    x: Callable[[float], float],
    y: Callable[[float], float],
    box: tuple[float, float, float, float],
) -> tuple[DrawnLimit, ...]:
    """Return the lines with their texts: above a line, or below it where there is no room. `box`: its left, top, right
    and bottom, which no text leaves.
    """
    taken: list[tuple[float, float, float, float]] = []
    drawn: list[DrawnLimit] = []
    for limit in limits:
        start, end, height = x(limit.since), x(limit.until), y(limit.value)
        line = DrawnLimit(start, round(max(1.2, end - start), 1), height, limit.text)
        wide = len(limit.text) * PER_CHARACTER
        text_x = max(box[0] + 2, min(start + 2, box[2] - wide))
        for base in (height + ABOVE, height + BELOW):
            place = (text_x, base - TEXT_HEIGHT, text_x + wide, base)
            if place[1] >= box[1] and base <= box[3] and not any(_overlap(place, other) for other in taken):
                taken.append(place)
                line = DrawnLimit(line.x, line.width, height, limit.text, limit.text, round(text_x, 1), round(base, 1))
                break
        drawn.append(line)
    return tuple(drawn)


def _overlap(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
