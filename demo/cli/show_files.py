"""`demo check`, `demo schema`, `demo new`: show files before they are presented."""

import json
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from demo.errors import UsageError
from demo.showfile.new_show import write_new_show
from demo.showfile.problems import Problem, ShowFileError
from demo.showfile.schema.editor_schema import editor_schema
from demo.showfile.schema.reference import listing
from demo.showfile.show import Show, check_show
from demo.showfile.text_room import text_problems
from demo.showfile.trust import PlannedAction, list_planned_actions
from demo.subjects.registry import SHOW_FILE_ENDINGS, deck_file, is_show_file

HEADINGS = {
    "starts": "starts",
    "runs": "runs",
    "breaks": "can break",
    "sends": "sends",
    "asks": "asks, again and again",
    "shows": "shows",
}


def check(path: Path) -> tuple[Show | None, list[Problem]]:
    """Return the show, None if it has errors, and all its problems, texts that do not fit the stage among them.

    Raises `UsageError` if there is no such file.
    """
    if path.is_dir():
        raise UsageError(f"{path} is a folder: name a show file, like {path / 'my-show.md'}")
    if not path.exists():
        raise UsageError(f"there is no file {path}; `demo new {path.stem or 'my-show'}` creates a starter file")
    if not is_show_file(path.name):
        raise UsageError(f"{path} is not a show file: the name of one ends with {' or '.join(SHOW_FILE_ENDINGS)}")
    try:
        show, problems, _ = check_show(path)
    except ShowFileError as error:
        return None, list(error.problems)
    return show, problems if show is None else sorted([*problems, *text_problems(show)])


def as_lines(path: Path, show: Show | None, problems: Sequence[Problem]) -> Iterator[str]:
    """Yield what `demo check` prints: each problem in its line, or what the show would do."""
    yield from map(str, problems)
    errors = sum(problem.severity == "error" for problem in problems)
    if show is None:
        yield f"{path}: {errors} error{'' if errors == 1 else 's'}"
        return
    found = list_planned_actions(show)
    chapters = len(show.chapters)
    yield f"{path}: ok, {chapters} chapter{'' if chapters == 1 else 's'}"
    for kind, heading in HEADINGS.items():
        if texts := [action.text for action in found if action.kind == kind]:
            yield f"{heading}:"
            yield from (f"  {text}" for text in texts)
    trust = " -x" if any(action.needs_trust for action in found) else ""
    yield f"present it with: demo serve {shlex.quote(str(path))}{trust}"
    if trust:
        yield "-x (--allow-run) lets it do all that; without it nothing of it is started"


def as_json(show: Show | None, problems: Sequence[Problem]) -> str:
    """Return the problems, and what the show would do, for programs."""
    found: Sequence[PlannedAction] = list_planned_actions(show) if show is not None else ()
    rows = [
        {
            "file": problem.file,
            "line": problem.position.line,
            "column": problem.position.column,
            "severity": problem.severity,
            "message": problem.message,
        }
        for problem in problems
    ]
    return json.dumps(
        {
            "ok": show is not None,
            "problems": rows,
            "needs_allow_run": any(action.needs_trust for action in found),
            "would": [asdict(action) for action in found],
        },
        indent=2,
        ensure_ascii=False,
    )


def as_list() -> list[str]:
    """Return what a show file may hold: steps, probes, faults, conditions, layouts."""
    return list(listing())


def schema() -> str:
    """Return the JSON Schema of settings, for editors."""
    return json.dumps(editor_schema(), indent=2, ensure_ascii=False)


def new(name: str, original: str | None = None) -> list[str]:
    """Write a show file to begin with, a copy of the packaged deck `original` if given; return what to type next."""
    path = shlex.quote(str(write_new_show(name, None if original is None else deck_file(original))))
    return [f"written    {path}", f"check      demo check {path}", f"present    demo serve {path} -x"]
