"""A report as Markdown of the GitHub flavour. What comes from a journal is text in it, never markup."""

import re
from collections.abc import Iterable, Iterator

from demo.evidence.report_cells import Cell, ReportSection, Table
from demo.evidence.report_drawing import DrawnCurves
from demo.evidence.report_view import ReportView
from demo.texts import translate

_MARKUP = re.compile(r"([\\`*_{}\[\]<>()#|~$&]|:(?=[a-zA-Z/+-]|100:)|(?<=w)\.)")
_BEGINNING = re.compile(r"^([-+=]|\d+(?=[.)]\s))")
"""What begins a list or a heading."""


def render_markdown(report: ReportView) -> str:
    """Return the document, in the language that is rendered now."""
    return "\n".join(_lines(report)).rstrip() + "\n"


def _lines(report: ReportView) -> Iterator[str]:
    yield from (f"# {escaped(report.title)}", "")
    if report.description:
        yield from (escaped(report.description), "")
    if report.counts:
        yield from (f"**{escaped(' · '.join(report.counts))}**", "")
    yield from (f"- {escaped(name)}: {escaped(value)}" for name, value in report.facts)
    yield ""
    for text in report.warnings:
        yield from (f"> {escaped(text)}", "")
    for section in report.sections:
        yield from _section(section)
    yield from ("---", "", escaped(report.footer))


def _section(section: ReportSection) -> Iterator[str]:
    yield from (f"## {escaped(section.heading)}", "")
    if section.curves is not None:
        yield from _numbers(section.curves)
    elif section.lead:
        yield from (escaped(section.lead), "")
    for table in section.tables:
        yield from _table(table)
    for chapter in section.narration:
        yield from (f"### {escaped(chapter.heading)}", "")
        for part in chapter.source:
            yield from (*_fenced(part), "")
    for heading, text in section.texts:
        yield from (f"### {escaped(heading)}", "")
        for line in text.split("\n"):
            yield f"{escaped(line)}  " if line.strip() else ""
        yield ""
    for heading, text in section.outputs:
        yield from (f"### {escaped(heading)}", "", *_fenced(text), "")


def _fenced(text: str) -> Iterator[str]:
    """Yield a text as code, between marks that are longer than any in it."""
    marks = "`" * max(3, 1 + max(map(len, re.findall(r"`+", text)), default=0))
    yield from (f"{marks}text", *text.split("\n"), marks)


def _table(table: Table) -> Iterator[str]:
    if table.heading:
        yield from (f"### {escaped(table.heading)}", "")
    if table.lead:
        yield from (escaped(table.lead), "")
    yield from _grid(table.columns, ([_cell(cell) for cell in row] for row in table.rows))


def _cell(cell: Cell) -> str:
    text = f"**{escaped(cell.text)}**" if cell.state and cell.text else escaped(cell.text)
    return "<br>".join((text, *map(escaped, cell.lines)))


def _grid(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    names = [escaped(name) or " " for name in columns]
    yield f"| {' | '.join(names)} |"
    yield f"|{'---|' * len(names)}"
    yield from (f"| {' | '.join(row)} |" for row in rows)
    yield ""


def _numbers(curves: DrawnCurves) -> Iterator[str]:
    """Yield the curves as a table: Markdown has no drawings."""
    columns = [
        translate("Metric"),
        translate("Unit"),
        translate("Minimum"),
        translate("Maximum"),
        translate("At the end"),
    ]
    rows = [[one.label, one.unit, one.least, one.most, one.last] for one in curves.series]
    if any(one.predicted for one in curves.series):
        columns.append(translate("Prediction"))
        for row, one in zip(rows, curves.series, strict=True):
            row.append(", ".join(dict.fromkeys(limit.said for limit in one.predicted)))
    if curves.series:
        yield from _grid(columns, (map(escaped, row) for row in rows))
    if curves.nodes:
        yield from (f"{escaped(translate('Nodes that were not up all the time'))}:", "")
        yield from (f"- {escaped(node.full_name)}" for node in curves.nodes)
        yield ""


def escaped(text: str) -> str:
    """Return a text as one line that Markdown shows as it is: no markup, no link, no mention of anybody."""
    line = _MARKUP.sub(r"\\\1", " ".join(text.split()))
    # GitHub looks for mentions in the rendered text, where a backslash is gone.
    return _BEGINNING.sub(_escape_beginning, line.replace("@", "@<!-- -->"))


def _escape_beginning(found: re.Match[str]) -> str:
    return f"{found[0]}\\" if found[0].isdigit() else f"\\{found[0]}"
