"""Curves of a show of any length: no spike is lost, gaps are gaps, and the memory is bounded."""

import pytest

from demo.evidence.series import FIRST_SEC, GAP_SEC, MAX_COLUMNS, Columns


def points(columns: Columns) -> list[tuple[float, float]]:
    return [point for line in columns.lines() for point in line]


@pytest.mark.parametrize("hours", [0.01, 2, 48])
def test_a_spike_of_one_sample_is_kept_whatever_the_length(hours: float) -> None:
    columns, count = Columns(), int(hours * 3600)
    for sec in range(count):
        columns.add(float(sec), 500.0 if sec == count // 3 else 0.1 if sec == count // 2 else 5.0)
    assert (float(count // 3), 500.0) in points(columns)
    assert (float(count // 2), 0.1) in points(columns)
    assert columns.extremes == (0.1, 500.0)
    assert len(columns) <= MAX_COLUMNS
    assert len(points(columns)) <= 2 * MAX_COLUMNS
    assert len(list(columns.lines())) == 1
    # A long one still uses what it may have.
    assert hours < 1 or len(columns) >= MAX_COLUMNS // 2


def test_a_column_becomes_wider_only_when_it_must() -> None:
    columns = Columns()
    for step in range(MAX_COLUMNS):
        columns.add(step * FIRST_SEC, float(step))
    assert points(columns) == [(step * FIRST_SEC, float(step)) for step in range(MAX_COLUMNS)]


def test_thinned_minutes_are_a_line_and_a_longer_silence_is_a_gap() -> None:
    columns = Columns()
    for sec in (0.0, 10.0, 20.0, 20.0 + GAP_SEC, 51.0 + GAP_SEC, 52.0 + GAP_SEC):
        columns.add(sec, 1.0)
    assert [[sec for sec, _ in line] for line in columns.lines()] == [[0.0, 10.0, 20.0, 50.0], [81.0, 82.0]]


def test_what_was_not_measured_is_a_gap() -> None:
    columns = Columns()
    for sec, value in ((0.0, 1.0), (1.0, None), (2.0, 2.0), (3.0, 3.0)):
        columns.add(sec, value)
    assert list(columns.lines()) == [((0.0, 1.0),), ((2.0, 2.0), (3.0, 3.0))]
    assert columns.last == 3.0


def test_a_gap_survives_that_columns_are_joined() -> None:
    columns = Columns()
    for sec in (*range(1000), *range(2000, 3000)):
        columns.add(float(sec), 1.0)
    assert len(list(columns.lines())) == 2
