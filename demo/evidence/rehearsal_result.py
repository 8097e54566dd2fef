"""The result of a rehearsal: all runs, their spread, and the findings."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from demo.evidence.rehearsal_findings import RehearsalFinding
from demo.evidence.rehearsal_measures import ChapterMeasures, FaultMeasures, RunMeasures
from demo.types import Chapter


@dataclass(frozen=True, slots=True)
class Spread:
    """The smallest, the middle and the largest of some values, in seconds."""

    min: float
    median: float
    max: float

    @classmethod
    def of(cls, values: Iterable[float | None]) -> "Spread | None":
        """Return the spread of the values that are known; None for none."""
        known = [value for value in values if value is not None]
        return cls(min(known), statistics.median(known), max(known)) if known else None


@dataclass(frozen=True, slots=True)
class RehearsalResult:
    """`wanted`: how many runs were asked for. `unused`: faults of the show that no chapter has injected."""

    subject: str
    title: str
    wanted: int
    deck: Sequence[Chapter]
    numbers: Sequence[int]
    runs: Sequence[RunMeasures]
    findings: Sequence[RehearsalFinding]
    unused: Sequence[str] = ()
    is_interrupted: bool = False

    @property
    def is_ok(self) -> bool:
        return not self.findings and not self.is_interrupted and len(self.runs) == self.wanted

    @property
    def left_broken(self) -> Sequence[RehearsalFinding]:
        return [finding for finding in self.findings if finding.kind == "left-broken"]

    def chapter(self, number: int) -> Sequence[ChapterMeasures]:
        """Return the measures of a chapter, from each run that came to it."""
        return [run.chapters[number] for run in self.runs if number in run.chapters]

    def fault_keys(self) -> Sequence[tuple[int, str]]:
        """Return chapter and name of each fault that was injected, in the order of the chapters."""
        keys = ((fault.chapter, fault.name) for run in self.runs for fault in run.faults)
        return sorted(dict.fromkeys(key for key in keys if key[0] in self.numbers), key=lambda key: key[0])

    def fault(self, chapter: int, name: str) -> Sequence[FaultMeasures]:
        """Return the measures of all injections of a fault on a chapter."""
        return [f for run in self.runs for f in run.faults if (f.chapter, f.name) == (chapter, name)]
