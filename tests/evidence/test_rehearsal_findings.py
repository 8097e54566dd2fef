"""What is found in measured runs, and how it is told: tables without a show."""

import json
from dataclasses import replace

import pytest

from demo.evidence.rehearsal import ChapterRange, RehearsalProblem
from demo.evidence.rehearsal_findings import find
from demo.evidence.rehearsal_formats import as_json, as_junit
from demo.evidence.rehearsal_measures import ChapterMeasures, FaultMeasures, RunMeasures, measure_run
from demo.evidence.rehearsal_output import as_lines
from demo.evidence.rehearsal_result import RehearsalResult, Spread
from demo.show import events as e
from demo.types import Chapter

DECK = (Chapter("One", ""), Chapter("Two", "", hypothesis="It holds", budget_sec=10.0))


def well(number: int = 1, *, held: bool | None = True, machine_sec: float = 5.0) -> RunMeasures:
    run = RunMeasures(number, is_complete=True)
    run.chapters[1] = ChapterMeasures(1, "One")
    run.chapters[2] = ChapterMeasures(2, "Two", machine_sec, "done", held=held, verdict="It was 3 s.")
    run.faults.append(fault())
    return run


def fault(**changes: object) -> FaultMeasures:
    good = FaultMeasures("kill", 1, 2, True, detected_sec=0.5, heal_sec=1.0, recovered_sec=2.0, is_healed=True)
    return replace(good, **changes)  # type: ignore[arg-type] # fields by name


def result(*runs: RunMeasures) -> RehearsalResult:
    return RehearsalResult("show.md", "A show", len(runs), DECK, (1, 2), runs, find(runs, DECK, (1, 2)))


def test_runs_that_go_well_have_no_findings() -> None:
    assert result(well(1), well(2)).is_ok


def test_a_prediction_that_holds_in_7_of_10_runs_is_told_so() -> None:
    found = find([well(n, held=n not in (2, 5, 9)) for n in range(1, 11)], DECK, (1, 2))
    assert [(one.kind, one.chapter, one.runs) for one in found] == [("prediction", 2, (2, 5, 9))]
    assert found[0].text == "its prediction held in 7 of 10 runs: It was 3 s."


def test_a_prediction_that_is_meant_to_fail_must_fail_each_time() -> None:
    assert find([well(held=False)], DECK, (1, 2), refuted=(2,)) == []
    [found] = find([well(1, held=False), well(2)], DECK, (1, 2), refuted=(2,))
    assert (found.kind, found.runs) == ("prediction", (2,))


def test_a_prediction_without_a_verdict_in_one_run_is_found() -> None:
    silent = well(2)
    silent.chapters[2] = ChapterMeasures(2, "Two", action="done")
    assert [(one.kind, one.runs) for one in find([well(1), silent], DECK, (1, 2))] == [("no-verdict", (2,))]


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"detected_sec": None}, "not-seen"),
        ({"recovered_sec": None}, "not-recovered"),
        ({"heal_sec": 5.1}, "slow-heal"),
        ({"errors": ("no such container",)}, "fault-failed"),
    ],
)
def test_each_way_in_which_a_fault_disappoints_is_found(changes: dict[str, object], kind: str) -> None:
    run = well()
    run.faults = [fault(**changes)]
    assert [(one.kind, one.chapter, one.fault) for one in find([run], DECK, (1, 2))] == [(kind, 2, "kill")]


def test_a_target_that_came_back_by_itself_has_recovered() -> None:
    run = well()
    run.faults = [fault(recovered_sec=None, came_back_sec=3.0)]
    assert find([run], DECK, (1, 2)) == []


def test_a_chapter_over_its_budget_and_a_probe_that_goes_silent_are_found() -> None:
    run = well(machine_sec=10.5)
    run.stale.append((1, "web did not answer its probe for a while"))
    assert [(one.kind, one.chapter) for one in find([run], DECK, (1, 2))] == [("stale", 1), ("over-budget", 2)]


def test_chapters_that_were_not_asked_for_are_left_out() -> None:
    assert find([well(machine_sec=10.5)], DECK, (1,)) == []


def test_what_is_still_broken_is_told_last_and_loud() -> None:
    run = well()
    run.left_broken = "not healed: kill: no such container"
    lines = list(as_lines(result(run)))
    assert lines[-1] == "!!! SOMETHING IS STILL BROKEN, see above. Look at the system before the show."
    assert "  - not healed: kill: no such container" in lines
    assert json.loads(as_json(result(run)))["left_broken"] is True
    assert "not healed" in as_junit(result(run))


def test_a_run_that_a_person_ended_blames_no_fault_that_was_under_way() -> None:
    run = well()
    run.is_complete, run.is_interrupted = False, True
    run.faults = [fault(recovered_sec=None, detected_sec=None)]
    assert find([run], DECK, (1, 2)) == []
    run.is_interrupted = False
    assert [one.kind for one in find([run], DECK, (1, 2))] == ["incomplete", "not-seen", "not-recovered"]


def test_problems_without_an_event_are_found_with_their_place() -> None:
    run = well()
    run.problems = (RehearsalProblem("timeout", 2, "kill was not healed within 60 s", "kill"),)
    assert [(one.kind, one.chapter, one.fault) for one in find([run], DECK, (1, 2))] == [("timeout", 2, "kill")]


def test_a_spread_has_the_smallest_the_middle_and_the_largest() -> None:
    assert Spread.of([3.0, None, 1.0, 2.0]) == Spread(1.0, 2.0, 3.0)
    assert Spread.of([None]) is None


def test_the_machine_is_busy_until_the_last_event_of_a_chapter() -> None:
    story: list[tuple[float, e.Event]] = [
        (10.0, e.ChapterEntered(1, True, 1)),
        (20.0, e.ChapterEntered(2, True, 2)),
        (20.1, e.ActionStarted(2, 1, 2)),
        (20.2, e.FaultRequested("kill", 1)),
        (20.3, e.FaultInjected("kill", 1, 22.3)),
        (20.4, e.ActionSucceeded(2, 1)),
        (20.9, e.FaultDetected("kill", 1, 0.6)),
        (22.3, e.HealRequested("kill", 1)),
        (23.0, e.FaultHealed("kill", 1)),
        (23.5, e.FaultRecovered("kill", 1, 1.2)),
        (24.5, e.Concluded(2, True, "It held.")),
        (60.0, e.ShowClosed(True)),
    ]
    run = measure_run(1, [e.JournalEntry(n, at, "show", event) for n, (at, event) in enumerate(story, 1)], DECK)
    assert run.chapters[1].machine_sec == 0.0
    assert run.chapters[2].machine_sec == pytest.approx(4.5)
    assert (run.chapters[2].action, run.chapters[2].held, run.chapters[2].verdict) == ("done", True, "It held.")
    [kill] = run.faults
    assert (kill.detected_sec, kill.recovered_sec) == (0.6, 1.2)
    assert kill.heal_sec == pytest.approx(0.7)


def test_a_node_that_goes_silent_is_told_only_while_no_fault_is_in_place() -> None:
    def sample(health: str) -> e.HealthSampled:
        nodes = [{"id": "web", "name": "Web", "health": health}, {"id": "load", "health": health, "kind": "load"}]
        return e.HealthSampled({"nodes": nodes, "has_issues": health != "up"}, 0.0)

    def stale(*events: e.Event) -> list[tuple[int, str]]:
        entered = (e.ChapterEntered(1, True, 1), *events)
        return measure_run(1, [e.JournalEntry(n, 0.0, "", event) for n, event in enumerate(entered, 1)], DECK).stale

    silent = [(1, "Web did not answer its probe for a while")]
    assert stale(sample("unknown"), sample("up"), sample("unknown"), sample("unknown")) == silent
    broken = (e.FaultRequested("kill", 1), e.FaultInjected("kill", 1, None))
    assert stale(sample("up"), *broken, sample("unknown"), sample("up")) == []


def test_chapters_are_counted_from_one_to_the_end_of_the_deck() -> None:
    assert list(ChapterRange().numbers(3)) == [1, 2, 3]
    assert list(ChapterRange(2, None).numbers(3)) == [2, 3]
    assert list(ChapterRange(2, 2).numbers(3)) == [2]
