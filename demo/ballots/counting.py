"""Counts votes: plain functions from answers to a tally, and from a tally to what it says. No I/O."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

MAX_NUMBER = 1e9
MAX_VALUES = 120
"""Different numbers in one tally. Above that they are rounded: wild guesses must not flood the journal."""

SIGNIFICANT = (3, 2, 1)
"""The digits that are kept of a number, from fine to coarse."""


def rounded(number: float, digits: int = SIGNIFICANT[0]) -> float:
    """Return the number with so many significant digits; 0.0 for a negative zero."""
    return float(f"{number:.{digits}g}") + 0.0


def count_options(answers: Iterable[float], options: int) -> tuple[int, ...]:
    """Count the votes for each option; an answer is the option's place, from 0."""
    counted = Counter(int(answer) for answer in answers)
    return tuple(counted[place] for place in range(options))


def count_numbers(answers: Iterable[float]) -> tuple[tuple[float, ...], tuple[int, ...]]:
    """Return the different numbers in ascending order, and how often each was guessed; at most `MAX_VALUES`."""
    counted = Counter(answers)
    for digits in SIGNIFICANT:
        coarse: Counter[float] = Counter()
        for number, times in counted.items():
            coarse[rounded(number, digits)] += times
        if len(coarse) <= MAX_VALUES or digits == SIGNIFICANT[-1]:
            break
    values = sorted(coarse)
    return tuple(values), tuple(coarse[value] for value in values)


def percentages(counts: Sequence[int]) -> tuple[int, ...]:
    """Return each count in percent of all, rounded; equal counts have equal percentages, so the sum may not be 100."""
    total = sum(counts)
    return tuple(math.floor(100 * count / total + 0.5) if total else 0 for count in counts)


def quantile(values: Sequence[float], counts: Sequence[int], share: float) -> float:
    """Return the number below or at which `share` of the guesses are. `values` ascend, and are not empty."""
    wanted, seen = share * sum(counts), 0
    for value, count in zip(values, counts, strict=True):
        seen += count
        if seen >= wanted and count:
            return value
    return values[-1]


def nearest(values: Sequence[float], counts: Sequence[int], measured: float) -> tuple[float, int]:
    """Return the guess nearest to what was measured, and how many guessed it; of two equally near the smaller."""
    place = min(range(len(values)), key=lambda index: (abs(values[index] - measured), values[index]))
    return values[place], counts[place]


def bins(values: Sequence[float], counts: Sequence[int], max_bins: int) -> tuple[tuple[str, int], ...]:
    """Return at most `max_bins` ranges of the guesses as text, with the votes in each; single numbers if they suffice.

    The ranges are equally wide up to the number below which 9 in 10 guesses are; the last one has all above.
    """
    if len(values) <= max_bins:
        return tuple((f"{value:.12g}", count) for value, count in zip(values, counts, strict=True))
    first = values[0]
    width = rounded((quantile(values, counts, 0.9) - first) / (max_bins - 1), 2) or rounded(values[-1] - first, 2)
    votes = [0] * max_bins
    for value, count in zip(values, counts, strict=True):
        votes[min(max_bins - 1, int((value - first) / width))] += count
    edges = [rounded(first + place * width) for place in range(max_bins)]
    names = [f"{low:.12g}–{high:.12g}" for low, high in pairwise(edges)]
    return tuple(zip((*names, f"{edges[-1]:.12g} +"), votes, strict=True))
