"""Each problem that the presenter is told of is over some time, and then it is gone; the log keeps it."""

import json
from dataclasses import replace

import pytest

from demo.conductor import Conductor
from demo.errors import SubjectError
from demo.show import ShowState
from demo.show import commands as c
from demo.show.health_sample import read_sample
from demo.views import presenter_view
from demo.views.presenter import problems
from demo.views.stage import stage_view
from demo.views.state_json import snapshot
from demo.views.status_line import status_line
from tests.conductor.test_conductor import System, playing, reached
from tests.support.show_player import Player, chapter, fault, player


def told(show: Player) -> tuple[str, ...]:
    return presenter_view(show.state, {}).problems


def sample(show: Player, age: float = 0.0, **nodes: str) -> None:
    """The health of some nodes; of so many seconds ago."""
    known = [{"id": name, "health": health} for name, health in nodes.items()]
    taken = read_sample({"nodes": known, "interval_sec": 100.0}, show.at + 1 - age)
    show.play(c.RecordSample(taken, {}))


def logged(show: Player, words: str) -> bool:
    return any(words in line.text for line in show.state.log)


def test_a_system_that_did_not_start_is_no_problem_any_more_once_all_of_it_is_seen_up() -> None:
    show = player()
    sample(show, a="up", b="starting")
    show.play(c.SystemHealFinished("b ended while starting"))
    sample(show, a="up", b="down")
    assert told(show) == ("System: b ended while starting",)
    sample(show, a="up", b="up")
    assert told(show) == ()
    assert logged(show, "b ended while starting")
    assert logged(show, "the system is up")


def test_a_sample_of_before_the_error_does_not_end_it() -> None:
    show = player()
    sample(show, a="down")
    show.play(c.SystemHealFinished("a ended while starting"))
    sample(show, a="up", age=60.0)
    assert told(show) == ("System: a ended while starting",)


def test_a_system_that_could_not_be_started_at_all_stays_a_problem_though_what_there_is_of_it_is_up() -> None:
    show = player()
    sample(show, engine="up")
    show.play(c.SystemHealFinished("the image cannot be pulled"))
    sample(show, engine="up")
    assert told(show) == ("System: the image cannot be pulled",)
    show.play(c.SystemHealFinished(None))
    assert told(show) == ()


def test_a_heal_that_failed_is_no_problem_any_more_once_all_is_seen_up() -> None:
    show = player()
    sample(show, a="up")
    show.play(c.Heal())
    show.play(c.SystemHealFinished("healing the system took longer than 45 s"))
    assert len(told(show)) == 1
    sample(show, a="up")
    assert told(show) == ()


def test_a_heal_that_a_restart_cut_off_is_no_problem_any_more_once_all_is_seen_up() -> None:
    show = player()
    sample(show, a="up")
    show.play(c.Heal())
    show.play(c.Open())
    assert told(show) == ("System: interrupted: the server stopped meanwhile",)
    sample(show, a="up")
    assert told(show) == ()


def test_what_could_not_be_injected_and_broke_nothing_is_over_when_the_show_moves_on() -> None:
    show = player()
    show.play(c.Inject("kill"))
    show.play(c.InjectionFailed("kill", 1, "no such container", may_have_changed_target=False))
    assert told(show) == ("Fault kill: no such container",)
    show.play(c.Advance())
    assert told(show) == ()
    assert show.fault().state == "idle"
    assert logged(show, "no such container")


def test_a_broken_injection_is_a_problem_until_it_is_healed_and_the_show_moves_on() -> None:
    show = player()
    show.play(c.Inject("kill"))
    show.play(c.FaultPlanned("kill", 1, "n"))
    show.play(c.InjectionFailed("kill", 1, "half of it", may_have_changed_target=True))
    show.play(c.HealEnd("kill", 1, "no answer"))
    show.play(c.Advance())
    assert told(show) == ("Fault kill: no answer",), "it is still broken, on whatever chapter"
    show.play(c.Heal("kill"))
    show.play(c.HealEnd("kill", 1))
    show.play(c.Back())
    assert told(show) == ()


def test_a_failed_chapter_is_a_problem_until_it_has_run_again() -> None:
    show = player(chapter("one", action=True), chapter("two"))
    show.play(c.ActionEnd(1, 1, "no leader"))
    assert told(show) == ("Chapter 1: no leader",)
    show.play(c.Rerun())
    show.play(c.ActionEnd(1, 2))
    assert told(show) == ()


def test_a_poller_that_ended_is_a_problem_until_health_is_live_again() -> None:
    show = player()
    sample(show, a="up")
    show.play(c.CheckFreshness("the poller ended"))
    assert told(show) == ("Health: the poller ended",)
    sample(show, a="up")
    assert told(show) == ()


def test_a_journal_that_is_written_again_is_no_problem() -> None:
    show = player()
    show.play(c.SetDurability(on=False))
    assert len(told(show)) == 1
    show.play(c.SetDurability(on=True))
    assert told(show) == ()


def test_notes_and_troubles_are_for_the_log() -> None:
    show = player(faults=[fault("kill")])
    show.play(c.Notice("a screen raised an error"))
    assert told(show) == ()
    assert logged(show, "a screen raised an error")


def test_what_no_node_tells_of_is_told_to_the_presenter_alone_as_long_as_the_sample_is_live() -> None:
    show = player(faults=[])
    nodes = [{"id": "n", "name": "n", "health": "up"}]
    said: object = ["web ended with code 3: boom", "", 7, *["more"] * 9]
    for problems_told, expected in ((said, 5), (["x"], 1), ("no list", 0), ([], 0)):
        show.play(c.RecordSample(read_sample({"nodes": nodes, "problems": problems_told}, show.at + 1), {}, {}))
        assert len(told(show)) == expected
        assert (status_line(show.state).mark == "up") == (not expected)
    show.play(c.RecordSample(read_sample({"nodes": nodes, "problems": said}, show.at + 1), {}, {}))
    assert told(show)[0] == "System: web ended with code 3: boom"
    assert status_line(show.state).title == "web ended with code 3: boom"
    assert "boom" in json.dumps(snapshot(show.state, "e", {}, private=True, now=show.at))
    assert "boom" not in json.dumps(snapshot(show.state, "e", {}, private=False, now=show.at))
    assert "boom" not in str(stage_view(show.state))
    stale = replace(show.state, freshness="stale", freshness_reason="old")
    assert problems(stale) == ("Health: old",)


@pytest.mark.anyio
async def test_a_start_that_a_fault_cut_off_leaves_no_problem_beside_a_system_that_is_up() -> None:
    system = System()
    system.up = False

    async def start() -> None:
        raise SubjectError("n ended while starting")

    def is_told(conductor: Conductor) -> bool:
        return problems(conductor.state) == ("System: n ended while starting",)

    async with playing([chapter("one")], system=system, start_system=start) as conductor:
        await reached(conductor, lambda state: problems(state) == ("System: n ended while starting",))

        def is_down(state: ShowState) -> bool:
            return state.sample is not None and state.sample.has_issues

        await reached(conductor, is_down)
        assert is_told(conductor)
        system.up = True
        await reached(conductor, lambda state: not problems(state))
        assert conductor.state.sample is not None
        assert not conductor.state.sample.has_issues
