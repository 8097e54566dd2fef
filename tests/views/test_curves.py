"""The curves: nothing is drawn where nothing was measured, and what broke is marked at its moment."""

from dataclasses import replace

import pytest

from demo.narration.threshold import Threshold
from demo.show import FaultState, Point
from demo.show.health_sample import read_sample
from demo.show.state import ShowState
from demo.types import ChaosConfig, ChaosType
from demo.views.cards import trend
from demo.views.curves import LONG_SEC, SHORT_SEC, axis_sec, timeline
from demo.views.focus import Topic
from demo.views.history import with_gaps
from demo.views.marks import Mark, marks
from tests.support.show_player import player

LOAD = (Topic("metric", "load"),)


def with_history(
    *points: tuple[float, float | None], interval: float = 0.5, role: str = "load", unit: str = "/s"
) -> ShowState:
    """A state whose history holds `load` at these seconds."""
    value = points[-1][1]
    metric = {"name": "load", "label": "requests", "value": value, "unit": unit, "role": role}
    sample = read_sample({"nodes": [], "metrics": [metric], "interval_sec": interval}, points[-1][0])
    history = tuple(Point(at, {"load": value}) for at, value in points)
    return replace(player().state, sample=sample, history=history, freshness="live")


def gaps(state: ShowState) -> int:
    return sum(value is None for _, value in with_gaps(state, "load"))


def test_seconds_without_a_poll_are_a_gap_and_no_line() -> None:
    assert gaps(with_history(*((1000.0 + second, 5.0) for second in range(10)))) == 0
    gap = with_history((1000.0, 5.0), (1001.0, 5.0), (1006.0, 5.0), (1007.0, 5.0))
    assert gaps(gap) == 1
    assert trend(gap, "load") == (5.0, 5.0, 5.0, None, None, None, 5.0, 5.0)


def test_a_slow_poll_is_no_gap() -> None:
    slow = with_history((1000.0, 5.0), (1004.0, 5.0), (1008.0, 5.0), interval=4.0)
    assert gaps(slow) == 0
    assert None not in trend(slow, "load")


def test_a_curve_of_errors_is_red_only_while_there_are_some() -> None:
    quiet = with_history((1000.0, 0.0), (1001.0, 0.0), role="errors", unit="%")
    assert timeline(quiet, LOAD).plots[0].series[0].state == ""
    loud = with_history((1000.0, 0.0), (1001.0, 3.0), role="errors", unit="%")
    assert timeline(loud, LOAD).plots[0].series[0].state == "down"


@pytest.mark.parametrize(
    ("threshold", "unit", "limit", "text", "top"),
    [
        (Threshold("load", "<", 0.05, "%"), "%", 5.0, "predicted < 5 %", 8.0),
        (Threshold("metrics.load", ">=", 90.0), "/s", 90.0, "predicted ≥ 90 /s", 150.0),
        (Threshold("load", "<=", 0.3, "s"), "ms", 300.0, "predicted ≤ 300 ms", 400.0),
        (Threshold("load", ">", 50.0, "/s"), "req/s", 50.0, "predicted > 50 req/s", 80.0),
        # Of something else, or of another kind: no line at a height that nobody predicted.
        (Threshold("errors", "<", 0.05, "%"), "%", None, "", 5.0),
        (Threshold("load", "<", 0.3, "s"), "%", None, "", 5.0),
        (Threshold("load", "<", 0.05, "%"), "", None, "", 4.0),
    ],
)
def test_what_a_prediction_demands_is_a_line_over_the_curve(
    threshold: Threshold, unit: str, limit: float | None, text: str, top: float
) -> None:
    state = with_history((1000.0, 3.0), (1001.0, 4.0), unit=unit)
    assert timeline(state, LOAD).plots[0].limit is None
    predicted = replace(state.chapters[0], hypothesis="It holds", thresholds=(threshold,))
    state = replace(state, chapters=(predicted, *state.chapters[1:]))
    (plot,) = timeline(state, LOAD).plots
    assert (plot.limit, plot.limit_text, plot.top) == (limit, text, top)


@pytest.mark.parametrize(
    ("unit", "value", "top"),
    [("/s", 66.0, 80.0), ("/s", 81.0, 100.0), ("/s", 100.0, 100.0), ("%", 0.1, 5.0), ("/s", 0.0, 1.0)],
)
def test_the_scale_is_round_and_begins_at_zero(unit: str, value: float, top: float) -> None:
    assert timeline(with_history((1000.0, value), unit=unit), LOAD).plots[0].top == top


def fault(**changes: object) -> FaultState:
    found = FaultState(ChaosConfig("kill", ChaosType.CONTAINER_KILL, "Kill a node", 5.0), "node-2", injected_at=990.0)
    return replace(found, **changes)  # type: ignore[arg-type]


def test_a_fault_marks_when_it_struck_when_it_was_seen_and_when_all_was_well() -> None:
    healed = fault(detected_after_sec=0.21, heal_started_at=995.0, healed_at=995.2, recovered_after_sec=0.5)
    assert marks(replace(with_history((1000.0, 5.0)), faults=(healed,))) == (
        Mark(990.0, "node-2 killed", "down"),
        Mark(990.21, "detected in 0.2 s", "seen"),
        Mark(995.5, "recovered in 0.5 s", "up"),
    )


def test_what_came_back_by_itself_claims_no_recovery() -> None:
    state = replace(with_history((1000.0, 5.0)), faults=(fault(came_back_after_sec=3.0),))
    assert [mark.text for mark in marks(state)] == ["node-2 killed", "came back by itself"]


def test_a_fault_that_never_took_effect_has_no_mark() -> None:
    state = replace(with_history((1000.0, 5.0)), faults=(fault(injection_failed=True), fault(injected_at=None)))
    assert marks(state) == ()


def test_marks_that_have_left_the_axis_are_not_drawn() -> None:
    state = replace(with_history((1000.0, 5.0)), faults=(fault(injected_at=960.0, detected_after_sec=20.0),))
    assert [mark.text for mark in timeline(state, LOAD).marks] == ["detected in 20.0 s"]


def test_the_axis_is_longer_in_a_show_whose_faults_last_longer() -> None:
    state = with_history((1000.0, 5.0))
    assert axis_sec(replace(state, faults=(fault(),))) == SHORT_SEC
    lasting = fault(config=ChaosConfig("stop", ChaosType.CONTAINER_STOP, "Stop", 30.0))
    assert axis_sec(replace(state, faults=(fault(), lasting))) == LONG_SEC


@pytest.mark.parametrize("target", ["10.1.2.3:9", "a-container-of-a-very-long-name-indeed"])
def test_a_mark_has_no_address_and_is_short(target: str) -> None:
    (mark,) = marks(replace(with_history((1000.0, 5.0)), faults=(fault(target=target),)))
    assert "10.1" not in mark.text
    assert len(mark.text) <= 26
