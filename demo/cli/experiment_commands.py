"""The commands `demo import` and `demo export` with their options. What they run is imported when they run."""

from pathlib import Path
from typing import Annotated

import typer


def import_experiment(
    file: Annotated[Path, typer.Argument(help="The experiment, JSON or YAML.", show_default=False)],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write the show file here, instead of printing it.", metavar="FILE"),
    ] = None,
) -> None:
    """Make a show file of a Chaos Toolkit experiment; say what could not be taken over. No file is overwritten."""
    from demo.cli import experiments

    experiments.import_(file, output)


def export(
    file: Annotated[Path, typer.Argument(help="The show file.", show_default=False)],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write it here, instead of printing it.", metavar="FILE")
    ] = None,
    journal: Annotated[
        str | None,
        typer.Option(
            "--journal",
            help="Export what happened in this show, by its name in `demo shows` or its file, as a journal.",
            metavar="SHOW",
        ),
    ] = None,
) -> None:
    """Make a Chaos Toolkit experiment of a show file, or a journal of a show; say what could not be expressed."""
    from demo.cli import experiments

    experiments.export(file, output, journal)
