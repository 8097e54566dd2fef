"""The picture of a chapter: what its highlight names is large, what a prediction speaks of is never dropped."""

from dataclasses import replace
from typing import Any

import pytest

from demo.show import FaultState, ShowState
from demo.show import commands as c
from demo.show.health_sample import read_sample
from demo.types import ChaosConfig, ChaosType, Chapter
from demo.views import stage_view
from demo.views.focus import Topic, find_topic, read_focus
from demo.views.picture import SystemView
from tests.support.show_player import Player, player


def node(name: str, health: str = "up", rate: float | None = 20.0, **more: Any) -> dict[str, Any]:
    metrics = {} if rate is None else {"req/s": rate}
    return {"id": name, "name": name, "type": "node", "health": health, "metrics": metrics, **more}


def health(nodes: list[dict[str, Any]] | None = None, errors: float = 0.0, **key: Any) -> dict[str, Any]:
    metrics = [
        {"name": "load", "label": "requests", "value": 60.0, "unit": "/s", "role": "load"},
        {"name": "latency", "label": "p99", "value": 12.0, "unit": "ms", "role": "latency"},
        {"name": "errors", "label": "errors", "value": errors, "unit": "%", "role": "errors"},
    ]
    counter = {"key": "pay.naive", "limit": 100, "window_sec": 10, "admitted": 90, "ghosts": 0, "drift": 0, **key}
    found = [node("node-1"), node("node-2"), node("node-3")] if nodes is None else nodes
    return {"nodes": found, "metrics": metrics, "counters": [counter], "interval_sec": 0.5}


def show(*chapters: Chapter, faults: tuple[FaultState, ...] = ()) -> Player:
    return player(*(chapters or (Chapter("One", "one"),)), faults=faults)


def see(play: Player, sample: dict[str, Any], times: int = 1) -> ShowState:
    for _ in range(times):
        play.play(c.RecordSample(read_sample(sample, play.at + 1)))
    return play.state


@pytest.mark.parametrize(
    ("name", "topic"),
    [
        ("errors", Topic("metric", "errors")),
        ("metrics.errors", Topic("metric", "errors")),
        ("pay.naive", Topic("key", "pay.naive", "admitted")),
        ("pay.naive.drift", Topic("key", "pay.naive", "drift")),
        ("node.req_s", Topic("nodes", "node", "req/s")),
        ("node-2.req_s", Topic("nodes", "node-2", "req/s")),
        ("node-2", None),
        ("node.nothing", None),
        ("pay.naive.nothing", None),
        ("gone", None),
    ],
)
def test_a_highlight_names_a_metric_a_key_or_a_number_of_nodes(name: str, topic: Topic | None) -> None:
    assert find_topic(read_sample(health(), 1.0), name) == topic


def test_without_a_highlight_the_subjects_first_numbers_are_the_focus() -> None:
    focus = read_focus(see(show(), health()))
    assert focus.topics == (Topic("metric", "load"), Topic("metric", "latency"))
    assert not focus.is_chosen


def test_what_a_prediction_speaks_of_is_kept_whatever_else_is_shown() -> None:
    chapter = Chapter("One", "one", hypothesis="No request fails", highlight=("load", "latency"), watches=("errors",))
    stage = stage_view(see(show(chapter), health(errors=2.5)))
    assert [plot.label for plot in stage.timeline.plots] == ["requests", "p99"]
    assert (stage.rest[0].name, stage.rest[0].text, stage.rest[0].state) == ("2.5 %", "errors", "down")


def test_a_chapter_without_a_highlight_keeps_that_of_the_prediction_which_stands() -> None:
    play = show(Chapter("One", "one", hypothesis="It holds", highlight=("errors", "node-2")), Chapter("Two", "two"))
    play.play(c.Advance())
    focus = read_focus(see(play, health()))
    assert focus.topics == (Topic("metric", "errors"),)
    assert focus.nodes == frozenset({"node-2"})


def test_a_prediction_alone_puts_its_numbers_first() -> None:
    play = show(Chapter("One", "one", hypothesis="It holds", watches=("errors",)))
    assert read_focus(see(play, health())).topics == (Topic("metric", "errors"), Topic("metric", "load"))


def test_the_main_number_is_the_first_of_the_focus_and_tells_good_from_bad() -> None:
    play = show(Chapter("One", "one", highlight=("errors",)))
    found = stage_view(see(play, health(errors=0))).figure
    assert found is not None
    assert (found.value, found.unit, found.state) == ("0", "% errors", "")
    found = stage_view(see(play, health(errors=3))).figure
    assert found is not None
    assert (found.value, found.state) == ("3", "down")


def test_a_number_that_is_not_known_any_more_is_not_shown_large() -> None:
    state = see(show(), health())
    found = stage_view(replace(state, freshness="stale")).figure
    assert found is not None
    assert (found.value, found.state) == ("–", "stale")


@pytest.mark.parametrize(
    ("field", "sample", "figure"),
    [
        ("drift", {"drift": 53}, ("53", "admitted, never counted", "degraded")),
        ("ghosts", {"ghosts": 25, "span_sec": 30.0}, ("25", "over the limit", "down")),
        ("admitted", {"admitted": 125}, ("125", "of 100 admitted", "down")),
    ],
)
def test_a_key_of_the_focus_takes_the_pictures_place(
    field: str, sample: dict[str, Any], figure: tuple[str, str, str]
) -> None:
    stage = stage_view(see(show(Chapter("One", "one", highlight=(f"pay.naive.{field}",))), health(**sample)))
    assert stage.system.kind == "keys"
    assert stage.system.cards == ()
    assert stage.figure is not None
    assert (stage.figure.value, stage.figure.unit, stage.figure.state) == figure
    assert stage.figure.label.endswith(", last 30 s") is ("span_sec" in sample)
    assert ("up", "3 nodes", "running") in [(item.state, item.name, item.text) for item in stage.rest]


def test_a_bar_tells_what_was_counted_of_what_was_let_in() -> None:
    play = show(Chapter("One", "one", highlight=("pay.naive",)))
    (key,) = stage_view(see(play, health(admitted=125, uncounted=53))).system.keys
    assert (key.state, key.admitted, key.counted, key.over) == ("down", 125, 72, 25)
    (key,) = stage_view(see(play, health(admitted=90, uncounted=5))).system.keys
    assert (key.state, key.counted, key.over) == ("degraded", 85, 0)
    (key,) = stage_view(see(play, health(admitted=90))).system.keys
    assert (key.state, key.counted) == ("up", None), "that it was counted was not measured"


def test_a_dead_node_is_told_in_the_strip_where_there_are_no_cards() -> None:
    play = show(Chapter("One", "one", highlight=("pay.naive",)))
    stage = stage_view(see(play, health([node("node-1"), node("node-2", "down", None, detail="killed")])))
    assert ("down", "node-2", "killed") in [(item.state, item.name, item.text) for item in stage.rest]


def kill() -> FaultState:
    return FaultState(ChaosConfig("kill", ChaosType.CONTAINER_KILL, "Kill a node", 5.0), "node-2")


def system_of(state: ShowState) -> SystemView:
    return stage_view(state).system


def test_a_countdown_is_on_the_target_of_the_chapters_fault_until_that_has_struck() -> None:
    play = show(Chapter("One", "one", injects=("kill",)), faults=(kill(),))
    see(play, health())
    assert system_of(play.state).next_targets == frozenset()
    play.play(c.StartCountdown(1, 3.0))
    assert system_of(play.state).next_targets == frozenset({"node-2"})
    assert system_of(play.state).next_fault_at == play.state.countdown_ends_at
    play.play(c.Inject("kill"), later=3.0)
    play.play(c.FaultPlanned("kill", 1, "node-2"))
    play.play(c.FaultApplied("kill", 1))
    assert system_of(play.state).next_targets == frozenset()
    assert system_of(play.state).hit_nodes == frozenset({"node-2"})
    assert system_of(play.state).hit_animation > 0


def test_a_countdown_of_a_chapter_in_python_is_on_the_node_that_it_highlights() -> None:
    play = show(Chapter("One", "one", highlight=("errors", "node-3")))
    see(play, health())
    play.play(c.StartCountdown(1, 3.0))
    assert system_of(play.state).next_targets == frozenset({"node-3"})


def test_who_took_over_is_told_beside_its_number_while_a_fault_is_in_place() -> None:
    play = show(faults=(kill(),))
    see(play, health(), times=8)
    assert system_of(play.state).deltas == ()
    play.inject("kill")
    see(play, health([node("node-1", rate=20.2), node("node-2", "down", None), node("node-3", rate=40.0)]))
    assert system_of(play.state).deltas == (("node-3", "+20"),)


def test_more_than_twelve_nodes_are_counted_in_frames() -> None:
    nodes = [node(f"n{number}", "down" if number == 3 else "up") for number in range(13)]
    stage = stage_view(see(show(), health(nodes)))
    assert stage.system.kind == "many_nodes"
    assert stage.figure is not None
    assert (stage.figure.value, stage.figure.unit, stage.figure.label) == ("12", "running", "of 13 nodes")


def test_the_strip_has_four_marks_at_most() -> None:
    play = show(Chapter("One", "one", highlight=("pay.naive",), hypothesis="It holds"))
    nodes = [node(f"n{number}", type=f"kind-{number}") for number in range(9)]
    assert len(stage_view(see(play, health(nodes))).rest) == 4
