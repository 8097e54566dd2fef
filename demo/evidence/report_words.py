"""The words of a report: what came of a fault, when something was, how a show ended; the stage's where it has them."""

from collections import Counter
from datetime import datetime

from demo.clean import clean
from demo.evidence.facts import ChapterFacts, Ending, FaultRun, ShowFacts, ShowTimeline
from demo.show import Verdict
from demo.show.durations import in_tenths
from demo.texts import mark_text, translate, translate_count, translate_marked
from demo.views import clock_text
from demo.views.banners import back_text, fault_title, outcome_text
from demo.views.marks import happened_text
from demo.views.verdict import name_verdict

NONE = "–"

ENDINGS: dict[Ending, str] = {
    "over": mark_text("ended by the presenter on its last chapter"),
    "stopped": mark_text("its server was stopped"),
    "set aside": mark_text("another show was begun in its place"),
    "running": mark_text("still running"),
    "open": mark_text("not ended: its server was killed"),
}


def date_text(at: float) -> str:
    """Return the date of a moment by the clock of this machine; "–" for one that no calendar has."""
    try:
        return f"{datetime.fromtimestamp(at).astimezone():%Y-%m-%d %H:%M %Z}"
    except (ValueError, OverflowError, OSError):
        return NONE


def iso_text(at: float | None) -> str | None:
    """Return a moment as ISO 8601 with its time zone; None for none."""
    if at is None:
        return None
    try:
        return datetime.fromtimestamp(at).astimezone().isoformat(timespec="milliseconds")
    except (ValueError, OverflowError, OSError):
        return None


def since_start(timeline: ShowTimeline, at: float | None) -> str:
    """Return how long the show had lasted at a moment: "12:30"."""
    return NONE if at is None else clock_text(timeline.elapsed(at))


def duration(sec: float | None) -> str:
    return NONE if sec is None else in_tenths(sec)


def ending_text(facts: ShowFacts) -> str:
    return translate_marked(ENDINGS[facts.ending])


def break_text(sec: float) -> str:
    return translate("interrupted for %(time)s", time=clock_text(sec))


def run_title(run: FaultRun) -> str:
    """Return what a fault does; its name where the journal has no more."""
    return clean(fault_title(run.fault)) or run.fault.name


def run_text(run: FaultRun) -> str:
    """Return what a fault did, in the words of the marks on the stage: "node-2 killed"."""
    return happened_text(run.fault) or run.fault.name


def run_outcome(run: FaultRun) -> tuple[str, str]:
    """Return in a few words what came of a fault, and the state of its mark: up, down, quiet or starting."""
    fault = run.fault
    if fault.injection_failed or fault.injected_at is None:
        return translate("not injected"), "down"
    if fault.is_running:
        return _unended_outcome(run)
    if fault.came_back_after_sec is not None:
        return back_text(fault.came_back_after_sec), "quiet"
    if fault.not_measurable and not fault.has_ended:
        return outcome_text(fault), "quiet"
    if fault.detected_after_sec is None:
        return translate("no effect seen"), "quiet"
    return (translate("recovered"), "up") if fault.has_ended else (translate("recovery not seen"), "quiet")


def _unended_outcome(run: FaultRun) -> tuple[str, str]:
    """Return the same for one whose end no server has seen."""
    if run.was_healed_by_watchdog:
        return translate("healed by the watchdog"), "quiet"
    left = run.fault.state == "failed"
    return (translate("not healed"), "down") if left else (translate("still in place"), "starting")


def verdict_word(verdict: Verdict | None) -> tuple[str, str]:
    """Return a verdict's word and the state of its mark; "Not tested" without one."""
    return (translate("Not tested"), "starting") if verdict is None else name_verdict(verdict)


def verdict_of(chapter: ChapterFacts) -> Verdict | None:
    return chapter.judged.verdict if chapter.judged is not None else None


def count_texts(facts: ShowFacts) -> tuple[str, ...]:
    """Return the sums over the show: "3 faults", "2 confirmed", "1 not tested"."""
    injected = [run for run in facts.runs if run.fault.injected_at is not None]
    words = Counter(verdict_word(verdict_of(chapter))[0] for chapter in facts.predictions)
    faults = translate_count("%(num)s fault", "%(num)s faults", len(injected))
    return (faults, *(f"{number} {word.lower()}" for word, number in words.items()))


def limits_text() -> str:
    """Say what the dashed lines over the curves are."""
    return translate("Dashed: what a prediction demanded, for as long as its fault was in place.")
