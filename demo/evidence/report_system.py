"""The section of a report about what the show ran on, and in which of that two shows differ."""

from itertools import chain

from demo.evidence.facts import ShowFacts
from demo.evidence.report_cells import Cell, ReportSection, Table
from demo.evidence.report_words import NONE
from demo.texts import translate


def system_section(facts: ShowFacts) -> ReportSection | None:
    """Return the section; None if the journal does not tell."""
    if not facts.system:
        return None
    rows = tuple((Cell(name), Cell(value)) for name, value in facts.system)
    table = Table((translate("Name"), translate("Value")), rows, has_names=True)
    return ReportSection("system", translate("What it ran on"), tables=(table,))


def system_differences(first: ShowFacts, second: ShowFacts, names: tuple[str, str]) -> ReportSection | None:
    """Return what is not the same in two shows; None if nothing is, or one journal does not tell."""
    one, other = dict(first.system), dict(second.system)
    if not one or not other:
        return None
    rows = tuple(
        (Cell(name), Cell(one.get(name, NONE)), Cell(other.get(name, NONE)))
        for name in dict.fromkeys(chain(one, other))
        if one.get(name) != other.get(name)
    )
    if not rows:
        return None
    table = Table((translate("Name"), *names), rows, has_names=True)
    lead = translate("Only what is not the same in both shows.")
    return ReportSection("system", translate("What they ran on"), lead, tables=(table,))
