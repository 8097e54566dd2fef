"""A report as plain data: sections with tables, which HTML and Markdown both render. All its words are made here."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from demo import __version__
from demo.clean import clean, clean_lines
from demo.evidence.facts import ChapterFacts, FaultRun, PanelFacts, ShowFacts, TimedText, VoteFacts
from demo.evidence.report_books import books_section
from demo.evidence.report_cells import Cell, ReportSection, Table
from demo.evidence.report_drawing import draw_curves
from demo.evidence.report_narration import narration_section
from demo.evidence.report_system import system_section
from demo.evidence.report_words import (
    NONE,
    break_text,
    count_texts,
    date_text,
    duration,
    ending_text,
    limits_text,
    run_outcome,
    run_title,
    since_start,
    verdict_of,
    verdict_word,
)
from demo.texts import translate, translate_count, translate_marked
from demo.views import clock_text
from demo.views.ballots import list_answers
from demo.views.cards import name_health
from demo.views.replay import recorded_text
from demo.views.verdict import split_clauses

RUNS_BESIDE = 5
"""So many injections of one fault stand beside one another in columns; more are rows."""


@dataclass(frozen=True, slots=True)
class ReportView:
    """`facts`: the show in names and values. `counts`: its sums. `warnings`: what the report cannot tell."""

    title: str
    description: str
    language: str
    direction: str
    facts: tuple[tuple[str, str], ...]
    counts: tuple[str, ...]
    warnings: tuple[str, ...]
    sections: tuple[ReportSection, ...]
    footer: str


def report_view(facts: ShowFacts) -> ReportView:
    """Return the report of one show, in the language that is rendered now."""
    found = (
        _predictions(facts),
        _faults(facts),
        _repeated(facts),
        _curves(facts),
        books_section(facts),
        _outputs(facts),
        _votes(facts),
        _chapters(facts),
        narration_section(facts),
        _interruptions(facts),
        system_section(facts),
        _log(facts),
        _notes(facts),
    )
    return ReportView(
        clean(facts.title),
        clean(facts.description),
        facts.language,
        facts.direction,
        head_facts(facts),
        count_texts(facts),
        warnings(facts),
        tuple(section for section in found if section is not None),
        footer_text(facts.name),
    )


def footer_text(name: str) -> str:
    return translate("Made by chaos-stage %(version)s of the journal %(name)s", version=__version__, name=name)


def head_facts(facts: ShowFacts) -> tuple[tuple[str, str], ...]:
    """Return what names the show: its system, its date, its length and its end."""
    breaks = ", ".join(break_text(until - since) for since, until in facts.timeline.breaks)
    length = clock_text(facts.timeline.length_sec)
    presented = ((translate("Presented by"), clean(facts.presenter)),) if facts.presenter else ()
    return (
        *presented,
        (translate("System"), clean(facts.subject)),
        (translate("Date"), date_text(facts.timeline.began_at)),
        (translate("Length"), f"{length} ({breaks})" if breaks else length),
        (translate("End"), ending_text(facts)),
    )


def warnings(facts: ShowFacts) -> tuple[str, ...]:
    """Return what the reader has to know of the journal."""
    found = []
    if facts.unreadable.count:
        left_out = translate_count(
            "%(num)s entry of the journal cannot be read and is left out; the first:",
            "%(num)s entries of the journal cannot be read and are left out; the first:",
            facts.unreadable.count,
        )
        found.append(f"{left_out} {clean(facts.unreadable.first)}")
    if lines := facts.lines_left_out:
        found.append(translate_count("%(num)s more line is left out.", "%(num)s more lines are left out.", lines))
    if more := facts.measured.left_out:
        found.append(
            translate_count(
                "%(num)s more metric or node is left out.", "%(num)s more metrics and nodes are left out.", more
            )
        )
    if facts.recordings:
        found.append(translate("A part was shown from a recording of an earlier show: nothing of it is counted here."))
    if not facts.has_deck and not facts.unreadable.count:
        found.append(translate("An earlier version wrote the journal: the texts of the predictions are not in it."))
    if facts.lacks_panels:
        found.append(translate("The journal has no output of the panels that this show had."))
    return tuple(found)


def _predictions(facts: ShowFacts) -> ReportSection | None:
    if not facts.predictions:
        return None
    columns = (translate("Chapter"), translate("Prediction"), translate("Measured"), translate("Verdict"))
    rows = tuple(tuple(_prediction_row(chapter)) for chapter in facts.predictions)
    return ReportSection("predictions", translate("Predictions"), tables=(Table(columns, rows),))


def _prediction_row(chapter: ChapterFacts) -> Iterator[Cell]:
    verdict = verdict_of(chapter)
    word, state = verdict_word(verdict)
    expect = (f"{translate('Confirmed if:')} {clean(chapter.expect)}",) if chapter.expect else ()
    yield Cell(number_of(chapter.number), is_number=True)
    yield Cell(clean(chapter.hypothesis or chapter.title), expect)
    clauses = tuple(map(clean, split_clauses(verdict.text))) if verdict is not None else (NONE,)
    earlier = tuple(_earlier_text(one.verdict.held, one.verdict.text) for one in chapter.earlier)
    yield Cell(clauses[0], (*clauses[1:], *earlier))
    yield Cell(word, state=state)


def _earlier_text(held: bool | None, text: str) -> str:
    word = {True: translate("Confirmed"), False: translate("Refuted"), None: translate("Not seen")}[held]
    return translate("An earlier run: %(word)s. %(text)s", word=word, text=clean(text))


def _faults(facts: ShowFacts) -> ReportSection:
    columns = (
        translate("No."),
        translate("Fault"),
        translate("Began"),
        translate("Detected in"),
        translate("Healed"),
        translate("Recovered in"),
        translate("Result"),
    )
    rows = tuple(tuple(_fault_row(facts, run)) for run in facts.runs)
    lead = "" if rows else translate("Nothing was broken in this show.")
    heading = translate("Faults")
    return ReportSection("faults", heading, lead, (Table(columns, rows),) if rows else ())


def _fault_row(facts: ShowFacts, run: FaultRun) -> Iterator[Cell]:
    fault, timeline = run.fault, facts.timeline
    title, target = run_title(run), clean(fault.target)
    failures = tuple(f"{since_start(timeline, one.at)} {clean(one.text)}" for one in run.failures)
    yield Cell(str(run.ordinal), is_number=True)
    yield Cell(title, ((target,) if target and target not in title else ()) + failures)
    where = (translate("chapter %(number)s", number=number_of(run.chapter)),) if run.chapter else ()
    yield Cell(since_start(timeline, fault.injected_at or run.requested_at), where, is_number=True)
    yield Cell(duration(fault.detected_after_sec), is_number=True)
    by = (translate("by %(who)s", who=run.heal_by),) if fault.healed_at is not None and run.heal_by else ()
    yield Cell(since_start(timeline, fault.healed_at), by, is_number=True)
    yield Cell(duration(run.recovered_sec), is_number=True)
    yield result_cell(facts, run)


def result_cell(facts: ShowFacts, run: FaultRun, *, is_short: bool = False) -> Cell:
    """Return what came of an injection: the verdict on what was predicted, or else what was measured.

    `is_short`: without the prediction.
    """
    outcome, state = run_outcome(run)
    if run.judged is None or state == "down":
        return Cell(outcome, state=state)
    word, state = verdict_word(run.judged.verdict)
    hypothesis = predicted_text(facts, run)
    predicted = (f"{translate('Prediction:')} {hypothesis}",) if hypothesis and not is_short else ()
    seen = () if run.fault.has_ended and run.fault.came_back_after_sec is None else (outcome,)
    return Cell(word, (*predicted, f"{translate('Measured:')} {clean(run.judged.verdict.text)}", *seen), state)


def predicted_text(facts: ShowFacts, run: FaultRun) -> str:
    """Return the prediction that stood when a fault began; "" for none."""
    chapter = facts.chapter(run.hypothesis_chapter)
    return clean(chapter.hypothesis) if chapter is not None else ""


def _repeated(facts: ShowFacts) -> ReportSection | None:
    by_name: dict[str, list[FaultRun]] = {}
    for run in facts.runs:
        by_name.setdefault(run.fault.name, []).append(run)
    tables = tuple(_runs_of_one(facts, runs) for runs in by_name.values() if len(runs) > 1)
    return ReportSection("repeated", translate("The same fault again"), tables=tables) if tables else None


def _runs_of_one(facts: ShowFacts, runs: list[FaultRun]) -> Table:
    """Return the injections of one fault, in columns where these have room beside one another, else in rows."""
    table = beside(run_title(runs[0]), [(f"{translate('No.')} {run.ordinal}", facts, run) for run in runs])
    if len(runs) <= RUNS_BESIDE:
        return table
    names = tuple(row[0].text for row in table.rows)
    numbers = (Cell(name) for name in table.columns[1:])
    rows = zip(numbers, *(row[1:] for row in table.rows), strict=True)
    return Table(("", *names), tuple(rows), table.heading, has_names=True)


def beside(heading: str, runs: Iterable[tuple[str, ShowFacts, FaultRun | None]]) -> Table:
    """Return a table of injections, each in a column under its name; None: there was none."""
    listed = list(runs)
    names = (
        translate("Target"),
        translate("Began"),
        translate("Detected in"),
        translate("Recovered in"),
        translate("Result"),
    )
    columns = [_column(facts, run) for _, facts, run in listed]
    rows = tuple((Cell(name), *(column[place] for column in columns)) for place, name in enumerate(names))
    return Table(("", *(name for name, _, _ in listed)), rows, heading, has_names=True)


def _column(facts: ShowFacts, run: FaultRun | None) -> tuple[Cell, ...]:
    if run is None:
        return (Cell(NONE), Cell(NONE), Cell(NONE), Cell(NONE), Cell(translate("not injected")))
    fault = run.fault
    return (
        Cell(clean(fault.target) or NONE),
        Cell(since_start(facts.timeline, fault.injected_at or run.requested_at), is_number=True),
        Cell(duration(fault.detected_after_sec), is_number=True),
        Cell(duration(run.recovered_sec), is_number=True),
        result_cell(facts, run, is_short=True),
    )


def _curves(facts: ShowFacts) -> ReportSection | None:
    if not facts.measured.samples:
        return None
    lead = translate(
        "From the beginning of the show, in minutes and seconds. Coloured: a fault with its number above. Below each "
        "curve: the chapters. A time of more than 30 s without a sample is a gap."
    )
    curves = draw_curves(facts)
    if not curves.series and not curves.nodes:
        return None
    if any(one.predicted for one in curves.series):
        lead = f"{lead} {limits_text()}"
    return ReportSection("curves", translate("What was measured"), lead, curves=curves)


def _outputs(facts: ShowFacts) -> ReportSection | None:
    """Return what the panels showed at last on each chapter."""
    outputs = tuple((_output_title(facts, one), one.text) for one in facts.panels)
    lead = translate("The last output of each panel on each chapter.")
    return ReportSection("panels", translate("What the panels showed"), lead, outputs=outputs) if outputs else None


def _output_title(facts: ShowFacts, panel: PanelFacts) -> str:
    parts = (since_start(facts.timeline, panel.at), translate("chapter %(number)s", number=panel.chapter), panel.title)
    return " · ".join((*parts, panel.note) if panel.note else parts)


def _votes(facts: ShowFacts) -> ReportSection | None:
    if not facts.votes and not facts.questions:
        return None
    tables = [*map(_vote_table, facts.votes)]
    if facts.questions:
        tables.append(_table_of_lines(facts, translate("Questions from the room"), facts.questions))
    return ReportSection("room", translate("The room"), tables=tuple(tables))


def _vote_table(vote: VoteFacts) -> Table:
    ballot = vote.ballot
    state = translate("This vote was never closed.") if ballot.is_open else ""
    lead = " ".join(filter(None, (state, "" if ballot.votes else translate("Nobody voted."), clean(vote.outcome))))
    columns = (translate("Answer"), translate("Votes"), translate("Share"))
    rows = tuple(
        (
            Cell(clean(answer.text), (translate("right"),) if answer.is_right else ()),
            Cell(str(answer.votes or 0), is_number=True),
            Cell(f"{answer.percent or 0} %", is_number=True, percent=answer.percent or 0),
        )
        for answer in list_answers(ballot, vote.right)
    )
    question = clean(translate_marked(ballot.question))
    return Table(columns, rows, question, lead)


def _chapters(facts: ShowFacts) -> ReportSection:
    columns = (
        translate("No."),
        translate("Chapter"),
        translate("Entered"),
        translate("Time spent"),
        translate("Faults"),
        translate("Verdict"),
    )
    rows = tuple(tuple(_chapter_row(facts, chapter)) for chapter in facts.chapters)
    return ReportSection("chapters", translate("Chapters"), tables=(Table(columns, rows),))


def _chapter_row(facts: ShowFacts, chapter: ChapterFacts) -> Iterator[Cell]:
    failures = (f"{since_start(facts.timeline, one.at)} {clean(one.text)}" for one in chapter.failures)
    removed = () if chapter.number else (translate("removed from the deck during the show"),)
    yield Cell(number_of(chapter.number), is_number=True)
    yield Cell(clean(chapter.title), (*removed, *failures))
    again = (translate("%(num)s times", num=chapter.visits),) if chapter.visits > 1 else ()
    yield Cell(since_start(facts.timeline, chapter.entered_at), again, is_number=True)
    yield Cell(clock_text(facts.visited_sec(chapter)) if chapter.visits else NONE, is_number=True)
    places = [str(run.ordinal) for run in facts.runs if run.chapter and run.chapter == chapter.number]
    yield Cell(", ".join(places))
    word, state = verdict_word(verdict_of(chapter)) if chapter in facts.predictions else ("", "")
    yield Cell(word, state=state)


def number_of(number: int) -> str:
    return str(number) if number else NONE


def _interruptions(facts: ShowFacts) -> ReportSection | None:
    columns = (translate("Began"), translate("Lasted"), translate("Event"), "")
    rows = [*_recording_rows(facts), *_halt_rows(facts), *_blind_rows(facts)]
    heading = translate("Halts, and times without contact")
    return ReportSection("interruptions", heading, tables=(Table(columns, tuple(rows)),)) if rows else None


def _recording_rows(facts: ShowFacts) -> Iterator[tuple[Cell, ...]]:
    for part in facts.recordings:
        what = Cell(translate("All screens showed a recording"), (recorded_text(part.recorded_at),))
        yield _row_of_time(facts, part.since, part.until, what, ", ".join(map(clean, part.titles)))


def _halt_rows(facts: ShowFacts) -> Iterator[tuple[Cell, ...]]:
    for halt in facts.halts:
        lifted = translate("resumed by %(who)s", who=halt.resumed_by) if halt.resumed_at is not None else ""
        what = Cell(translate("Halted by %(who)s", who=halt.who))
        yield _row_of_time(facts, halt.at, halt.resumed_at, what, lifted or translate("not resumed"))


def _blind_rows(facts: ShowFacts) -> Iterator[tuple[Cell, ...]]:
    for gap in facts.sample_gaps:
        what = Cell(translate("No fresh sample"), (name_health(gap.freshness),))
        yield _row_of_time(facts, gap.since, gap.until, what, clean(gap.reason))


def _row_of_time(facts: ShowFacts, since: float, until: float | None, what: Cell, more: str) -> tuple[Cell, ...]:
    timeline = facts.timeline
    lasted = (
        clock_text(timeline.elapsed(until) - timeline.elapsed(since))
        if until is not None
        else translate("until the end")
    )
    return Cell(since_start(timeline, since), is_number=True), Cell(lasted, is_number=True), what, Cell(more)


def _log(facts: ShowFacts) -> ReportSection | None:
    if not facts.troubles and not facts.events:
        return None
    kinds = ((translate("Errors"), facts.troubles), (translate("Events"), facts.events))
    tables = tuple(_table_of_lines(facts, heading, lines) for heading, lines in kinds if lines)
    return ReportSection("log", translate("What was reported"), tables=tables)


def _table_of_lines(facts: ShowFacts, heading: str, lines: Iterable[TimedText]) -> Table:
    rows = ((Cell(since_start(facts.timeline, line.at), is_number=True), Cell(clean(line.text))) for line in lines)
    return Table((translate("Time"), translate("Event")), tuple(rows), heading)


def _notes(facts: ShowFacts) -> ReportSection | None:
    texts = tuple(
        (f"{number_of(one.number)} {clean(one.title)}", "\n".join(clean_lines(one.notes.strip())))
        for one in facts.chapters
        if one.notes.strip()
    )
    return ReportSection("notes", translate("Notes"), texts=texts) if texts else None
