"""Whom a fault would hit is on its button before it is fired, and a start tells how far it is."""

from dataclasses import replace
from typing import Any

import pytest

from demo.show import FaultState, Refusal, ShowState, apply, decide
from demo.show import commands as c
from demo.show import events as e
from demo.show.health_sample import read_sample
from demo.startup_report import SYSTEM, StartupReport
from demo.types import ChaosConfig, ChaosType
from demo.views import snapshot
from demo.views.banners import _describe_running
from demo.views.presenter import presenter_view
from tests.support.show_player import Player, player


def see(play: Player, **health: Any) -> ShowState:
    nodes = [{"id": "n", "name": "n", "health": "up"}]
    play.play(c.RecordSample(read_sample({"nodes": nodes, "interval_sec": 1.0, **health}, play.at + 1)))
    return play.state


def shown(state: ShowState) -> tuple[str, str]:
    """On the presenter's page, and for programs."""
    return presenter_view(state, {}).faults[0].target, snapshot(state, "e", {})["chaos"][0]["target"]


def test_an_idle_fault_names_who_it_would_hit_now() -> None:
    play = player()
    assert shown(play.state) == ("target of kill", "target of kill")
    assert shown(see(play, victims={"kill": "the leader, n-1"})) == ("the leader, n-1", "the leader, n-1")
    assert shown(see(play, victims={"kill": "the leader, n-2"})) == ("the leader, n-2", "the leader, n-2")


def test_a_fault_in_place_names_who_was_hit_and_an_old_sample_nobody() -> None:
    play = player()
    see(play, victims={"kill": "the leader, n-1"})
    play.inject()
    assert shown(see(play, victims={"kill": "the leader, n-2"})) == ("n", "n")
    other = player()
    see(other, victims={"kill": "the leader, n-1"})
    other.at += 60
    other.play(c.CheckFreshness(None))
    assert shown(other.state) == ("target of kill", "target of kill")


@pytest.mark.parametrize("victims", [None, 5, [], {"kill": 7}, {"kill": ""}, {"other": "x"}])
def test_what_makes_no_sense_is_not_shown(victims: object) -> None:
    assert shown(see(player(), victims=victims)) == ("target of kill", "target of kill")


def test_a_start_tells_the_terminal_how_far_it_is_each_thing_once() -> None:
    said: list[str] = []
    play = player()
    play.play(c.Notice("of an earlier start", "note"))
    herald = StartupReport(said.append, since=play.at)
    herald.changed(play.state)
    for text in ("pulling the image", "starting"):
        play.at += 1
        tell(play, c.CommandEnvelope(SYSTEM, c.Notice(text, "note")))
        herald.changed(play.state)
        herald.changed(play.state)
    assert said == ["system     pulling the image", "system     starting"]


def test_a_start_that_failed_is_told_by_itself_and_not_by_the_next() -> None:
    said: list[str] = []
    play = player()
    first = StartupReport(said.append, since=play.at)
    play.at += 1
    play.play(c.SystemHealFinished("db ended with code 1"))
    first.changed(play.state)
    assert said == ["failed     db ended with code 1"]
    second = StartupReport(said.append, since=play.at)
    second.changed(play.state)
    assert len(said) == 1
    play.at += 1
    play.play(c.SystemHealFinished("db ended with code 1"))
    second.changed(play.state)
    assert said[1:] == said[:1]


def tell(play: Player, command: c.CommandEnvelope) -> None:
    """As the conductor does when the system speaks."""
    decision = decide(play.state, command, play.at)
    assert not isinstance(decision, Refusal)
    for event in decision:
        play.state = apply(play.state, e.JournalEntry(play.state.seq + 1, play.at, command.issuer, event))


def test_a_banner_names_a_requested_target_once() -> None:
    fault = FaultState(
        ChaosConfig("kill", ChaosType.CONTAINER_KILL, "Kill the leader", 5.0),
        target="node-3",
        state="active",
        requested_target="node-3",
    )
    asked, own = (_describe_running(one, private=False) for one in (fault, replace(fault, requested_target=None)))
    assert (asked.title, asked.text) == ("Kill node-3", "no effect seen yet")
    assert (own.title, own.text) == ("Kill the leader", "node-3 · no effect seen yet")
