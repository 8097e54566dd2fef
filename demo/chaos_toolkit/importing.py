"""Makes a show file of an experiment: hypothesis to `expect`, method to chapters, rollbacks to the undo of each fault.

What cannot be taken over is listed, nothing is dropped in silence. The text is checked before it is handed out.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.chaos_toolkit.activity_settings import ActivityWriter
from demo.chaos_toolkit.chapters import ChapterPlanner, Parts
from demo.chaos_toolkit.experiment import Activity, Experiment, read_experiment
from demo.chaos_toolkit.reading import read_data
from demo.chaos_toolkit.show_names import ShowNames
from demo.chaos_toolkit.show_text import to_show_text
from demo.chaos_toolkit.variables import Variables, escape, read_variables
from demo.errors import ExperimentError
from demo.showfile.show import load_show
from demo.showfile.source import parse_source

UNSAID = "Made of a Chaos Toolkit experiment by demo import. Not taken over as it was:"
SAID = "Made of a Chaos Toolkit experiment by demo import."
MAX_NOTE = 400


@dataclass(frozen=True)
class Imported:
    """`text`: the show file. `notes`: what is not taken over as it was, each a sentence."""

    text: str
    notes: Sequence[str]


def import_file(path: Path, environ: Mapping[str, str] | None = None) -> Imported:
    """Return the show file of an experiment. Raises `UsageError` without a file, else `ExperimentError`."""
    experiment = read_experiment(read_data(path), str(path))
    return import_experiment(experiment, str(path), os.environ if environ is None else environ)


def import_experiment(experiment: Experiment, file: str, environ: Mapping[str, str]) -> Imported:
    """Return the show file of an experiment that was read. Raises `ExperimentError`."""
    variables = read_variables(experiment.configuration, experiment.secrets, file, environ)
    notes = [*experiment.dropped, *variables.notes]
    try:
        text, notes = _Import(experiment, variables, notes).write()
    except ExperimentError as error:
        raise ExperimentError(f"{file}: {error}") from error
    _check(text, file)
    return Imported(text, notes)


class _Import:
    def __init__(self, experiment: Experiment, variables: Variables, notes: list[str]) -> None:
        self._experiment, self._variables, self._notes = experiment, variables, notes
        self._writer = ActivityWriter(variables, experiment.secrets, experiment.configuration, notes)
        self._names = ShowNames(*variables.at_run)
        self._probes: dict[str, Any] = {}

    def write(self) -> tuple[str, list[str]]:
        experiment = self._experiment
        steady = list(dict.fromkeys(map(self._add_probe, experiment.probes)))  # some are asked twice
        meanwhile = {probe.place: self._add_probe(probe) for probe in experiment.method if probe.kind == "probe"}
        self._note_rollbacks()
        undo = [self._writer.action(rollback) for rollback in experiment.rollbacks]
        parts = Parts(experiment, steady, meanwhile, undo, self._probes)
        planner = ChapterPlanner(parts, self._writer, self._variables, self._names, self._notes)
        chapters = planner.plan()
        secrets = {name: {"env": self._variables.at_run[name]} for name in sorted(self._writer.secrets)}
        front = {
            "title": " ".join(experiment.title.split()),
            **({"secrets": secrets} if secrets else {}),
            **({"probes": self._probes} if self._probes else {}),
            **({"groups": planner.groups} if planner.groups else {}),
            **({"faults": planner.faults} if planner.faults else {}),
        }
        notes = [note if len(note) <= MAX_NOTE else f"{note[: MAX_NOTE - 1]}…" for note in dict.fromkeys(self._notes)]
        comments = [UNSAID, *(f"- {note}" for note in notes)] if notes else [SAID]
        return to_show_text(front, comments, chapters), notes

    def _add_probe(self, activity: Activity) -> str:
        settings = self._writer.probe(activity)
        same = next((name for name, probe in self._probes.items() if probe == settings), None)
        name = same or self._names.new(activity.name, "probe")
        self._probes[name] = settings
        has_timing = activity.is_background or activity.pause_before or activity.pause_after
        if has_timing and activity.place.startswith("steady"):
            self._notes.append(f"{activity.place}: pauses and background mean nothing: it is asked all the time")
        return name

    def _note_rollbacks(self) -> None:
        if self._experiment.rollback_strategy in ("never", "deviated"):
            self._notes.append(
                f"runtime.rollbacks.strategy {self._experiment.rollback_strategy}: a fault is always undone here"
            )
        for rollback in self._experiment.rollbacks:
            if rollback.pause_before or rollback.pause_after or rollback.is_background:
                self._notes.append(f"{rollback.place}: pauses and background of a rollback are left out")


def _check(text: str, file: str) -> None:
    """Raise `ExperimentError` if `demo check` would refuse the show file: whoever presents could not find out why."""
    source, problems = parse_source(text, "show.md", None, {})
    show, problems = load_show(source, problems)
    if show is None:
        first = next(problem for problem in problems if problem.severity == "error")
        line = text.split("\n")[first.position.line - 1].strip()
        raise ExperimentError(f"{file}: a show file cannot say this: {first.message} (in {escape(line)[:120]!r})")
