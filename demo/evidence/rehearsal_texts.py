"""What a rehearsal finds without playing anything: texts for which the stage has no room."""

from collections.abc import Collection, Iterator, Mapping

from demo.evidence.rehearsal_findings import RehearsalFinding
from demo.show import ShowState
from demo.text_fit.deck import find_overflows
from demo.views.health_text import has_system


def find_long_texts(state: ShowState, numbers: Collection[int], lines: Mapping[int, str]) -> Iterator[RehearsalFinding]:
    """Yield a finding for each of the chapters `numbers` whose text does not fit. `state`: that at the end of the show.

    `lines`: where chapters begin in their file, as `show.md:12`; none for a deck that is not a file.
    """
    verdicts = {number: verdict.text for number, verdict in state.verdicts.items()}
    tested = {span.chapter for span in state.spans}
    for overflow in find_overflows(state.chapters, has_system=has_system(state), verdicts=verdicts, tested=tested):
        if overflow.chapter in numbers:
            place = f"{lines[overflow.chapter]}: " if overflow.chapter in lines else ""
            yield RehearsalFinding("too-long", overflow.chapter, "", f"{place}{overflow.text}", ())
