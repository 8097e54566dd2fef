"""Two shows beside one another: the same faults, their predictions, and the time on each chapter."""

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from demo.clean import clean
from demo.evidence.facts import ChapterFacts, FaultRun, ShowFacts
from demo.evidence.report_cells import Cell, ReportSection, Table
from demo.evidence.report_drawing import draw_compared
from demo.evidence.report_json import VERSION, dump_report
from demo.evidence.report_system import system_differences
from demo.evidence.report_view import ReportView, beside, footer_text, head_facts, warnings
from demo.evidence.report_words import NONE, count_texts, limits_text, run_title, verdict_of, verdict_word
from demo.texts import localize_number, translate
from demo.views import clock_text

Pair = tuple[FaultRun | None, FaultRun | None]


def comparison_view(first: ShowFacts, second: ShowFacts) -> ReportView:
    """Return the comparison, in the language that is rendered now."""
    return ReportView(
        clean(first.title) if first.title == second.title else f"{clean(first.title)} · {clean(second.title)}",
        translate("Two shows compared"),
        first.language,
        first.direction,
        (),
        (),
        tuple(f"{facts.name}: {text}" for facts in (first, second) for text in warnings(facts)),
        (
            _shows(first, second),
            _faults(first, second),
            _predictions(first, second),
            *_curves(first, second),
            _chapters(first, second),
            *filter(None, (system_differences(first, second, _names(first, second)),)),
        ),
        footer_text(f"{first.name}, {second.name}"),
    )


def dump_comparison(first: ShowFacts, second: ShowFacts) -> dict[str, Any]:
    """Return both reports as JSON, and which of their faults and chapters are the same."""
    return {
        "report_version": VERSION,
        "shows": [dump_report(first), dump_report(second)],
        "same_faults": [
            [run.ordinal if run is not None else None for run in pair] for pair in pair_runs(first, second)
        ],
        "same_chapters": [
            [chapter.number if chapter is not None else None for chapter in pair]
            for pair in pair_chapters(first, second)
        ],
    }


def pair_runs(first: ShowFacts, second: ShowFacts) -> Iterator[Pair]:
    """Yield the injections of both shows: the first of a fault with the first of the same one, and so on."""
    names = dict.fromkeys(run.fault.name for run in (*first.runs, *second.runs))
    for name in names:
        of_first, of_second = ([run for run in facts.runs if run.fault.name == name] for facts in (first, second))
        yield from zip_longest(of_first, of_second)


def pair_chapters(first: ShowFacts, second: ShowFacts) -> Iterator[tuple[ChapterFacts | None, ChapterFacts | None]]:
    """Yield the chapters of both shows: those of the same title together, those of one show alone behind them."""
    rest = list(second.chapters)
    for chapter in first.chapters:
        same = next((other for other in rest if other.title == chapter.title), None)
        if same is not None:
            rest.remove(same)
        yield chapter, same
    for other in rest:
        yield None, other


def _names(first: ShowFacts, second: ShowFacts) -> tuple[str, str]:
    return (first.name, second.name) if first.name != second.name else (f"{first.name} (1)", f"{second.name} (2)")


def _shows(first: ShowFacts, second: ShowFacts) -> ReportSection:
    pairs = zip(head_facts(first), head_facts(second), strict=True)
    rows = [(Cell(name), Cell(one), Cell(other)) for (name, one), (_, other) in pairs]
    sums = (Cell(" · ".join(count_texts(facts))) for facts in (first, second))
    table = Table(("", *_names(first, second)), (*rows, (Cell(translate("Total")), *sums)), has_names=True)
    return ReportSection("shows", translate("The two shows"), tables=(table,))


def _faults(first: ShowFacts, second: ShowFacts) -> ReportSection:
    names, tables = _names(first, second), []
    for one, other in pair_runs(first, second):
        run = one or other
        if run is not None:
            heading = run_title(run) if run.fault.run == 1 else f"{run_title(run)} ({run.fault.run})"
            tables.append(beside(heading, [(names[0], first, one), (names[1], second, other)]))
    lead = "" if tables else translate("Nothing was broken in these shows.")
    return ReportSection("faults", translate("The same faults"), lead, tuple(tables))


def _predictions(first: ShowFacts, second: ShowFacts) -> ReportSection:
    rows = []
    for one, other in pair_chapters(first, second):
        cells = [_verdict_cell(facts, chapter) for facts, chapter in ((first, one), (second, other))]
        chapter = one or other
        if chapter is not None and any(cell.state for cell in cells):
            rows.append((Cell(clean(chapter.hypothesis or chapter.title)), *cells))
    columns = (translate("Prediction"), *_names(first, second))
    return ReportSection("predictions", translate("Predictions"), tables=(Table(columns, tuple(rows)),) if rows else ())


def _verdict_cell(facts: ShowFacts, chapter: ChapterFacts | None) -> Cell:
    if chapter is None or chapter not in facts.predictions:
        return Cell(NONE)
    verdict = verdict_of(chapter)
    word, state = verdict_word(verdict)
    return Cell(word, (clean(verdict.text),) if verdict is not None else (), state)


def _curves(first: ShowFacts, second: ShowFacts) -> Iterator[ReportSection]:
    """Yield the curves for which a prediction has set a limit, of each show: both on one scale."""
    drawn = draw_compared(first, second)
    for place, (name, curves) in enumerate(zip(_names(first, second), drawn or (), strict=False), 1):
        heading = translate("Measured against predictions: %(name)s", name=name)
        yield ReportSection(f"curves-{place}", heading, limits_text(), curves=curves)


def _chapters(first: ShowFacts, second: ShowFacts) -> ReportSection:
    rows = []
    for one, other in pair_chapters(first, second):
        chapter = one or other
        times = [
            facts.visited_sec(there) if there is not None and there.visits else None
            for facts, there in ((first, one), (second, other))
        ]
        if chapter is not None:
            shown = (Cell(NONE if time is None else clock_text(time), is_number=True) for time in times)
            rows.append((Cell(clean(chapter.title)), *shown, Cell(_difference(*times), is_number=True)))
    columns = (translate("Chapter"), *_names(first, second), translate("Difference"))
    return ReportSection("chapters", translate("Time on each chapter"), tables=(Table(columns, tuple(rows)),))


def _difference(before: float | None, after: float | None) -> str:
    if before is None or after is None:
        return NONE
    return localize_number(f"{after - before:+.1f}").replace("-", "−") + " s"
