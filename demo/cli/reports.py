"""`demo report`: what happened in a show, or in two beside one another, as one document."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from demo.console_output import print_lines
from demo.errors import DemoError, UsageError

STDOUT = "-"


def report(
    journal: Annotated[
        str, typer.Argument(help="A show, by its name in `demo shows` or its file.", show_default=False)
    ],
    other: Annotated[
        str | None, typer.Argument(help="Another show, to be compared with it.", show_default=False)
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            help="Write it here, - prints it; an HTML report is NAME-report.html by default.",
            metavar="FILE",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the facts as JSON.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print the report as Markdown.")] = False,
    notes: Annotated[bool, typer.Option("--notes", help="Add the presenter's notes.")] = False,
    by: Annotated[
        str,
        typer.Option("--by", help="Say who presented: a journal does not know it.", metavar="NAME", show_default=False),
    ] = "",
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
) -> None:
    """Make a report of a show: one HTML file with its faults, predictions, votes and curves; or compare two shows."""
    from demo.cli.journals import find_journal
    from demo.evidence.reports import Kind, make_report

    if as_json and as_markdown:
        raise UsageError("--json and --markdown are two forms of a report: choose one")
    kind: Kind = "json" if as_json else "markdown" if as_markdown else "html"
    paths = [find_journal(name) for name in (journal, other) if name is not None]
    made = make_report(paths, kind, with_notes=notes, presenter=by)
    target = output or (STDOUT if kind != "html" else f"{made.name}-report.html")
    if target == STDOUT:
        _print(made.text)
        return
    _write(made.text, Path(target), force)
    print_lines(f"written    {shlex.quote(target)}")


def _print(text: str) -> None:
    # Not `print_lines`: a document is more than a terminal may have waiting, and keeps its line breaks.
    sys.stdout.write(text)
    sys.stdout.flush()


def _write(text: str, path: Path, force: bool) -> None:
    """Write the file. Raises `UsageError` if there is one already."""
    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"there is a file {path} already: name another one with -o, or give --force") from None
    except OSError as error:
        raise DemoError(f"{path} cannot be written: {error.strerror or error}") from error
