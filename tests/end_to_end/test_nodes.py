"""What many nodes cost: each as much as the others, however many there are."""

import statistics
from functools import partial

import pytest

from bench.nodes import in_process, nodes, slope
from tests.support.call_counts import calls

SMALL, LARGE = 60, 600


def test_ten_times_the_nodes_cost_about_ten_times_as_much() -> None:
    """What that takes in time is told by `scripts/figures --only nodes`."""
    small, large = (calls(partial(in_process, count)) for count in (SMALL, LARGE))
    assert large < 11 * small


def test_what_is_sent_does_not_grow_with_the_nodes_of_a_group() -> None:
    small, large = in_process(SMALL), in_process(LARGE)
    for view in ("stage", "presenter", "remote"):
        name = f"bytes to {view}"
        assert statistics.median(large[name]) < 1.2 * statistics.median(small[name]) + 100


def test_the_measurement_gives_a_figure_for_a_node() -> None:
    assert slope({1: 2.0, 2: 4.0, 10: 20.0}) == pytest.approx(2.0)
    rows = list(nodes(1.5, counts=(6, 40)))
    assert [unit for _, _, unit in rows][8:] == ["µs", "% of a core", "bytes/s", "% of a core", "bytes/s"]
    assert all(value > 0 for what, values, _ in rows for value in values if "CPU" not in what)
