"""Reading a poller's dict: what is odd is said, nothing raises but for a dict that is none."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.show.health_sample import MAX_NODES, read_sample, to_json_value

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)
keys = st.sampled_from(["id", "name", "health", "metrics", "links", "detail", "key", "limit", "ghosts", "value"])


def test_a_full_dict_is_read() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    node = {"id": "a", "name": "A", "health": "up", "metrics": {"req/s": 3.5, "mode": "alone"}, "links": ["b"]}
    counter = {"key": "k", "limit": 100, "ghosts": 2, "drift": None}
    sample = read_sample({"nodes": [node], "counters": [counter], "last_updated": at, "interval_sec": 0.5}, 2e9)
    assert sample.nodes[0].main == ("req/s", 3.5)
    assert (sample.counters[0].ghosts, sample.counters[0].drift) == (2, None)
    assert (sample.updated_at, sample.interval_sec) == (at.timestamp(), 0.5)
    assert not sample.has_issues


def test_a_node_that_a_sample_lacks_is_down_unless_its_poller_knows_better() -> None:
    both = read_sample({"nodes": [{"id": "a", "health": "up"}, {"id": "b", "health": "up"}]}, 0.0)
    one: dict[str, object] = {"nodes": [{"id": "a", "health": "up"}]}
    assert [node.id for node in read_sample(one, 1.0).with_missing(both.nodes).nodes] == ["a", "b"]
    assert [node.id for node in read_sample(one | {"complete": True}, 1.0).with_missing(both.nodes).nodes] == ["a"]


def test_a_load_that_is_stopped_is_no_issue_of_the_system() -> None:
    nodes = [{"id": "api", "health": "up"}, {"id": "client", "health": "unknown", "kind": "load"}]
    assert not read_sample({"nodes": nodes}, 0.0).has_issues
    nodes[0]["health"] = "degraded"
    assert read_sample({"nodes": nodes}, 0.0).has_issues


def test_a_time_in_the_future_cannot_make_a_sample_young_for_ever() -> None:
    health = {"nodes": [], "last_updated": datetime(2100, 1, 1, tzinfo=UTC)}
    assert read_sample(health, 1000.0).updated_at == 1000.0


@pytest.mark.parametrize("health", [None, 3, "up", [], {"nodes": 3}, {"nodes": {"a": 1}}])
def test_nonsense_is_refused_with_a_reason(health: object) -> None:
    with pytest.raises(ValueError, match="the poller"):
        read_sample(health, 0.0)


def test_a_word_we_do_not_know_is_unknown_and_said() -> None:
    node = read_sample({"nodes": [{"id": "a", "health": "sunny"}]}, 0.0).nodes[0]
    assert (node.health, node.detail) == ("unknown", "unknown health value")


def test_nothing_of_an_odd_health_reaches_the_card_it_may_be_the_text_of_an_error() -> None:
    for odd in ("ConnectionError: 10.0.0.9:6379 refused", ["/etc/secret"], {"a": "b"}):
        node = read_sample({"nodes": [{"id": "a", "name": "A", "health": odd}]}, 0.0).nodes[0]
        assert node.detail == "unknown health value"
        assert node.health == "unknown"


def test_half_characters_become_question_marks_in_every_text_and_name() -> None:
    half = "\ud800"
    node = {"id": half, "name": f"a{half}", "detail": half, "metrics": {half: 1, "mode": half}, "links": [half]}
    health = {"nodes": [node], "metrics": [{"name": half, "label": half, "value": 1}], half: {half: [half]}}
    sample = read_sample(health | {"counters": [{"key": half}]}, 0.0)
    repr_of_all = "".join(str(part) for part in (sample.nodes, sample.metrics, sample.counters, sample.raw))
    assert half not in repr_of_all
    assert "\\ud800" not in repr_of_all
    assert sample.nodes[0].name == "a?"
    assert sample.raw["?"] == {"?": ["?"]}


@pytest.mark.parametrize("number", [10**400, -(10**400), float("inf"), float("nan")])
def test_a_number_beyond_json_is_none(number: float) -> None:
    sample = read_sample({"nodes": [{"id": "a", "metrics": {"n": number}}], "interval_sec": number, "x": number}, 0.0)
    assert sample.nodes[0].metrics == {}
    assert sample.raw["x"] is None


def test_numbers_of_somebodys_own_type_become_plain_ones() -> None:
    class Celsius(float):
        pass

    class Count(int):
        pass

    read = to_json_value({"warm": Celsius(21.5), "many": Count(7), "on": True})
    assert [type(value) for value in read.values()] == [float, int, bool]
    assert read == {"warm": 21.5, "many": 7, "on": True}


def test_nodes_of_ever_new_names_do_not_pile_up() -> None:
    """A poller that invents ids: the newest missing are shown, the longest missing are given up."""
    sample = read_sample({"nodes": []}, 0.0)
    size = MAX_NODES // 4
    for turn in range(8):
        nodes = [{"id": f"{turn}-{n}", "health": "up"} for n in range(size)]
        sample = read_sample({"nodes": nodes}, float(turn)).with_missing(sample.nodes)
    turns = [node.id.partition("-")[0] for node in sample.nodes]
    assert len(sample.nodes) == MAX_NODES
    assert [node.health for node in sample.nodes[:size]] == ["up"] * size
    assert list(dict.fromkeys(turns)) == ["7", "6", "5", "4"]


@given(st.lists(st.dictionaries(keys, anything, max_size=5) | anything, max_size=4), anything, anything)
def test_no_content_of_the_lists_raises(nodes: list[Any], metrics: object, counters: object) -> None:
    sample = read_sample({"nodes": nodes, "metrics": metrics, "counters": counters}, 1.0)
    assert len({node.id for node in sample.nodes}) == len(sample.nodes)


@given(anything)
def test_plain_is_json(value: object) -> None:
    json.dumps(to_json_value(value), allow_nan=False)
