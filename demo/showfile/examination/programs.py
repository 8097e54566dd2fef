"""The programs that a show file runs on this machine: whether each is there, and may be run."""

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from demo.findings import Finding, no, ok
from demo.showfile.schema.chapters import Step
from demo.showfile.schema.faults import ActionStep, FaultSettings
from demo.showfile.show import Show


@dataclass(frozen=True)
class Use:
    """One command of a file: who runs it, and where."""

    program: str
    user: str
    folder: Path
    path: str | None = None


def check_programs(show: Show, folder: Path) -> Sequence[Finding]:
    """Return a finding for each program; one without which several things fail is told once."""
    uses: dict[str, list[Use]] = {}
    for use in _uses(show, folder):
        if "${" not in use.program:  # a secret is filled in when it is run
            uses.setdefault(use.program, []).append(use)
    return [_check(program, found) for program, found in uses.items()]


def _check(program: str, uses: Sequence[Use]) -> Finding:
    what = f"program {program}"
    missing = [use for use in uses if _find(use) is None]
    if not missing:
        return ok(what, str(_find(uses[0])))
    users = ", ".join(dict.fromkeys(use.user for use in missing))
    if "/" in program:
        where = missing[0].folder / program
        why = "may not be run" if where.is_file() else "is not there"
        return no(what, f"{where} {why}, for {users}", "correct its path in the file, or make it executable")
    return no(what, f"not found in PATH, for {users}", "install it, or correct its name in the file")


def _find(use: Use) -> Path | None:
    if "/" in use.program:
        path = use.folder / Path(use.program).expanduser()
        return path if path.is_file() and os.access(path, os.X_OK) else None
    found = shutil.which(use.program, path=use.path)
    return None if found is None else Path(found)


def _uses(show: Show, folder: Path) -> Iterator[Use]:
    settings = show.settings
    for name, process in settings.processes.items():
        at = folder / Path(process.cwd).expanduser() if process.cwd else folder
        yield Use(process.run[0], f"process {name}", at, process.env.get("PATH"))
    commands = [
        *((f"probe {name}", probe.run) for name, probe in settings.probes.items()),
        *((f"panel {name}", panel.run) for name, panel in settings.panels.items()),
        *((f"event {name}", event.run) for name, event in settings.events.items()),
        *((f"chapter {number}", step.run) for number, step in _steps(show)),
    ]
    yield from (Use(argv[0], user, folder) for user, argv in commands if argv is not None)
    for name, fault in settings.faults.items():
        yield from (Use(program, f"fault {name}", folder) for program in _of_fault(fault))


def _steps(show: Show) -> Iterator[tuple[int, Step]]:
    for number, chapter in enumerate(show.chapters, 1):
        yield from ((number, step) for step in chapter.settings.on_enter if isinstance(step, Step))


def _of_fault(fault: FaultSettings) -> Iterator[str]:
    if fault.run is not None:
        yield fault.run[0]
    yield from (argv[0] for argv in fault.before.values())
    undo = fault.undo or ()
    if undo and isinstance(undo[0], str):
        yield undo[0]  # one command
        return
    for step in undo:
        if isinstance(step, ActionStep):
            if step.run is not None:
                yield step.run[0]
        else:
            yield step[0]
