"""Tallies: what is counted, how it is rounded, and what a room's guesses amount to."""

import random

import pytest

from demo.ballots.counting import (
    MAX_VALUES,
    bins,
    count_numbers,
    count_options,
    nearest,
    percentages,
    quantile,
    rounded,
)
from demo.ballots.vote import Vote, read_vote
from demo.errors import InvalidValue


def test_each_option_has_its_votes_also_one_that_nobody_chose() -> None:
    assert count_options([0.0, 2.0, 2.0], 3) == (1, 0, 2)
    assert count_options([], 2) == (0, 0)


def test_equal_votes_have_equal_percentages() -> None:
    assert percentages((4, 4, 4, 3)) == (27, 27, 27, 20)
    assert percentages((62, 38)) == (62, 38)
    assert percentages((0, 0)) == (0, 0)


def test_guesses_are_counted_by_value_and_wild_ones_are_rounded() -> None:
    assert count_numbers([3.0, 0.5, 3.0]) == ((0.5, 3.0), (1, 2))
    wild = [rounded(random.Random(number).uniform(0, 1e6)) for number in range(3000)]
    values, counts = count_numbers(wild)
    assert len(values) <= MAX_VALUES
    assert sum(counts) == 3000
    assert list(values) == sorted(values)


def test_the_middle_and_the_nearest_of_guesses() -> None:
    values, counts = (1.0, 2.0, 10.0), (1, 5, 2)
    assert [quantile(values, counts, share) for share in (0.25, 0.5, 0.75)] == [2.0, 2.0, 2.0]
    assert nearest(values, counts, 8.0) == (10.0, 2)
    assert nearest(values, counts, 1.5) == (1.0, 1)


def test_bars_of_guesses_cover_all_votes() -> None:
    assert bins((0.5, 3.0), (1, 2), 6) == (("0.5", 1), ("3", 2))
    values = tuple(float(number) for number in range(40))
    ranges = bins(values, tuple(1 for _ in values), 6)
    assert len(ranges) == 6
    assert sum(votes for _, votes in ranges) == 40
    assert ranges[-1][0].endswith("+")


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"question": " "}, "question is empty"),
        ({"question": "x" * 101}, "up to 100 characters, not 101"),
        ({"options": ("a",)}, "options must be 2 to 6, not 1"),
        ({"options": ("a", "a")}, "two options are the same"),
        ({"options": ("a", "b" * 41)}, "1 to 40 characters"),
        ({"options": ("a", " ")}, "1 to 40 characters"),
        ({"unit": "s"}, "has no options"),
        ({"options": (), "measure": "lost"}, "measure must be one of detected, recovered"),
        ({"options": (), "unit": "u" * 13}, "unit may have up to 12 characters"),
        ({"predicted": "Maybe"}, "predicted must be one of the options, not 'Maybe'"),
    ],
)
def test_a_vote_that_cannot_be_shown_or_answered_is_refused(fields: dict[str, object], why: str) -> None:
    with pytest.raises(InvalidValue, match=why):
        Vote(**fields)  # type: ignore[arg-type]


def test_a_vote_comes_back_from_json() -> None:
    assert read_vote(None) is None
    assert read_vote({"question": "?", "options": ["a", "b"]}) == Vote("?", ("a", "b"))
