"""`ShowFacts`: what a show's journal says happened, frozen, without presenter's notes and addresses.

Moments are those of the show's clock; `ShowTimeline.elapsed` returns seconds since the beginning, without long breaks.
"""

from dataclasses import dataclass, field
from typing import Literal

from demo.evidence.books import BookFacts
from demo.evidence.series import SampleSeries
from demo.narration.image import DeckImage
from demo.narration.threshold import Threshold
from demo.show import FaultState, Verdict
from demo.show.ballot import BallotState
from demo.show.vote_words import describe_outcome
from demo.types import TextFormat

Ending = Literal["over", "stopped", "set aside", "running", "open"]
"""`over`: a presenter ended it on its last chapter; `stopped`: its server ended; `set aside`: another show was begun in
its place; `running`: still running; `open`: its server was killed."""

BREAK_SEC = 60.0
"""A show that was continued after a longer time had a break, which does not count as a part of it."""


@dataclass(frozen=True, slots=True)
class ShowTimeline:
    """The time of a show. `breaks`: from which moment to which one no server played it."""

    began_at: float = 0.0
    ended_at: float = 0.0
    breaks: tuple[tuple[float, float], ...] = ()

    @property
    def length_sec(self) -> float:
        return self.elapsed(self.ended_at)

    def elapsed(self, at: float) -> float:
        """Return how many seconds of the show had passed at a moment."""
        left_out = sum(min(at, until) - since for since, until in self.breaks if at > since)
        return max(0.0, at - self.began_at - left_out)


@dataclass(frozen=True, slots=True)
class TimedVerdict:
    """A verdict and its moment."""

    at: float
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that did not work. `who`: who asked for it, "" where that is of no interest."""

    at: float
    text: str
    who: str = ""


@dataclass(frozen=True, slots=True)
class ChapterFacts:
    """A chapter. `number`: its place in the deck at the end, 0 for one that was removed from it.

    `entered_at`: when it was entered first, None if it never was. `visit_spans`: from when to when the show was on it.
    `earlier`: verdicts that a later run of the chapter replaced. `failures`: of its action. `pages`: its text, in
    several pages where it was shown step by step, in the format that `text_format` says.
    """

    number: int
    title: str
    hypothesis: str = ""
    expect: str = ""
    notes: str = ""
    entered_at: float | None = None
    visit_spans: tuple[tuple[float, float], ...] = ()
    visits: int = 0
    judged: TimedVerdict | None = None
    earlier: tuple[TimedVerdict, ...] = ()
    failures: tuple[Failure, ...] = ()
    pages: tuple[str, ...] = ()
    text_format: TextFormat = "auto"


@dataclass(frozen=True, slots=True)
class FaultRun:
    """One injection. `fault` is what was known of it at its end; `ordinal` counts the injections of the show, from 1.

    `chapter`: on which one it began, `hypothesis_chapter`: whose hypothesis was tested then; each its number at the end
    of the show, 0 for none. `judged`: the verdict that came of this run. `thresholds`: the limits in that hypothesis.
    """

    ordinal: int
    fault: FaultState
    chapter: int
    hypothesis_chapter: int
    requested_at: float
    requested_by: str
    heal_by: str = ""
    judged: TimedVerdict | None = None
    failures: tuple[Failure, ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    was_healed_by_watchdog: bool = False
    """The watchdog has healed it after its server had ended, and no server has taken the show up since."""

    @property
    def is_in_place(self) -> bool:
        """Return whether its target may still be changed."""
        return self.fault.is_running and not self.was_healed_by_watchdog

    @property
    def recovered_sec(self) -> float | None:
        """How long the recovery took; None where no effect was seen: a recovery from nothing is no measurement."""
        return self.fault.recovered_after_sec if self.fault.detected_after_sec is not None else None

    @property
    def ended_at(self) -> float | None:
        """When its target was back, as far as that is known."""
        fault = self.fault
        if fault.came_back_after_sec is not None and fault.injected_at is not None:
            return fault.injected_at + fault.came_back_after_sec
        if self.recovered_sec is not None and fault.heal_started_at is not None:
            return fault.heal_started_at + self.recovered_sec
        return fault.healed_at


@dataclass(frozen=True, slots=True)
class VoteFacts:
    """A vote of the audience. `chapter`: its number at the end of the show, 0 for one that was removed."""

    ballot: BallotState
    chapter: int
    opened_at: float
    verdict: Verdict | None = None

    @property
    def outcome(self) -> str:
        """Tell who was right, in sentences of the language that is rendered now; "" if that is not known."""
        return describe_outcome(self.ballot, self.verdict)

    @property
    def right(self) -> str:
        """The option that the verdict proved right; "" for none."""
        if self.verdict is None or self.ballot.is_open:
            return ""
        return self.ballot.right_option(self.verdict.held)


@dataclass(frozen=True, slots=True)
class PanelFacts:
    """What a panel showed at last on a chapter, since the moment `at`. `note`: on how its program fared."""

    chapter: int
    name: str
    title: str
    at: float
    text: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class HaltedSpan:
    """`resumed_at`: None if the show was not resumed."""

    at: float
    who: str
    resumed_at: float | None = None
    resumed_by: str = ""


@dataclass(frozen=True, slots=True)
class SampleGap:
    """A time without fresh samples: the worst freshness in it (stale or unknown), and why.

    `until`: None if none came any more.
    """

    since: float
    until: float | None
    freshness: str
    reason: str


@dataclass(frozen=True, slots=True)
class PlanBSpan:
    """A time in which all screens showed a recording instead of the show. `until`: None if that lasted to the end.

    `recorded_at`: when the recorded show began. `titles`: its chapters that were shown.
    """

    since: float
    until: float | None
    recorded_at: float
    titles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TimedText:
    """A line of the show's log."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Entries that this version cannot read: how many, and what is wrong with the first one."""

    count: int = 0
    first: str = ""


@dataclass(frozen=True, slots=True)
class ShowFacts:
    """A show. `name`: of its journal. `has_deck`: the journal has more of its deck than the titles.

    `questions`: those from the room that were shown. `events`: lines of logs that the show file gave a name.
    """

    name: str
    title: str
    subject: str
    description: str
    language: str
    direction: str
    has_deck: bool
    ending: Ending
    timeline: ShowTimeline
    chapters: tuple[ChapterFacts, ...] = ()
    runs: tuple[FaultRun, ...] = ()
    votes: tuple[VoteFacts, ...] = ()
    questions: tuple[TimedText, ...] = ()
    halts: tuple[HaltedSpan, ...] = ()
    troubles: tuple[TimedText, ...] = ()
    events: tuple[TimedText, ...] = ()
    sample_gaps: tuple[SampleGap, ...] = ()
    recordings: tuple[PlanBSpan, ...] = ()
    unreadable: Unreadable = field(default_factory=Unreadable)
    lines_left_out: int = 0
    """Lines of trouble, events, halts and the like beyond those that are kept."""
    measured: SampleSeries = field(default_factory=SampleSeries)
    panels: tuple[PanelFacts, ...] = ()
    lacks_panels: bool = False
    """Whether its chapters had panels, and the journal has nothing of what they showed."""
    books: tuple[BookFacts, ...] = ()
    system: tuple[tuple[str, str], ...] = ()
    """What it ran on: each name once, with its value."""
    images: tuple[DeckImage, ...] = ()
    """Those in the texts of the chapters that were shown."""
    presenter: str = ""
    """As the person who makes the report says; "" if not."""

    def visited_sec(self, chapter: ChapterFacts) -> float:
        """Return how long the show was on a chapter, all visits together."""
        return sum(self.timeline.elapsed(until) - self.timeline.elapsed(since) for since, until in chapter.visit_spans)

    @property
    def shown_chapters(self) -> tuple[ChapterFacts, ...]:
        """Those that were entered, removed ones included."""
        return tuple(chapter for chapter in self.chapters if chapter.visits)

    @property
    def predictions(self) -> tuple[ChapterFacts, ...]:
        """The chapters with a prediction; without the deck those with a verdict are known to have one."""
        return tuple(chapter for chapter in self.chapters if chapter.hypothesis or chapter.judged)

    def chapter(self, number: int) -> ChapterFacts | None:
        """Return the chapter of that number at the end of the show."""
        return next((one for one in self.chapters if number and one.number == number), None)
