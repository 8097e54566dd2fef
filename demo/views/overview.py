"""All chapters on one page, for the presenter: their titles, what was broken in each, and its verdict."""

from dataclasses import dataclass

from demo.show import ShowState
from demo.texts import translate


@dataclass(frozen=True, slots=True)
class OverviewRow:
    """A chapter. `state`: past, now or ahead; `faults`: how many were injected there; `mark` and `word`: its verdict.

    A chapter without a prediction has neither; one whose prediction was not tested yet has `starting` and "Prediction".
    """

    number: int
    title: str
    state: str
    faults: int
    mark: str = ""
    word: str = ""


def overview(state: ShowState) -> tuple[OverviewRow, ...]:
    """Return a row for each chapter, as the presenter may see them: nothing is held back."""
    injected = [span.chapter for span in state.spans]
    return tuple(_make_row(state, number, injected.count(number)) for number in range(1, state.total + 1))


def _make_row(state: ShowState, number: int, faults: int) -> OverviewRow:
    chapter = state.chapters[number - 1]
    place = "now" if number == state.number else "past" if number <= state.reached else "ahead"
    mark, word = _find_verdict(state, number) if chapter.hypothesis else ("", "")
    return OverviewRow(number, chapter.title, place, faults, mark, word)


def _find_verdict(state: ShowState, number: int) -> tuple[str, str]:
    verdict = state.verdicts.get(number)
    if verdict is None:
        return "starting", translate("Prediction")
    if verdict.held is None:
        return "degraded", translate("Not seen")
    return ("held", translate("Confirmed")) if verdict.held else ("down", translate("Refuted"))
