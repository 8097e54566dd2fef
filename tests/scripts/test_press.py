"""Where the time of a press goes: the stages are passed in their order, and are all there is."""

import statistics

import pytest

from bench.press import STAGES, Clocks, presses


def test_the_stages_of_a_press_add_up_to_the_whole() -> None:
    rows = list(presses(12, listeners=3))
    whole, stages, each, answer = rows[0], rows[1:-2], rows[-2], rows[-1]
    assert len(stages) == len(STAGES)
    assert all(len(values) == 12 and min(values) > 0 for _, values, _ in rows)
    sums = [sum(turn) for turn in zip(*(values for _, values, _ in stages), strict=True)]
    assert sums == pytest.approx([value * 1000 for value in whole[1]])
    assert 0 < statistics.median(each[1]) < statistics.median(answer[1])


def test_a_door_that_is_gone_is_said_at_once() -> None:
    with pytest.raises(AttributeError, match="nowhere"):
        Clocks().watch(Clocks, "nowhere")
