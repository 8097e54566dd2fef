"""The curves: nothing is drawn where nothing was measured, and only what is above the limit is red."""

from dataclasses import replace

import pytest

from demo.show import Point
from demo.show.health_sample import read_sample
from demo.show.state import ShowState
from demo.views.cards import trend
from demo.views.curves import curves, over, path
from tests.support.show_player import player


@pytest.mark.parametrize(
    ("points", "drawn"),
    [
        ([(0, 5), (10, 7)], "M0 5l10 2"),
        ([(0, 5), (10, None), (20, 7), (30, 7)], "M0 5M20 7l10 0"),
        ([(0, None)], ""),
    ],
)
def test_a_curve_breaks_where_a_value_is_missing(points: list[tuple[int, int | None]], drawn: str) -> None:
    assert path(points) == drawn


@pytest.mark.parametrize(
    ("points", "areas"),
    [
        ([(0, 30), (10, 40)], ""),
        ([(0, 30), (10, 10), (20, 30)], "M5 20L10 10L15 20L15 20Z"),
        ([(0, 10), (10, 10)], "M0 20L0 10L10 10L10 20Z"),
        ([(0, 20), (10, 20)], ""),
        ([(0, 10), (10, None), (20, 30)], "M0 20L0 10L0 20Z"),
    ],
)
def test_only_what_is_above_the_limit_is_an_area(points: list[tuple[int, int | None]], areas: str) -> None:
    assert over(points, 20) == areas


def with_history(*points: tuple[float, float | None], interval: float = 0.5) -> ShowState:
    """A state whose history holds `load` at these seconds."""

    metric = {"name": "load", "label": "requests", "value": 1.0, "unit": "/s", "role": "load"}
    sample = read_sample({"nodes": [], "metrics": [metric], "interval_sec": interval}, points[-1][0])
    history = tuple(Point(at, {"load": value}) for at, value in points)
    return replace(player().state, sample=sample, history=history, freshness="live")


def test_seconds_without_a_poll_are_a_gap_and_no_line() -> None:
    steady = with_history(*((1000.0 + second, 5.0) for second in range(10)))
    assert curves(steady)[0].path.count("M") == 1
    gap = with_history((1000.0, 5.0), (1001.0, 5.0), (1006.0, 5.0), (1007.0, 5.0))
    assert curves(gap)[0].path.count("M") == 2
    assert trend(gap, "load") == (5.0, 5.0, 5.0, None, None, None, 5.0, 5.0)


def test_a_slow_poll_is_no_gap() -> None:
    slow = with_history((1000.0, 5.0), (1004.0, 5.0), (1008.0, 5.0), interval=4.0)
    assert curves(slow)[0].path.count("M") == 1
    assert None not in trend(slow, "load")


def test_a_curve_of_errors_is_red_only_when_there_were_some() -> None:
    metric = {"name": "load", "label": "errors", "value": 0.0, "unit": "%", "role": "errors"}

    quiet = with_history((1000.0, 0.0), (1001.0, 0.0))
    sample = read_sample({"nodes": [], "metrics": [metric], "interval_sec": 0.5}, 1001.0)
    assert curves(replace(quiet, sample=sample))[0].tone == ""
    loud = with_history((1000.0, 0.0), (1001.0, 3.0))
    assert curves(replace(loud, sample=sample))[0].tone == "bad"
