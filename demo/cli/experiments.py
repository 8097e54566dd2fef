"""`demo import` and `demo export`: experiments of the Chaos Toolkit."""

import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import typer

from demo.chaos_toolkit.exporting import export_show
from demo.chaos_toolkit.importing import import_file
from demo.chaos_toolkit.run_journal import make_journal, read_entries
from demo.clean import clean
from demo.cli.journals import find_journal
from demo.cli.new_file import write_new
from demo.cli.show_files import check
from demo.console_output import print_lines
from demo.errors import ExperimentError, UsageError
from demo.subjects.registry import SHOW_FILE_ENDINGS, is_show_file


def import_(file: Path, output: Path | None) -> None:
    """Write or print the show file of an experiment; what is not taken over goes to stderr."""
    if output is not None and not is_show_file(output.name):
        raise UsageError(
            f"{output} is not a valid name for a show file: it must end with {' or '.join(SHOW_FILE_ENDINGS)}"
        )
    imported = import_file(file)
    _write(imported.text, output)
    _report("not taken over as it was:", imported.notes)
    if output is not None:
        path = shlex.quote(str(output))
        print_lines(f"written    {path}", f"check      demo check {path}", f"present    demo serve {path} -x")


def _write(text: str, output: Path | None) -> None:
    """Write to a new file, or print. Raises as `write_new` does."""
    if output is None:
        typer.echo(text, nl=not text.endswith("\n"))
    else:
        write_new(output, [text])


def _report(heading: str, notes: Sequence[str]) -> None:
    if notes:
        lines = "".join(f"  {clean(note)}\n" for note in notes)
        sys.stderr.write(f"{heading}\n{lines}")


def export(file: Path, output: Path | None, journal: str | None) -> None:
    """Write or print the experiment of a show file, or the journal of a show; what is not expressed goes to stderr."""
    show, problems = check(file)
    if show is None:
        wrong = [str(problem) for problem in problems if problem.severity == "error"]
        more = f" (and {len(wrong) - 1} more: demo check {shlex.quote(str(file))})" if len(wrong) > 1 else ""
        raise ExperimentError(f"{wrong[0]}{more}")
    exported = export_show(show)
    data = exported.experiment if journal is None else make_journal(exported, read_entries(find_journal(journal)))
    _write(json.dumps(data, indent=2, ensure_ascii=False) + "\n", output)
    _report("not expressed:", exported.notes)
    if output is not None:
        path = shlex.quote(str(output))
        say = f"validate   chaos validate {path}" if journal is None else f"report     chaos report {path} report.md"
        print_lines(f"written    {path}", say)
