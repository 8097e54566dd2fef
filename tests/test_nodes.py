"""What many nodes cost: each as much as the others, however many there are."""

import statistics

import pytest

from bench.nodes import WHOLES, in_process, nodes, slope

SMALL, LARGE = 60, 600
TURNS = 4


def test_ten_times_the_nodes_cost_about_ten_times_as_much() -> None:
    """The least of the samples, the two in turns: a busy machine only ever adds, but not to both alike."""
    turns = [{count: in_process(count) for count in (SMALL, LARGE)} for _ in range(TURNS)]
    for what, names in WHOLES.items():
        small, large = (
            sum(min(min(turn[count][name]) for turn in turns) for name in names) for count in (SMALL, LARGE)
        )
        assert large < 13 * small, (what, small, large)


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
