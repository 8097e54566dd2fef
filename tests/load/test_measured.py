"""What was measured: percentiles, the last seconds, and since a fault began."""

import random
import statistics

import pytest

from demo.load.measured import Times
from demo.load.window import SLICE_SEC, Window


def times(values: list[float]) -> Times:
    found = Times()
    for value in values:
        found.add(value)
    return found


def test_a_percentile_is_that_of_the_sorted_times_to_half_a_percent() -> None:
    chance = random.Random(7)
    values = [chance.lognormvariate(-4, 1.5) for _ in range(5000)]
    found, ordered = times(values), sorted(values)
    for percent in (1, 50, 90, 95, 99, 99.9):
        exact = ordered[-(-int(len(ordered) * percent * 10) // 1000) - 1]
        assert found.percentile(percent) == pytest.approx(exact, rel=0.0051)
    assert found.percentile(100) == found.max == ordered[-1]
    assert found.min == ordered[0]
    assert found.mean == pytest.approx(statistics.fmean(values))


def test_without_a_time_there_is_no_number() -> None:
    assert (Times().percentile(95), Times().mean) == (None, None)
    assert times([0.2]).percentile(1) == 0.2
    assert times([0.0]).percentile(50) == 0.0


def add(window: Window, now: float, error: bool = False) -> None:
    for place in window.at(now):
        place.took.add(0.01)
        place.errors += error


def test_the_last_seconds_are_whole_slices_and_older_ones_are_forgotten() -> None:
    window = Window()
    for number in range(200):
        add(window, number * 0.1 + 0.01)  # 0.01 to 19.91
    assert window.recent(20.0, 2.0).count == 20
    assert window.recent(20.0).count == 100
    assert window.recent(20.0 - SLICE_SEC / 2, 2.0).count == 20
    assert window.recent(60.0).count == 0


def test_since_a_fault_began_counts_however_long_it_lasts() -> None:
    window = Window()
    for number in range(10):
        add(window, number * 0.1 + 0.01)
    window.begin(0.5)  # told only now
    assert window.all_since().count == 5
    for number in range(10, 300):
        add(window, number * 0.1 + 0.01, error=True)
    assert (window.all_since().count, window.all_since().errors) == (295, 290)
    assert window.all_since().error_share == pytest.approx(290 / 295)
    window.begin(None)
    assert window.all_since().count == 0
    assert window.recent(30.0).count == 100
