"""The facts of a show as JSON, for programs: docs/reports.md describes each key. Keys are only ever added."""

from collections.abc import Mapping
from typing import Any

from demo import __version__
from demo.evidence.books import BookFacts
from demo.evidence.facts import (
    ChapterFacts,
    Failure,
    FaultRun,
    HaltedSpan,
    PanelFacts,
    PlanBSpan,
    SampleGap,
    ShowFacts,
    TimedText,
    TimedVerdict,
    VoteFacts,
)
from demo.evidence.report_limits import find_limits
from demo.evidence.report_words import iso_text, verdict_of
from demo.evidence.series import NodeStates, Series
from demo.show import Verdict

VERSION = 1
"""Of the schema. It is raised when a key goes or means something else, not when one is added."""

_WORDS: Mapping[bool | None, str] = {True: "confirmed", False: "refuted", None: "not seen"}


def dump_report(facts: ShowFacts) -> dict[str, Any]:
    """Return the report of one show."""
    timeline = facts.timeline
    return {
        "report_version": VERSION,
        "made_by": f"chaos-stage {__version__}",
        "journal": facts.name,
        "title": facts.title,
        "subject": facts.subject,
        "description": facts.description,
        "presented_by": facts.presenter or None,
        "language": facts.language,
        "began_at": iso_text(timeline.began_at),
        "ended_at": iso_text(timeline.ended_at),
        "length_sec": _sec(timeline.length_sec),
        "breaks": [{"since": iso_text(since), "until": iso_text(until)} for since, until in timeline.breaks],
        "ending": facts.ending,
        "has_deck": facts.has_deck,
        "summary": _summary(facts),
        "chapters": [_chapter(facts, chapter) for chapter in facts.chapters],
        "faults": [_fault(facts, run) for run in facts.runs],
        "votes": [_vote(facts, vote) for vote in facts.votes],
        "questions": _lines(facts, facts.questions),
        "halts": [_halt(facts, halt) for halt in facts.halts],
        "without_samples": [_sample_gap(facts, gap) for gap in facts.sample_gaps],
        "recordings": [_recording(facts, part) for part in facts.recordings],
        "errors": _lines(facts, facts.troubles),
        "events": _lines(facts, facts.events),
        "unreadable_entries": {"count": facts.unreadable.count, "first": facts.unreadable.first or None},
        "writes": [_book(book) for book in facts.books],
        "samples": facts.measured.samples,
        "metrics": [_series(facts, series) for series in facts.measured.series],
        "panels": [_panel(facts, panel) for panel in facts.panels],
        "nodes": [_node(node) for node in facts.measured.nodes],
        "system": dict(facts.system),
    }


def _book(book: BookFacts) -> dict[str, Any]:
    return {
        "load": book.load,
        "since_fault": book.since or None,
        "confirmed": book.confirmed,
        "ambiguous": book.ambiguous,
        "lost": book.lost,
        "duplicate": book.twice,
        "out_of_order": book.disordered,
    }


def _summary(facts: ShowFacts) -> dict[str, int]:
    verdicts = [verdict_of(chapter) for chapter in facts.predictions]
    words = [_WORDS[verdict.held] if verdict is not None else "not tested" for verdict in verdicts]
    counted = {word.replace(" ", "_"): words.count(word) for word in (*_WORDS.values(), "not tested")}
    return {"faults": sum(run.fault.injected_at is not None for run in facts.runs), **counted}


def _chapter(facts: ShowFacts, chapter: ChapterFacts) -> dict[str, Any]:
    dumped = {
        "number": chapter.number or None,
        "title": chapter.title,
        "entered_at_sec": _place(facts, chapter.entered_at),
        "visits": chapter.visits,
        "stay_sec": _sec(facts.visited_sec(chapter)),
        "hypothesis": chapter.hypothesis or None,
        "expect": chapter.expect or None,
        "verdict": _judged(facts, chapter.judged),
        "earlier_verdicts": [_judged(facts, judged) for judged in chapter.earlier],
        "errors": [_failure(facts, failure) for failure in chapter.failures],
        "text": [*chapter.pages] if chapter.visits else [],
    }
    return dumped | ({"notes": chapter.notes} if chapter.notes else {})


def _fault(facts: ShowFacts, run: FaultRun) -> dict[str, Any]:
    fault = run.fault
    injected = fault.injected_at is not None
    return {
        "place": run.ordinal,
        "name": fault.name,
        "run": fault.run,
        "description": fault.config.description,
        "target": fault.target,
        "chapter": run.chapter or None,
        "requested_by": run.requested_by,
        **_moment(facts, fault.injected_at if fault.injected_at is not None else run.requested_at),
        "injected": injected and not fault.injection_failed,
        "detected_after_sec": fault.detected_after_sec,
        "healed_at_sec": _place(facts, fault.healed_at),
        "healed_by": "watchdog" if run.was_healed_by_watchdog else run.heal_by or None,
        "recovered_after_sec": run.recovered_sec,
        "came_back_after_sec": fault.came_back_after_sec,
        "measurable": not fault.not_measurable,
        "in_place": run.is_in_place,
        "predicted_in": run.hypothesis_chapter or None,
        "verdict": _judged(facts, run.judged),
        "errors": [_failure(facts, failure) for failure in run.failures],
    }


def _vote(facts: ShowFacts, vote: VoteFacts) -> dict[str, Any]:
    ballot = vote.ballot
    answers = ballot.options or ballot.values
    return {
        **_moment(facts, vote.opened_at),
        "chapter": vote.chapter or None,
        "question": ballot.question,
        "unit": ballot.unit or None,
        "is_open": ballot.is_open,
        "votes": ballot.votes,
        "tally": [
            {"answer": answer, "votes": votes, "percent": percent}
            for answer, votes, percent in zip(answers, ballot.counts, ballot.percents, strict=False)
        ],
        "measured": ballot.measured,
        "right": vote.right or None,
        "result": vote.outcome or None,
    }


def _halt(facts: ShowFacts, halt: HaltedSpan) -> dict[str, Any]:
    return {
        **_moment(facts, halt.at),
        "by": halt.who,
        "resumed_at_sec": _place(facts, halt.resumed_at),
        "resumed_by": halt.resumed_by or None,
    }


def _sample_gap(facts: ShowFacts, gap: SampleGap) -> dict[str, Any]:
    return {
        **_moment(facts, gap.since),
        "until_sec": _place(facts, gap.until),
        "freshness": gap.freshness,
        "reason": gap.reason,
    }


def _recording(facts: ShowFacts, part: PlanBSpan) -> dict[str, Any]:
    return {
        **_moment(facts, part.since),
        "until_sec": _place(facts, part.until),
        "recorded_at": iso_text(part.recorded_at),
        "chapters": list(part.titles),
    }


def _judged(facts: ShowFacts, judged: TimedVerdict | None) -> dict[str, Any] | None:
    if judged is None:
        return None
    verdict: Verdict = judged.verdict
    return {"at_sec": _place(facts, judged.at), "result": _WORDS[verdict.held], "text": verdict.text}


def _failure(facts: ShowFacts, failure: Failure) -> dict[str, Any]:
    return {"at_sec": _place(facts, failure.at), "text": failure.text}


def _lines(facts: ShowFacts, lines: tuple[TimedText, ...]) -> list[dict[str, Any]]:
    return [{"at_sec": _place(facts, line.at), "text": line.text} for line in lines]


def _series(facts: ShowFacts, series: Series) -> dict[str, Any]:
    return {
        "name": series.name,
        "label": series.label,
        "unit": series.unit or None,
        "role": series.role or None,
        "limit": series.limit,
        "least": series.least,
        "most": series.most,
        "last": series.last,
        "predicted": [
            {
                "fault": limit.run,
                "since_sec": _sec(limit.since),
                "until_sec": _sec(limit.until),
                "operator": limit.operator,
                "value": limit.value,
            }
            for limit in find_limits(facts, series)
        ],
        "lines": [[[_sec(sec), value] for sec, value in line] for line in series.lines],
    }


def _panel(facts: ShowFacts, panel: PanelFacts) -> dict[str, Any]:
    return {
        "chapter": panel.chapter,
        "name": panel.name,
        "title": panel.title,
        "at_sec": _place(facts, panel.at),
        "text": panel.text,
        "note": panel.note or None,
    }


def _node(node: NodeStates) -> dict[str, Any]:
    spans = [
        {"since_sec": _sec(since), "until_sec": _sec(until), "health": state} for since, until, state in node.spans
    ]
    return {"id": node.id, "name": node.name, "health": spans}


def _moment(facts: ShowFacts, at: float) -> dict[str, Any]:
    return {"at": iso_text(at), "at_sec": _place(facts, at)}


def _place(facts: ShowFacts, at: float | None) -> float | None:
    return None if at is None else _sec(facts.timeline.elapsed(at))


def _sec(sec: float) -> float:
    return round(sec, 3)
