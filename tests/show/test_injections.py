"""The rules of an injection that is asked to last otherwise than its fault, or to hit a certain target."""

import math

import pytest

from demo.show import Refusal, apply, create_initial_state
from demo.show import commands as c
from demo.show import events as e
from demo.show.stored import decode_state, encode_state
from demo.views.banners import banners
from demo.views.presenter import faults
from demo.views.state_json import snapshot
from tests.support.show_player import PLAIN, Player, fault, player


def injected(show: Player, command: c.Inject) -> int:
    assert show.refused(command) is None
    run = show.fault().run
    show.play(c.FaultPlanned("kill", run, command.target or "n"))
    show.play(c.FaultApplied("kill", run))
    return run


@pytest.mark.parametrize("own", [5.0, math.inf])
def test_a_duration_that_was_asked_for_counts_for_this_injection_alone(own: float) -> None:
    show = player(faults=[fault(duration=own)])
    run = injected(show, c.Inject("kill", duration_sec=1.5))
    assert show.fault().heals_at == pytest.approx(show.at + 1.5)
    assert snapshot(show.state, "e", {})["chaos"][0]["duration_sec"] == 1.5
    assert "for 1.5 s" in faults(show.state)[0].lasts
    show.play(c.FaultDue("kill", run))
    show.play(c.HealEnd("kill", run))
    assert snapshot(show.state, "e", {})["chaos"][0]["duration_sec"] == (None if own == math.inf else own)
    injected(show, c.Inject("kill"))
    assert show.fault().heals_at == (None if own == math.inf else pytest.approx(show.at + own))


def test_a_target_that_was_asked_for_is_shown_at_once_and_the_fault_is_not_called_by_its_own_target() -> None:
    show = player()
    assert show.refused(c.Inject("kill", target="b", targets=("a", "b"))) is None
    assert snapshot(show.state, "e", {})["chaos"][0]["target"] == "b"
    run = show.fault().run
    show.play(c.FaultPlanned("kill", run, "b"))
    show.play(c.FaultApplied("kill", run))
    assert (banners(show.state)[0].title, show.fault().target) == ("Kill b", "b")
    show.play(c.Heal("kill"))
    show.play(c.HealEnd("kill", run))
    assert banners(show.state)[0].title == "b healed"
    assert snapshot(show.state, "e", {})["chaos"][0]["target"] == "target of kill", "the next one hits its own again"


def test_an_injection_without_a_target_keeps_the_description_of_its_fault() -> None:
    show = player()
    show.inject()
    assert banners(show.state)[0].title == "Do kill"


@pytest.mark.parametrize(
    ("targets", "said"),
    [
        ((), "fault 'kill' cannot choose its target now: send it without 'target'"),
        (("a", "b"), "fault 'kill' has no target 'c' now; it has: a, b"),
    ],
)
def test_a_target_that_cannot_be_had_is_refused_and_changes_nothing(targets: tuple[str, ...], said: str) -> None:
    show = player()
    before = show.state
    assert show.play(c.Inject("kill", target="c", targets=targets)) == Refusal("invalid", said)
    assert show.state is before


def test_an_unknown_fault_and_a_past_chapter_are_said_before_an_unknown_target() -> None:
    show = player()
    assert show.refused(c.Inject("no", target="c")) == "not_found"
    assert show.refused(c.Inject("kill", target="c"), pressed_on=2) == "stale"
    show.play(c.Halt())
    assert show.refused(c.Inject("kill", target="c")) == "invalid", "resuming would not help"


def test_an_event_of_before_has_neither() -> None:
    told = {"type": "FaultRequested", "name": "kill", "run": 1}
    event = e.from_json(told)
    assert event == e.FaultRequested("kill", 1)
    state = apply(player().state, e.JournalEntry(2, 1.0, "curl", event))
    found = state.fault("kill")
    assert found is not None
    assert (found.duration_sec, found.target) == (5.0, "target of kill")


def test_both_are_on_disk_and_in_a_snapshot() -> None:
    show = player()
    injected(show, c.Inject("kill", 1.5, "b", ("b",)))
    [requested] = [entry.event for entry in show.entries if isinstance(entry.event, e.FaultRequested)]
    assert e.from_json(e.to_json(requested)) == e.FaultRequested("kill", 1, 1.5, "b")
    again = decode_state(encode_state(show.state), create_initial_state("T", "s", "d", PLAIN, [fault()]))
    assert again.faults == show.state.faults
