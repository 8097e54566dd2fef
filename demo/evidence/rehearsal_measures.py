"""What one run of a rehearsal measured, from the entries of its journal: chapters, faults, and what went wrong."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from demo.evidence.rehearsal import RehearsalProblem
from demo.show import events as e
from demo.show.health_sample import LOAD
from demo.types import Chapter

ActionEnding = Literal["none", "done", "failed", "unfinished"]


@dataclass
class FaultMeasures:
    """One injection of a fault, in seconds; None: not seen, or not reached. `chapter`: where it was asked for.

    `heal_sec`: from the request of the heal until a check of the target has seen it. `recovered_sec`: from the start of
    the heal until everything was up. `came_back_sec`: from the injection until the target was back without a heal.
    """

    name: str
    run: int
    chapter: int
    was_injected: bool = False
    detected_sec: float | None = None
    heal_sec: float | None = None
    recovered_sec: float | None = None
    came_back_sec: float | None = None
    errors: tuple[str, ...] = ()
    is_healed: bool = False
    heal_requested_at: float | None = None

    @property
    def has_ended(self) -> bool:
        return self.recovered_sec is not None or self.came_back_sec is not None


@dataclass
class ChapterMeasures:
    """One chapter of a run. `held`: the verdict on its own hypothesis; `verdict`: its text, None without a verdict.

    `machine_sec`: from its entry until its action has ended, what was broken has recovered and the verdict was there:
    no presenter can shorten that. It does not hold what a presenter says.
    """

    number: int
    title: str
    machine_sec: float = 0.0
    action: ActionEnding = "none"
    action_error: str = ""
    held: bool | None = None
    verdict: str | None = None
    entered_at: float = 0.0


@dataclass
class RunMeasures:
    """One run. `stale`: chapter and what was not measured any more; `reported`: chapter and what the show reported.

    `left_broken`: what was not healed at its end. `is_interrupted`: a person ended it, and with it what was under way.
    """

    number: int
    chapters: dict[int, ChapterMeasures] = field(default_factory=dict)
    faults: list[FaultMeasures] = field(default_factory=list)
    stale: list[tuple[int, str]] = field(default_factory=list)
    reported: list[tuple[int, str]] = field(default_factory=list)
    problems: Sequence[RehearsalProblem] = ()
    left_broken: str = ""
    is_complete: bool = False
    is_interrupted: bool = False


def measure_run(number: int, entries: Iterable[e.JournalEntry], deck: Sequence[Chapter]) -> RunMeasures:
    """Return what the entries of one run tell, `number` counted from 1."""
    fold = _Fold(RunMeasures(number), deck)
    for entry in entries:
        fold.take(entry.event, entry.at)
    return fold.run


class _Fold:
    """Goes through the events of a run in their order."""

    def __init__(self, run: RunMeasures, deck: Sequence[Chapter]) -> None:
        self.run = run
        self._deck = deck
        self._current = 0
        self._was_up = False
        self._known: set[str] = set()
        """The nodes of which the newest sample knew something."""
        self._faults: dict[tuple[str, int], FaultMeasures] = {}

    def take(self, event: e.Event, at: float) -> None:
        match event:
            case e.ChapterEntered(number=number):
                self._current = number
                self.run.chapters[number] = ChapterMeasures(number, self._deck[number - 1].title, entered_at=at)
            case e.ActionStarted(number=number):
                self._chapter(number).action = "unfinished"
            case e.ActionSucceeded(number=number):
                self._chapter(number).action = "done"
                self._note_busy(at)
            case e.ActionFailed(number=number, error=error):
                self._chapter(number).action, self._chapter(number).action_error = "failed", error
                self._note_busy(at)
            case e.Concluded(number=number, held=held, text=text):
                self._conclude(number, held, text)
                self._note_busy(at)
            case e.FreshnessChanged(freshness=freshness, reason=reason) if self._was_up and freshness != "live":
                self.run.stale.append((self._current, f"all measurements went {freshness}{reason and f': {reason}'}"))
            case e.HealthSampled(health=health):
                self._sample(health)
            case e.TroubleSeen(text=text, level="error"):
                self.run.reported.append((self._current, text))
            case _:
                self._take_fault(event, at)

    def _take_fault(self, event: e.Event, at: float) -> None:
        match event:
            case e.FaultRequested(name=name, run=run):
                fault = self._faults[name, run] = FaultMeasures(name, run, self._current)
                self.run.faults.append(fault)
            case e.FaultInjected() | e.FaultFailed() | e.HealFailed() | e.FaultHealed() | e.HealRequested():
                self._change_fault(event, at)
                self._note_busy(at)
            case e.FaultDetected(after_sec=after_sec):
                self._fault(event).detected_sec = after_sec
                self._note_busy(at)
            case e.FaultRecovered(after_sec=after_sec):
                self._fault(event).recovered_sec = after_sec
                self._note_busy(at)
            case e.FaultCameBack(after_sec=after_sec):
                self._fault(event).came_back_sec = after_sec
                self._note_busy(at)
            case _:
                pass

    def _change_fault(
        self, event: e.FaultInjected | e.FaultFailed | e.HealFailed | e.FaultHealed | e.HealRequested, at: float
    ) -> None:
        fault = self._fault(event)
        match event:
            case e.FaultInjected():
                fault.was_injected = True
            case e.FaultFailed(error=error) | e.HealFailed(error=error):
                fault.errors = (*fault.errors, error)
            case e.HealRequested() if fault.heal_requested_at is None:
                fault.heal_requested_at = at
            case e.FaultHealed():
                fault.is_healed = True
                if fault.heal_requested_at is not None:
                    fault.heal_sec = at - fault.heal_requested_at

    def _fault(self, event: Any) -> FaultMeasures:
        key = (event.name, event.run)
        # A fault that an earlier show left is healed in this journal without having been asked for in it.
        return self._faults.setdefault(key, FaultMeasures(*key, self._current))

    def _chapter(self, number: int) -> ChapterMeasures:
        return self.run.chapters.setdefault(number, ChapterMeasures(number, self._deck[number - 1].title))

    def _note_busy(self, at: float) -> None:
        """Extend the machine's time of the chapter on the stage: until now something was still going on."""
        if self._current:
            chapter = self._chapter(self._current)
            chapter.machine_sec = max(chapter.machine_sec, at - chapter.entered_at)

    def _conclude(self, number: int, held: bool | None, text: str) -> None:
        """Note a verdict with the chapter whose hypothesis it is about."""
        own = next((n for n in range(number, 0, -1) if self._deck[n - 1].hypothesis), number)
        chapter = self._chapter(own)
        chapter.held, chapter.verdict = held, text

    def _sample(self, health: Mapping[str, Any]) -> None:
        if health.get("has_issues") is False:
            self._was_up = True
        nodes = [node for node in health.get("nodes", ()) if node.get("kind") != LOAD]
        lost = [node for node in nodes if node.get("health") == "unknown" and node.get("id") in self._known]
        self._known = {node.get("id") for node in nodes if node.get("health") != "unknown"}
        # A fault may keep a probe from answering: only without one in place it tells of the probe itself.
        if any(not fault.has_ended for fault in self._faults.values() if fault.was_injected):
            return
        for node in lost:
            told = (self._current, f"{node.get('name') or node.get('id')} did not answer its probe for a while")
            if told not in self.run.stale:
                self.run.stale.append(told)
