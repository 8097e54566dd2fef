"""The section of a report about numbered writes: what was confirmed, and what of it was found again."""

from collections.abc import Iterator

from demo.evidence.books import BookFacts
from demo.evidence.facts import ShowFacts
from demo.evidence.report_cells import Cell, ReportSection, Table
from demo.evidence.report_words import NONE, run_text, since_start
from demo.texts import translate


def books_section(facts: ShowFacts) -> ReportSection | None:
    """Return the section; None if no load of the show numbered its writes."""
    if not facts.books:
        return None
    columns = (
        translate("Load"),
        translate("Since"),
        translate("Confirmed"),
        translate("Lost"),
        translate("Duplicate"),
        translate("Out of order"),
        translate("Ambiguous (no answer)"),
    )
    lead = translate("Every write is numbered; confirmed writes are read back. The counts restart at each fault.")
    table = Table(columns, tuple(tuple(_row(facts, book)) for book in facts.books), lead=lead)
    return ReportSection("writes", translate("Writes"), tables=(table,))


def _row(facts: ShowFacts, book: BookFacts) -> Iterator[Cell]:
    yield Cell(book.load)
    yield _since(facts, book.since)
    yield _count(book.confirmed)
    state = "" if book.lost is None else "down" if book.lost else "up"
    yield _count(book.lost, "" if book.lost is not None else translate("not read again"), state)
    yield _count(book.twice)
    yield _count(book.disordered)
    yield _count(book.ambiguous)


def _since(facts: ShowFacts, place: int) -> Cell:
    run = next((run for run in facts.runs if run.ordinal == place), None)
    if run is None:
        return Cell(translate("the beginning"))
    return Cell(run_text(run), (since_start(facts.timeline, run.fault.injected_at),))


def _count(value: int | None, line: str = "", state: str = "") -> Cell:
    return Cell(NONE if value is None else str(value), (line,) if line else (), state, is_number=True)
