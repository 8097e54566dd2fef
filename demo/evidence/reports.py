"""Makes a report of one journal, or of two beside one another, in the form that is asked for."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from demo.clean import clean
from demo.evidence.facts_reader import read_facts
from demo.evidence.report_compare import comparison_view, dump_comparison
from demo.evidence.report_json import dump_report
from demo.evidence.report_markdown import render_markdown
from demo.evidence.report_page import render_page
from demo.evidence.report_view import report_view
from demo.texts import use_language

Kind = Literal["html", "json", "markdown"]


MAX_PRESENTER = 200
"""Characters of who presented."""


@dataclass(frozen=True, slots=True)
class MadeReport:
    """A document. `name`: of the journals that it is of, as a part of a file's name."""

    name: str
    text: str


def make_report(paths: Sequence[Path], kind: Kind, *, with_notes: bool = False, presenter: str = "") -> MadeReport:
    """Return the report of one journal, or the comparison of two. Raises `JournalError`.

    `presenter`: who presented, "" to say nothing of that.
    """
    who = clean(presenter).strip()[:MAX_PRESENTER]
    shows = [replace(read_facts(path, with_notes=with_notes), presenter=who) for path in paths]
    name = "-and-".join(facts.name for facts in shows)
    if kind == "json":
        data = dump_report(shows[0]) if len(shows) == 1 else dump_comparison(*shows)
        return MadeReport(name, json.dumps(data, indent=2, ensure_ascii=False) + "\n")
    with use_language(shows[0].language):
        view = report_view(shows[0]) if len(shows) == 1 else comparison_view(*shows)
        return MadeReport(name, render_page(view) if kind == "html" else render_markdown(view))
