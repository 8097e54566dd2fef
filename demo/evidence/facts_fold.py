"""Folds the entries of a journal into `ShowFacts`, in one pass. The rules of the show say what each event does."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from demo.evidence.books import BooksFold
from demo.evidence.facts import (
    BREAK_SEC,
    Ending,
    Failure,
    FaultRun,
    HaltedSpan,
    PlanBSpan,
    SampleGap,
    ShowFacts,
    ShowTimeline,
    TimedText,
    TimedVerdict,
    Unreadable,
    VoteFacts,
)
from demo.evidence.facts_chapters import ChapterFold, Followed
from demo.evidence.safe_text import sanitize_for_report
from demo.evidence.series import SeriesFold
from demo.narration.threshold import Threshold
from demo.show import FaultState, ShowState, Verdict, apply
from demo.show import events as e
from demo.show.ballot import BallotState
from demo.show.plan_b_types import RecordingEnded, RecordingShown
from demo.show.system_described import SystemDescribed
from demo.show.vote_events import QuestionShown
from demo.types import ChaosConfig, ChaosType
from demo.views.state_json import DEVICE_MARK

T = TypeVar("T")

MAX_LINES = 500
"""Lines of trouble, of events, and of what else may come without end, that a report has; more are counted."""


@dataclass(slots=True, eq=False)
class _Run:
    place: int
    fault: FaultState
    chapter: Followed | None
    requested_at: float
    requested_by: str
    prediction: Followed | None = None
    heal_by: str = ""
    judged: TimedVerdict | None = None
    failures: list[Failure] = field(default_factory=list)
    thresholds: tuple[Threshold, ...] = ()


@dataclass(slots=True, eq=False)
class _Vote:
    ballot: BallotState
    chapter: Followed | None
    opened_at: float


class FactsFold:
    """Takes all entries of a show, the first one first. `show`: the show before it."""

    def __init__(self, name: str, show: ShowState, began_at: float) -> None:
        self._name = name
        self._state = show
        self._timeline = ShowTimeline(began_at, began_at)
        self._chapters = ChapterFold(show)
        self._series = SeriesFold(self._place)
        self._books = BooksFold()
        self._runs: dict[tuple[str, int], _Run] = {}
        self._votes: dict[int, _Vote] = {}
        self._halts: list[HaltedSpan] = []
        self._sample_gaps: list[SampleGap] = []
        self._recordings: list[PlanBSpan] = []
        self._questions: list[TimedText] = []
        self._troubles: list[TimedText] = []
        self._events: list[TimedText] = []
        self._ending: Ending = "open"
        self._lines_left_out = 0
        self._system: dict[str, str] = {}

    def add(self, entry: e.JournalEntry) -> None:
        """Take the next entry. Raises whatever the rules raise for one that does not fit."""
        event, at = entry.event, entry.at
        if isinstance(event, e.ShowPickedUp) and at - self._timeline.ended_at > BREAK_SEC:
            self._timeline = replace(self._timeline, breaks=(*self._timeline.breaks, (self._timeline.ended_at, at)))
            self._series.begin_gap()
        if not isinstance(event, e.ShowSetAside):  # written by the next show, whenever that begins
            self._timeline = replace(self._timeline, ended_at=max(at, self._timeline.ended_at))
        if isinstance(event, e.HealthSampled):
            self._series.add(event, at)
            self._books.add(event)
            return
        before = _with_fault_of(event, self._state)
        after = self._state = apply(before, entry)
        self._note_log(before, after)
        if isinstance(event, e.DeckChanged):
            self._chapters.take_deck(before, after, event, at)
            self._series.forget_nodes(event.gone_nodes)
        self._note_fault(entry, after)
        if after.ballots is not before.ballots:
            self._note_votes(entry, after)
        self._note_chapter(entry, before)
        self._note_show(entry, before)

    def take_deck(self, show: ShowState) -> None:
        """Take the deck that holds from the next entry on."""
        self._state = show
        self._chapters.refresh(show)

    @property
    def state(self) -> ShowState:
        return self._state

    def _note_log(self, before: ShowState, after: ShowState) -> None:
        if after.log is before.log or not after.log:
            return
        line = after.log[-1]
        kept = {"error": self._troubles, "event": self._events}.get(line.level)
        if kept is not None:
            self._keep(kept, TimedText(line.at, sanitize_for_report(line.text)))

    def _keep(self, kept: list[T], one: T) -> None:
        """Add to a list of what may come without end; count what is beyond its limit."""
        if len(kept) < MAX_LINES:
            kept.append(one)
        else:
            self._lines_left_out += 1

    def _place(self, at: float) -> float:
        return self._timeline.elapsed(at)

    def _note_chapter(self, entry: e.JournalEntry, before: ShowState) -> None:
        at = entry.at
        match entry.event:
            case e.ChapterEntered(number=number, step=step):
                self._chapters.enter(number, at, step)
            case e.StepShown(number=number, step=step):
                self._chapters.show_step(number, step)
            case e.ActionFailed(number=number, error=error):
                if (known := self._chapters.of(number)) is not None:
                    known.failures.append(Failure(at, sanitize_for_report(error)))
            case e.Concluded(number=number, held=held, text=text):
                judged = TimedVerdict(at, Verdict(held, sanitize_for_report(text), number))
                self._judge(before.hypothesis_number(number) or number, judged)
            case QuestionShown(text=text) if text:
                self._keep(self._questions, TimedText(at, sanitize_for_report(text)))

    def _note_show(self, entry: e.JournalEntry, before: ShowState) -> None:
        at, who = entry.at, _sender(entry.who)
        match entry.event:
            case e.Halted():
                self._keep(self._halts, HaltedSpan(at, who))
            case e.HaltLifted() if self._halts and self._halts[-1].resumed_at is None:
                self._halts[-1] = replace(self._halts[-1], resumed_at=at, resumed_by=who)
            case RecordingShown():
                self._note_recording(entry.event, at, before)
            case RecordingEnded() if before.recording is not None:
                self._chapters.go_on(at)
                self._recordings[-1] = replace(self._recordings[-1], until=at)
            case e.FreshnessChanged(freshness=freshness, reason=reason):
                self._note_freshness(at, freshness, sanitize_for_report(reason), before)
            case SystemDescribed(facts=facts):
                self._system = {sanitize_for_report(name): sanitize_for_report(value) for name, value in facts}
            case e.ShowClosed(over=over):
                self._ending = "over" if over else "stopped"
            case e.ShowSetAside():
                self._ending = "set aside"
            case e.ShowPickedUp():
                self._ending = "open"  # what the end before it said is no longer so

    def _note_recording(self, event: RecordingShown, at: float, before: ShowState) -> None:
        if before.recording is None:
            self._chapters.stand(at)
            self._recordings.append(PlanBSpan(at, None, event.recorded_at, ()))
        part = self._recordings[-1]
        self._recordings[-1] = replace(
            part, titles=tuple(dict.fromkeys((*part.titles, sanitize_for_report(event.title))))
        )

    def _note_freshness(self, at: float, freshness: e.Freshness, reason: str, before: ShowState) -> None:
        opened = self._sample_gaps[-1] if self._sample_gaps and self._sample_gaps[-1].until is None else None
        if freshness == "live":
            if opened is not None:
                self._sample_gaps[-1] = replace(opened, until=at)
        elif opened is not None:
            self._sample_gaps[-1] = replace(opened, freshness=freshness, reason=reason or opened.reason)
        elif before.freshness == "live":
            self._keep(self._sample_gaps, SampleGap(at, None, freshness, reason))

    def _judge(self, number: int, judged: TimedVerdict) -> None:
        known = self._chapters.of(number)
        if known is None:
            return
        known.judged.append(judged)
        for run in self._runs.values():
            if run.prediction is known and run.judged is None:
                run.judged = judged

    def _note_fault(self, entry: e.JournalEntry, after: ShowState) -> None:
        event = entry.event
        name, number = getattr(event, "name", None), getattr(event, "run", None)
        if not isinstance(name, str) or not isinstance(number, int):
            return
        fault = after.fault(name)
        if fault is None or fault.run != number:
            return
        run = self._runs.get((name, number))
        if run is None:
            chapter = self._chapters.of(after.number)
            run = _Run(len(self._runs) + 1, fault, chapter, entry.at, _sender(entry.who))
            self._runs[name, number] = run
        run.fault = fault
        match event:
            case e.FaultStarted():
                run.prediction = self._chapters.of(after.hypothesis_number(after.number))
                run.thresholds = run.prediction.chapter.thresholds if run.prediction is not None else ()
                run.chapter = self._chapters.of(after.number)
            case e.FaultInjected() if not _has_other_fault(after, name):
                self._books.begin_run(run.place)
            case e.HealRequested():
                run.heal_by = run.heal_by or _sender(entry.who)
            case e.FaultFailed(error=error) | e.HealFailed(error=error) | e.FaultLeft(error=error):
                run.failures.append(Failure(entry.at, sanitize_for_report(error)))

    def _note_votes(self, entry: e.JournalEntry, after: ShowState) -> None:
        for ballot in after.ballots:
            known = self._votes.get(ballot.id)
            if known is None:
                self._votes[ballot.id] = _Vote(ballot, self._chapters.of(ballot.number), entry.at)
            else:
                known.ballot = ballot

    def facts(
        self, unreadable: Unreadable, *, has_deck: bool, is_running: bool = False, with_notes: bool = False
    ) -> ShowFacts:
        """Return what happened; nothing can be added afterwards. `is_running`: a server has the journal open."""
        state, timeline = self._state, self._timeline
        style = state.chapters[0].style
        for run in self._runs.values():
            # A restart in the middle of a run: nothing can be measured of it.
            newest = state.fault(run.fault.name)
            if newest is not None and newest.run == run.fault.run:
                run.fault = newest
        return ShowFacts(
            name=self._name,
            title=state.title,
            subject=state.subject,
            description=state.description,
            language=style.language or "en",
            direction=style.direction,
            has_deck=has_deck,
            ending="running" if is_running and self._ending == "open" else self._ending,
            timeline=timeline,
            chapters=self._chapters.facts(state, timeline, with_notes=with_notes),
            runs=tuple(map(_make_run, self._runs.values())),
            votes=tuple(_make_votes(self._votes.values(), state)),
            questions=tuple(self._questions),
            halts=tuple(self._halts),
            troubles=tuple(self._troubles),
            events=tuple(self._events),
            sample_gaps=tuple(self._sample_gaps),
            recordings=tuple(self._recordings),
            unreadable=unreadable,
            lines_left_out=self._lines_left_out,
            measured=self._series.measured(),
            books=self._books.facts(),
            system=tuple(self._system.items()),
        )


def _with_fault_of(event: e.Event, state: ShowState) -> ShowState:
    """Return the state with the fault of an event that its deck does not have: of an older deck, or not recorded."""
    name = getattr(event, "name", None)
    if not isinstance(event, e.FaultRequested | e.FaultLeft) or not isinstance(name, str) or state.fault(name):
        return state
    added = FaultState(ChaosConfig(name, ChaosType.COMMAND, ""), run=event.run)
    return replace(state, faults=(*state.faults, added))


def _has_other_fault(state: ShowState, name: str) -> bool:
    return any(fault.is_running and fault.injected_at is not None for fault in state.faults if fault.name != name)


def _sender(who: str) -> str:
    """Return which page or program sent a command, without its device."""
    return sanitize_for_report(who.partition(DEVICE_MARK)[0])


def _number_of(chapter: Followed | None) -> int:
    return chapter.number if chapter is not None else 0


def _make_run(run: _Run) -> FaultRun:
    fault = run.fault
    safe = replace(
        fault,
        config=replace(fault.config, description=sanitize_for_report(fault.config.description)),
        target=sanitize_for_report(fault.target),
        requested_target=None if fault.requested_target is None else sanitize_for_report(fault.requested_target),
        error=None if fault.error is None else sanitize_for_report(fault.error),
    )
    return FaultRun(
        run.place,
        safe,
        _number_of(run.chapter),
        _number_of(run.prediction),
        run.requested_at,
        run.requested_by,
        run.heal_by,
        run.judged,
        tuple(run.failures),
        run.thresholds,
    )


def _make_votes(votes: Iterable[_Vote], state: ShowState) -> Iterable[VoteFacts]:
    for vote in votes:
        ballot, number = vote.ballot, _number_of(vote.chapter)
        if not ballot.votes and any(other.number == ballot.number and other.id > ballot.id for other in state.ballots):
            continue  # opened anew before anybody had voted
        verdict = state.verdicts.get(state.hypothesis_number(number) or number) if number else None
        yield VoteFacts(ballot, number, vote.opened_at, verdict)
