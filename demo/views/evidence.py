"""The evidence of the whole show: each fault and prediction with what was measured, one a row."""

from collections.abc import Iterable
from dataclasses import dataclass

from demo.show import FaultState, ShowState
from demo.texts import translate, translate_count
from demo.views.banners import back_text, fault_title
from demo.views.redaction import masked
from demo.views.verdict import name_verdict

MAX_ROWS = 10


@dataclass(frozen=True, slots=True)
class EvidenceRow:
    """Times in seconds, None where there is none. `state` and `word`: the verdict; "" without a prediction."""

    fault: str
    target: str
    predicted: str
    measured: str
    detected_sec: float | None
    recovered_sec: float | None
    state: str
    word: str


@dataclass(frozen=True, slots=True)
class EvidenceView:
    """`rows`: at most MAX_ROWS; `more`: how many are left out. `counts`: the sums over all, as texts."""

    rows: tuple[EvidenceRow, ...] = ()
    more: int = 0
    counts: tuple[str, ...] = ()


def evidence(state: ShowState) -> EvidenceView:
    """Return a row for each prediction with what tested it, then one for each other fault that was injected."""
    rows: list[EvidenceRow] = []
    told: set[str] = set()
    for number, chapter in enumerate(state.chapters, 1):
        if not chapter.hypothesis:
            continue
        names = _tested_by(state, number)
        told.update(names)
        faults = [fault for name in names if (fault := state.fault(name)) is not None]
        rows.append(_row_of_prediction(state, number, faults))
    injected = dict.fromkeys(span.name for span in state.spans)
    others = [fault for name in injected if name not in told and (fault := state.fault(name)) is not None]
    rows += [_row(fault, "", "", "", "") for fault in others]
    return EvidenceView(tuple(rows[:MAX_ROWS]), max(0, len(rows) - MAX_ROWS), _count(len(injected), rows))


def _tested_by(state: ShowState, number: int) -> tuple[str, ...]:
    """Return the faults that were injected while this prediction stood, the first first."""
    found = (
        s.name for s in state.spans if 0 < s.chapter <= state.total and state.hypothesis_number(s.chapter) == number
    )
    return tuple(dict.fromkeys(found))


def _row_of_prediction(state: ShowState, number: int, faults: list[FaultState]) -> EvidenceRow:
    predicted, verdict = state.chapters[number - 1].hypothesis, state.verdicts.get(number)
    word, shown = name_verdict(verdict) if verdict is not None else (translate("Not tested"), "starting")
    measured = verdict.text if verdict is not None else ""
    if not faults:
        return EvidenceRow("", "", predicted, measured, None, None, shown, word)
    row = _row(faults[0], predicted, measured, shown, word)
    if len(faults) == 1:
        return row
    # Each fault would need its own line: the time of a prediction's faults together is the slowest one's.
    detected = _slowest(fault.detected_after_sec for fault in faults)
    recovered = _slowest(fault.recovered_after_sec for fault in faults)
    several = translate_count("%(num)s fault", "%(num)s faults", len(faults))
    return EvidenceRow(several, row.target, predicted, measured, detected, recovered, shown, word)


def _slowest(times: Iterable[float | None]) -> float | None:
    return max((time for time in times if time is not None), default=None)


def _row(fault: FaultState, predicted: str, measured: str, state: str, word: str) -> EvidenceRow:
    title, target = masked(fault_title(fault)), masked(fault.target)
    back = fault.came_back_after_sec
    measured = measured or (back_text(back) if back is not None else "")
    detected, recovered = fault.detected_after_sec, fault.recovered_after_sec
    return EvidenceRow(title, "" if target in title else target, predicted, measured, detected, recovered, state, word)


def _count(faults: int, rows: list[EvidenceRow]) -> tuple[str, ...]:
    words = [row.word for row in rows if row.word]
    named = [f"{words.count(word)} {word.lower()}" for word in dict.fromkeys(words)]
    return (translate_count("%(num)s fault", "%(num)s faults", faults), *named) if faults else tuple(named)
