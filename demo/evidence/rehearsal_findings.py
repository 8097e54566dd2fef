"""The problems found over all runs of a rehearsal."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from demo.evidence.rehearsal_measures import FaultMeasures, RunMeasures
from demo.types import Chapter

SLOW_HEAL_SEC = 5.0

FindingKind = Literal[
    "left-broken",
    "not-started",
    "not-entered",
    "action-failed",
    "prediction",
    "no-verdict",
    "fault-failed",
    "not-seen",
    "not-recovered",
    "over-budget",
    "slow-heal",
    "stale",
    "timeout",
    "reported",
    "too-long",
    "incomplete",
]

_OF_PROBLEM: dict[str, FindingKind] = {
    "start": "not-started",
    "entry": "not-entered",
    "timeout": "timeout",
    "verdict": "no-verdict",
    "broken": "left-broken",
}


@dataclass(frozen=True, slots=True)
class RehearsalFinding:
    """`chapter`: 1-based, 0 for the whole show. `fault`: "" for the chapter itself.

    `runs`: in which, from 1; none for what no run has to show, as a text that is too long.
    """

    kind: FindingKind
    chapter: int
    fault: str
    text: str
    runs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Seen:
    kind: FindingKind
    chapter: int
    fault: str
    text: str
    run: int


def find(
    runs: Sequence[RunMeasures], deck: Sequence[Chapter], numbers: Collection[int], refuted: Collection[int] = ()
) -> list[RehearsalFinding]:
    """Return the findings about the chapters `numbers`: those of the whole show first, then by chapter.

    `refuted`: chapters whose prediction is expected to be refuted.
    """
    seen = [one for run in runs for one in _of_run(run, deck)]
    wanted = [one for one in seen if not one.chapter or one.chapter in numbers]
    found = [*_merged(wanted), *_of_predictions(runs, deck, numbers, refuted)]
    return sorted(found, key=lambda finding: (finding.chapter, finding.fault))


def _merged(seen: Iterable[_Seen]) -> Iterator[RehearsalFinding]:
    """Yield what was seen in several runs once, with the text of its first run."""
    groups: dict[tuple[str, int, str], list[_Seen]] = {}
    for one in seen:
        # What was reported differs by its text alone; of the rest a run has one of a kind, or it was seen twice.
        is_text = one.kind in ("reported", "stale", "left-broken")
        groups.setdefault((one.kind, one.chapter, one.text if is_text else one.fault), []).append(one)
    for group in groups.values():
        first = group[0]
        runs = tuple(dict.fromkeys(one.run for one in group))
        yield RehearsalFinding(first.kind, first.chapter, first.fault, first.text, runs)


def _of_run(run: RunMeasures, deck: Sequence[Chapter]) -> Iterator[_Seen]:
    if run.left_broken:
        yield _Seen("left-broken", 0, "", run.left_broken, run.number)
    elif not (run.is_complete or run.is_interrupted or run.problems):
        yield _Seen("incomplete", 0, "", "the show was not played to its end", run.number)
    for problem in run.problems:
        yield _Seen(_OF_PROBLEM[problem.kind], problem.chapter, problem.fault, problem.text, run.number)
    for number, chapter in run.chapters.items():
        if chapter.action == "failed":
            yield _Seen("action-failed", number, "", f"its action failed: {chapter.action_error}", run.number)
        budget = deck[number - 1].budget_sec
        if budget is not None and chapter.machine_sec > budget:
            text = f"the machine alone took {chapter.machine_sec:.1f} s of a budget of {budget:g} s"
            yield _Seen("over-budget", number, "", text, run.number)
    for fault in run.faults:
        if run.is_interrupted and not fault.has_ended:
            continue
        yield from (_Seen(kind, fault.chapter, fault.name, text, run.number) for kind, text in _of_fault(fault))
    yield from (_Seen("stale", number, "", text, run.number) for number, text in run.stale)
    yield from (_Seen("reported", number, "", text, run.number) for number, text in run.reported)


def _of_fault(fault: FaultMeasures) -> Iterator[tuple[FindingKind, str]]:
    if fault.errors:
        yield "fault-failed", f"{fault.name} failed: {fault.errors[0]}"
    if not fault.was_injected:
        return
    if fault.detected_sec is None:
        yield "not-seen", f"{fault.name} was injected, but no effect was seen"
    if not fault.has_ended:
        yield "not-recovered", f"{fault.name} was not seen to recover"
    if fault.heal_sec is not None and fault.heal_sec > SLOW_HEAL_SEC:
        yield "slow-heal", f"the heal of {fault.name} took {fault.heal_sec:.1f} s, more than {SLOW_HEAL_SEC:g} s"


def _of_predictions(
    runs: Sequence[RunMeasures], deck: Sequence[Chapter], numbers: Collection[int], refuted: Collection[int]
) -> Iterator[RehearsalFinding]:
    for number in numbers:
        judged = [run for run in runs if (c := run.chapters.get(number)) is not None and c.verdict is not None]
        if not deck[number - 1].hypothesis or not judged:
            continue
        silent = [run for run in runs if number in run.chapters and run not in judged and run.is_complete]
        if silent:
            yield RehearsalFinding(
                "no-verdict", number, "", "its prediction got no verdict", tuple(run.number for run in silent)
            )
        wanted = number not in refuted
        wrong = [run for run in judged if run.chapters[number].held is not wanted]
        if wrong:
            held = sum(run.chapters[number].held is True for run in judged)
            meant = "" if wanted else ", though it was expected to be refuted"
            total = f"{len(judged)} run{'' if len(judged) == 1 else 's'}"
            text = f"its prediction held in {held} of {total}{meant}: {wrong[0].chapters[number].verdict}"
            yield RehearsalFinding("prediction", number, "", text, tuple(run.number for run in wrong))
