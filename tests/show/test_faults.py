"""The rules of faults: injecting, healing, halting, and what counts as seen and recovered."""

import math

import pytest

from demo.show import ShowState
from demo.show import commands as c
from demo.show import events as e
from demo.show.health_sample import Sample, read_sample
from tests.support.show_player import chapter, fault, player


def test_a_fault_goes_from_request_to_healed() -> None:
    show = player()
    run = show.inject()
    assert show.fault().state == "active"
    assert show.fault().heals_at == pytest.approx(show.at + 5.0)
    show.play(c.FaultDue("kill", run))
    assert show.fault().state == "healing"
    show.play(c.HealEnd("kill", run))
    assert (show.fault().state, show.fault().may_have_changed_target) == ("idle", False)


def test_an_infinite_fault_lasts_until_healed() -> None:
    show = player(faults=[fault(duration=math.inf)])
    show.inject()
    assert show.fault().heals_at is None
    show.play(c.Heal("kill"))
    assert show.fault().state == "healing"


@pytest.mark.parametrize("state", ["injecting", "active", "healing", "not healed"])
def test_a_running_fault_is_not_injected_again(state: str) -> None:
    show = player()
    if state == "injecting":
        show.play(c.Inject("kill"))
    else:
        run = show.inject()
    if state in ("healing", "not healed"):
        show.play(c.Heal("kill"))
    if state == "not healed":
        show.play(c.HealEnd("kill", run, "no answer"))
    assert show.refused(c.Inject("kill")) == "active"


def test_a_heal_during_an_injection_runs_when_that_ends() -> None:
    show = player()
    show.play(c.Inject("kill"))
    show.play(c.FaultPlanned("kill", 1, "n"))
    show.play(c.Heal("kill"))
    assert show.fault().state == "injecting"
    assert show.play(c.Heal("kill")) == ()
    events = show.play(c.FaultApplied("kill", 1))
    assert isinstance(events, tuple)
    assert [type(event) for event in events] == [e.FaultInjected, e.HealRequested]
    assert show.fault().state == "healing"


def test_healing_an_idle_fault_does_nothing() -> None:
    assert player().play(c.Heal("kill")) == ()


def test_an_injection_that_breaks_half_way_is_healed_and_stays_failed() -> None:
    show = player()
    show.play(c.Inject("kill"))
    show.play(c.FaultPlanned("kill", 1, "n"))
    show.play(c.InjectionFailed("kill", 1, "no such process", may_have_changed_target=True))
    assert show.fault().state == "healing"
    show.play(c.HealEnd("kill", 1))
    assert (show.fault().state, show.fault().error) == ("failed", "no such process")
    assert show.refused(c.Inject("kill")) is None, "nothing is left in the target"
    assert show.fault().error is None


def test_a_plan_that_fails_touches_nothing_and_needs_no_heal() -> None:
    show = player()
    show.play(c.Inject("kill"))
    events = show.play(c.InjectionFailed("kill", 1, "already down", may_have_changed_target=False))
    assert events == (e.FaultFailed("kill", 1, "already down", False),)
    assert not show.fault().is_running


def test_a_heal_that_failed_is_shown_and_can_be_tried_again() -> None:
    show = player()
    run = show.inject()
    show.play(c.Heal("kill"))
    show.play(c.HealEnd("kill", run, "no answer"))
    assert (show.fault().state, show.fault().error, show.fault().may_have_changed_target) == (
        "failed",
        "no answer",
        True,
    )
    show.play(c.Heal("kill"))
    show.play(c.HealEnd("kill", run))
    assert (show.fault().state, show.fault().error) == ("idle", None)


def test_heal_all_heals_every_fault_and_the_parts_that_died() -> None:
    show = player(faults=[fault("kill"), fault("pause")])
    show.inject("kill")
    show.inject("pause")
    events = show.play(c.Heal())
    assert events == (e.HealRequested("kill", 1), e.HealRequested("pause", 1), e.PartsHealRequested())


def test_halt_cancels_actions_heals_everything_and_refuses_new_faults_until_resume() -> None:
    show = player(chapter("one", action=True, blocks=True), chapter("two"))
    show.inject()
    show.play(c.Halt())
    assert (show.state.action.status, show.state.action.error) == ("failed", "halted")
    assert show.fault().state == "healing"
    assert show.state.blocking is None
    assert show.refused(c.Inject("kill")) == "halted"
    show.play(c.HealEnd("kill", 1))
    show.play(c.Resume())
    assert show.refused(c.Inject("kill")) == "healing", "the parts' heal would undo it"
    show.play(c.SystemHealFinished(None))
    assert show.refused(c.Inject("kill")) is None


def test_a_start_that_succeeds_after_all_takes_back_what_was_said() -> None:
    show = player()
    show.play(c.SystemHealFinished("healing the system took longer than 45 s"))
    assert show.play(c.SystemHealFinished(None)) == (e.PartsHealed(),)
    assert show.state.system_error is None
    assert show.play(c.SystemHealFinished(None)) == ()


def test_halt_works_twice() -> None:
    show = player()
    run = show.inject()
    show.play(c.Halt())
    show.play(c.HealEnd("kill", run, "no answer"))
    assert show.refused(c.Halt()) is None
    assert show.fault().state == "healing", "a second halt tries again what could not be healed"


def test_a_halt_during_an_injection_heals_when_that_ends() -> None:
    show = player()
    show.play(c.Inject("kill"))
    show.play(c.FaultPlanned("kill", 1, "n"))
    show.play(c.Halt())
    show.play(c.FaultApplied("kill", 1))
    assert show.fault().state == "healing"


def test_detection_is_the_first_sight_since_the_injection() -> None:
    show = player()
    show.record_sample()
    show.inject()
    injected = show.fault().injected_at
    show.record_sample(up=False, later=0.4)
    assert show.fault().detected_after_sec is None
    show.record_sample(up=False, seen=["kill"], later=0.4)
    assert injected is not None
    assert show.fault().detected_after_sec == pytest.approx(show.at - injected)
    first = show.fault().detected_after_sec
    show.record_sample(up=False, seen=["kill"])
    assert show.fault().detected_after_sec == first


def test_an_effect_that_was_there_before_proves_nothing() -> None:
    show = player()
    show.record_sample(seen=["kill"])
    show.inject()
    show.record_sample(seen=["kill"])
    assert show.fault().detected_after_sec is None
    show.record_sample()
    show.record_sample(seen=["kill"])
    assert show.fault().detected_after_sec is not None


@pytest.mark.parametrize("with_another", [False, True])
def test_a_symptom_after_the_heal_counts_unless_another_fault_came_later(with_another: bool) -> None:
    show = player(faults=[fault(), fault("other")])
    show.record_sample()
    run = show.inject()
    show.play(c.FaultDue("kill", run))
    show.play(c.HealEnd("kill", run))
    if with_another:
        show.inject("other")
    show.record_sample(up=False, seen=["kill", "other"], later=0.5)
    assert (show.fault().detected_after_sec is None) == with_another
    assert (show.fault("other").detected_after_sec is not None) == with_another


def recovered(show_state: ShowState) -> float | None:
    found = show_state.fault("kill")
    assert found is not None
    return found.recovered_after_sec


def test_recovery_counts_from_the_heal_to_all_up_and_the_effect_gone() -> None:
    show = player()
    show.record_sample()
    run = show.inject()
    show.record_sample(up=False, seen=["kill"])
    show.play(c.FaultDue("kill", run))
    heal_began = show.at
    show.record_sample(up=True)
    assert recovered(show.state) is None, "not healed yet"
    show.play(c.HealEnd("kill", run))
    show.record_sample(up=False)
    show.record_sample(up=True, seen=["kill"])
    assert recovered(show.state) is None
    show.record_sample(up=True)
    assert recovered(show.state) == pytest.approx(show.at - heal_began)


def test_a_fault_without_effect_says_so() -> None:
    show = player()
    show.record_sample()
    run = show.inject()
    show.record_sample()
    show.play(c.Heal("kill"))
    show.play(c.HealEnd("kill", run))
    show.record_sample()
    assert show.fault().detected_after_sec is None
    assert show.state.log[-1].text == "kill: no effect seen"


def test_picking_up_a_show_heals_what_was_in_place() -> None:
    show = player(faults=[fault("kill"), fault("pause")])
    show.inject("kill")
    show.play(c.Inject("pause"))
    show.play(c.Open())
    assert show.fault("kill").state == "healing"
    assert (show.fault("pause").state, show.fault("pause").may_have_changed_target) == ("failed", False)


def test_a_node_that_vanishes_from_the_poll_is_down_not_gone() -> None:
    show = player()
    show.record_sample()
    show.play(c.RecordSample(_sample(show.at + 1)))
    assert show.state.sample is not None
    assert [(node.id, node.health) for node in show.state.sample.nodes] == [("other", "up"), ("n", "down")]
    assert show.state.sample.has_issues


def _sample(at: float) -> Sample:
    return read_sample({"nodes": [{"id": "other", "health": "up"}], "interval_sec": 1.0}, at)


@pytest.mark.parametrize(("age", "freshness"), [(2.9, "live"), (3.1, "stale"), (9.9, "stale"), (10.1, "unknown")])
def test_freshness_is_told_by_the_conductors_clock(age: float, freshness: str) -> None:
    show = player()
    show.record_sample()
    show.play(c.CheckFreshness(), later=age)
    assert show.state.freshness == freshness


def test_a_poller_that_ended_is_unknown_at_once_and_says_why() -> None:
    show = player()
    show.record_sample()
    show.play(c.CheckFreshness("the poller ended: boom"), later=0.1)
    assert (show.state.freshness, show.state.freshness_reason) == ("unknown", "the poller ended: boom")
    assert show.play(c.CheckFreshness("the poller ended: boom")) == ()


# What must not be measured.


def test_a_fault_that_was_called_off_is_never_seen() -> None:
    show = player()
    show.play(c.Inject("kill"))
    show.play(c.FaultPlanned("kill", 1, "n"))
    show.play(c.InjectionFailed("kill", 1, "called off", may_have_changed_target=False))
    show.record_sample(up=False, seen=["kill"], later=600)
    assert show.fault().detected_after_sec is None


def test_nothing_is_measured_across_a_restart() -> None:
    show = player()
    show.record_sample()
    run = show.inject()
    show.play(c.Open(), later=3600)
    show.record_sample(up=False, seen=["kill"])
    assert show.fault().detected_after_sec is None
    show.play(c.HealEnd("kill", run))
    show.record_sample()
    assert show.fault().recovered_after_sec is None
    show.inject()
    show.record_sample(up=False, seen=["kill"])
    assert show.fault().detected_after_sec is not None, "a new run is measured again"


def test_what_is_first_seen_long_after_the_heal_is_no_effect_of_the_fault() -> None:
    show = player()
    show.record_sample()
    run = show.inject()
    show.record_sample(up=False)
    show.play(c.Heal("kill"))
    show.play(c.HealEnd("kill", run))
    show.record_sample(up=False, later=300)
    show.record_sample(up=False, seen=["kill"])
    assert show.fault().detected_after_sec is None


def test_without_a_journal_no_new_fault_but_moves_heal_and_halt() -> None:
    show = player()
    show.inject()
    show.play(c.SetDurability(False))
    assert show.refused(c.Inject("kill")) == "active"
    assert show.refused(c.Heal("kill")) is None
    show.play(c.HealEnd("kill", 1))
    assert show.refused(c.Inject("kill")) == "no_ledger"
    assert show.refused(c.Advance()) is None
    assert show.refused(c.Halt()) is None


def test_a_fault_that_overlaps_another_is_recovered_with_its_own_nodes() -> None:
    show = player(faults=[fault("kill"), fault("freeze")])
    run = show.inject("kill")
    show.inject("freeze")
    show.record_sample(up=False, seen=["kill", "freeze"])
    show.play(c.Heal("kill"))
    show.play(c.HealEnd("kill", run))
    heal_began = show.fault("kill").heal_started_at
    assert heal_began is not None
    show.record_sample(up=False, seen=["freeze"], recovered={"kill": False})
    assert show.fault("kill").recovered_after_sec is None
    show.record_sample(up=False, seen=["freeze"], recovered={"kill": True})
    assert show.fault("kill").recovered_after_sec == pytest.approx(show.at - heal_began)
    assert show.fault("freeze").recovered_after_sec is None


def test_a_fault_alone_and_one_that_does_not_know_its_nodes_are_recovered_when_all_is_up() -> None:
    show = player(faults=[fault("kill"), fault("freeze")])
    run = show.inject("kill")
    show.record_sample(up=False, seen=["kill"])
    show.play(c.Heal("kill"))
    show.play(c.HealEnd("kill", run))
    show.record_sample(up=False, recovered={"kill": True})
    assert show.fault("kill").recovered_after_sec is None, "something else is down, and no other fault explains it"
    other = show.inject("freeze")
    show.record_sample(up=False, seen=["freeze"])
    assert show.fault("kill").recovered_after_sec is None, "it does not know what it has hit"
    show.play(c.Heal("freeze"))
    show.play(c.HealEnd("freeze", other))
    show.record_sample(up=True)
    assert show.fault("kill").recovered_after_sec is not None
    assert show.fault("freeze").recovered_after_sec is not None
