"""The command `demo rehearse` with its options. What it runs is imported when it runs."""

from pathlib import Path
from typing import Annotated

import typer

from demo.cli.logs import set_up_logging
from demo.cli.show_options import Debug, LogLevel, Subject
from demo.cli.subject_options import takes_options
from demo.subjects.options import Given
from demo.subjects.registry import options


@takes_options
def rehearse(
    subject: Subject = "ratelimiter",
    chapters: Annotated[
        str | None,
        typer.Option(
            "--chapters",
            help="Rehearse only these chapters (3-6, 3- or 3); chapter 1 is always entered first.",
            metavar="N-M",
        ),
    ] = None,
    repeat: Annotated[int, typer.Option("--repeat", help="How many times to play it.", min=1, max=1000)] = 1,
    refuted: Annotated[
        list[int] | None,
        typer.Option("--refuted", help="Expect this chapter's prediction to be refuted; may be repeated.", metavar="N"),
    ] = None,
    as_json: Annotated[
        Path | None, typer.Option("--json", help="Write the result as JSON; - for the standard output.", metavar="FILE")
    ] = None,
    junit: Annotated[
        Path | None, typer.Option("--junit", help="Write the result as JUnit XML.", metavar="FILE")
    ] = None,
    recording: Annotated[
        Path | None, typer.Option("--recording", help="Keep the journal of the last run in this file.", metavar="FILE")
    ] = None,
    log_level: LogLevel = None,
    debug: Debug = False,
    given: Given = (),
) -> None:
    """Run the show unattended and report every problem; exit with 1 if there is any."""
    set_up_logging(log_level, debug)
    from demo.cli import rehearsals

    chosen, parts = options(subject, given), rehearsals.read_chapters(chapters)
    rehearsal = rehearsals.RehearsalOptions(subject, parts, repeat, refuted or (), as_json, junit, recording, chosen)
    raise typer.Exit(0 if rehearsals.rehearse(rehearsal) else 1)
