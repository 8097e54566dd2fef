"""A rehearsal as lines for people, 80 columns wide."""

import textwrap
from collections.abc import Iterator, Sequence

from demo.evidence.rehearsal_findings import RehearsalFinding
from demo.evidence.rehearsal_result import RehearsalResult, Spread

WIDTH = 80
TITLE_WIDTH = 26
CELL_WIDTH = 16
NOTHING = "–"


def as_lines(result: RehearsalResult) -> Iterator[str]:
    """Yield the measures of all chapters and faults, and then the problems found."""
    runs = f"{len(result.runs)} run{'' if len(result.runs) == 1 else 's'}"
    yield f"{result.title}: {runs}{f' of {result.wanted}' if len(result.runs) < result.wanted else ''}"
    yield ""
    yield from _chapter_table(result)
    if result.fault_keys():
        yield ""
        yield from _fault_table(result)
    yield ""
    yield from _wrapped(
        "Machine time: from the entry of a chapter until its action has ended, what it broke has recovered and its "
        "verdict is there. Nobody can shorten that; what you say comes on top."
    )
    if len(result.runs) > 1:
        yield "Times are medians, and in brackets the shortest and the longest."
    if result.unused:
        yield ""
        yield from _wrapped(f"Not rehearsed, because no chapter injects it: {', '.join(result.unused)}.")
    yield ""
    yield from _finding_lines(result)


def _chapter_table(result: RehearsalResult) -> Iterator[str]:
    yield _row("chapter", "machine time, s", "budget, s", "prediction")
    for number in result.numbers:
        chapter = result.deck[number - 1]
        machine = Spread.of(one.machine_sec for one in result.chapter(number))
        budget = NOTHING if chapter.budget_sec is None else f"{chapter.budget_sec:g}"
        yield _row(f"{number:>2} {chapter.title}", _spread(machine, result), budget, _verdicts(result, number))


def _verdicts(result: RehearsalResult, number: int) -> str:
    if not result.deck[number - 1].hypothesis:
        return NOTHING
    judged = [chapter for chapter in result.chapter(number) if chapter.verdict is not None]
    held = sum(chapter.held is True for chapter in judged)
    return f"held {held} of {len(judged)}" if judged else "no verdict"


def _fault_table(result: RehearsalResult) -> Iterator[str]:
    yield _row("fault", "seen after, s", "healed in, s", "recovered in, s")
    for chapter, name in result.fault_keys():
        measured = result.fault(chapter, name)
        times = (
            Spread.of(fault.detected_sec for fault in measured),
            Spread.of(fault.heal_sec for fault in measured),
            Spread.of(fault.recovered_sec for fault in measured),
        )
        yield _row(f"{chapter:>2} {name}", *(_spread(time, result) for time in times))


def _row(first: str, *cells: str) -> str:
    title = f"{first[: TITLE_WIDTH - 1].rstrip()}…" if len(first) > TITLE_WIDTH else first
    return "  ".join([title.ljust(TITLE_WIDTH), *(cell.ljust(CELL_WIDTH) for cell in cells)]).rstrip()


def _spread(spread: Spread | None, result: RehearsalResult) -> str:
    if spread is None:
        return NOTHING
    if len(result.runs) == 1:
        return seconds(spread.median)
    return f"{seconds(spread.median)} ({seconds(spread.min)}–{seconds(spread.max)})"


def seconds(value: float) -> str:
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"


def _finding_lines(result: RehearsalResult) -> Iterator[str]:
    if result.is_interrupted:
        yield "The rehearsal was ended before it was complete."
    if result.findings:
        yield "Problems found:"
    elif result.is_ok:
        yield "No problems found."
    place = None
    for finding in result.findings:
        if finding.chapter != place:
            place = finding.chapter
            yield from _wrapped(_place(result, place), "  ")
        yield from _wrapped(describe(finding, result), "  - ", "    ")
    if meant := [f.chapter for f in result.findings if f.kind == "prediction" and not _has_held(result, f.chapter)]:
        options = " ".join(f"--refuted {number}" for number in meant)
        yield from _wrapped(f"If a prediction is expected to be refuted, say so with {options}.")
    yield ""
    if result.left_broken:
        yield "!!! SOMETHING IS STILL BROKEN, see above. Look at the system before the show."
    else:
        yield "Everything is healed; nothing is left broken."


def _place(result: RehearsalResult, number: int) -> str:
    return f"chapter {number}, {result.deck[number - 1].title}:" if number else "the show:"


def _has_held(result: RehearsalResult, number: int) -> bool:
    return any(chapter.held is True for chapter in result.chapter(number))


def describe(finding: RehearsalFinding, result: RehearsalResult) -> str:
    """Return a finding with the runs in which it was made, where there were several and its text has no number."""
    if len(result.runs) == 1 or finding.kind == "prediction" or not finding.runs:
        return finding.text
    if len(finding.runs) == len(result.runs):
        return f"in every run: {finding.text}"
    return f"in run {', '.join(map(str, finding.runs))}: {finding.text}"


def _wrapped(text: str, first: str = "", more: str | None = None) -> Sequence[str]:
    indent = first if more is None else more
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=indent, break_on_hyphens=False)
