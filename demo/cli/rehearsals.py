"""`demo rehearse`: runs a show unattended, several times, and reports every problem."""

import re
import sqlite3
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from demo.bootstrap import Options, play
from demo.console_output import print_lines
from demo.errors import DemoError, UsageError
from demo.evidence.rehearsal import ChapterRange, Rehearsal
from demo.evidence.rehearsal_findings import find
from demo.evidence.rehearsal_formats import as_json, as_junit
from demo.evidence.rehearsal_measures import RunMeasures, measure_run
from demo.evidence.rehearsal_output import as_lines
from demo.evidence.rehearsal_result import RehearsalResult
from demo.evidence.rehearsal_texts import find_long_texts
from demo.journal.library.directory import remove
from demo.journal.library.inspect import open_read_only, summarize
from demo.journal.library.recording import Recording
from demo.show import ShowState
from demo.showfile.show import open_show
from demo.subjects.registry import is_show_file

STDOUT = Path("-")


@dataclass(frozen=True, slots=True)
class RehearsalOptions:
    """What the command line asks for. `recording`: the file for the journal of the last run."""

    subject: str
    chapters: ChapterRange = field(default_factory=ChapterRange)
    repeat: int = 1
    refuted: Sequence[int] = ()
    json: Path | None = None
    junit: Path | None = None
    recording: Path | None = None
    chosen: Mapping[str, Any] = field(default_factory=dict)


def read_chapters(written: str | None) -> ChapterRange:
    """Return the chapters that `3-6`, `3-` or `3` stands for, all of them for None. Raises `UsageError`."""
    if written is None:
        return ChapterRange()
    found = re.fullmatch(r"(\d{1,4})(?:(-)(\d{1,4})?)?", written.strip())
    first = int(found[1]) if found else 0
    last = None if found and found[2] and not found[3] else int((found and found[3]) or first)
    if not first or (last is not None and last < first):
        raise UsageError(f"--chapters {written}: write 3-6, 3- (to the end) or 3")
    return ChapterRange(first, last)


def rehearse(options: RehearsalOptions) -> bool:
    """Play the show, and print what was found; return whether it is fit to be presented.

    Raises `UsageError`, and `DemoError` if it cannot be started.
    """
    for file in (options.recording, options.json, options.junit):
        if file not in (None, STDOUT) and file is not None and not file.absolute().parent.is_dir():
            raise UsageError(f"there is no folder {file.absolute().parent} for {file.name}")
    result = _run_all(options)
    if options.json == STDOUT:
        print(as_json(result), flush=True)
    else:
        print_lines("", *as_lines(result))
    if options.json not in (None, STDOUT) and options.json is not None:
        _write(options.json, as_json(result) + "\n")
    if options.junit is not None:
        _write(options.junit, as_junit(result))
    return result.is_ok


def _run_all(options: RehearsalOptions) -> RehearsalResult:
    say = _to_stderr if options.json == STDOUT else print_lines
    runs: list[RunMeasures] = []
    for number in range(1, options.repeat + 1):
        rehearsal = Rehearsal(
            options.chapters,
            options.refuted,
            begin=partial(say, f"run {number} of {options.repeat}"),
            tell=_tell_with(say),
            on_wait=lambda text: _to_stderr(f"{text}, please wait"),
        )
        runs.append(_run_once(options, rehearsal, number))
        if rehearsal.is_interrupted or any(problem.kind == "start" for problem in rehearsal.problems):
            break
    state = rehearsal.state
    if state is None:
        raise DemoError("the show did not begin")
    deck = state.chapters
    # A chapter may be judged by the action of a later one.
    judged = {number for run in runs for number, chapter in run.chapters.items() if chapter.verdict is not None}
    numbers = sorted(judged.union(rehearsal.chapters.numbers(state.total)))
    injected = {fault.name for run in runs for fault in run.faults}
    long_texts = find_long_texts(state, numbers, _read_lines(options.subject, state))
    return RehearsalResult(
        options.subject,
        state.title,
        options.repeat,
        deck,
        numbers,
        runs,
        sorted([*find(runs, deck, numbers, options.refuted), *long_texts], key=lambda found: found.chapter),
        [fault.name for fault in state.faults if fault.name not in injected],
        rehearsal.is_interrupted,
    )


def _read_lines(subject: str, state: ShowState) -> Mapping[int, str]:
    """Return where each chapter of a show file begins; nothing for another subject, or if the file was edited since."""
    if not is_show_file(subject):
        return {}
    try:
        chapters = open_show(Path(subject)).chapters
    except DemoError:
        return {}
    if [chapter.title for chapter in chapters] != [chapter.title for chapter in state.chapters]:
        return {}
    return {number: f"{chapter.file}:{chapter.line}" for number, chapter in enumerate(chapters, 1)}


def _run_once(options: RehearsalOptions, rehearsal: Rehearsal, number: int) -> RunMeasures:
    """Play the show once, and return what its journal tells; the journal itself is removed."""
    left = ""
    try:
        play(Options(options.subject, web=False, chosen=options.chosen, unattended=rehearsal))
    except UsageError:
        raise
    except DemoError as error:
        if rehearsal.journal is None:
            raise
        left = str(error)
    if rehearsal.journal is None or rehearsal.state is None:
        raise DemoError("the show did not begin")
    run = measure_run(number, Recording(rehearsal.journal).entries(), rehearsal.state.chapters)
    run.problems = tuple(rehearsal.problems)
    run.is_complete, run.is_interrupted = rehearsal.is_complete, rehearsal.is_interrupted
    run.left_broken = "; ".join(filter(None, (left, _end_journal(rehearsal.journal, options.recording))))
    return run


def _end_journal(path: Path, recording: Path | None) -> str:
    """Remove the journal of a run, and copy it to `recording` before; return which undos are still pending in it."""
    if recording is not None:
        _copy(path, recording)
    summary = summarize(path)
    if summary.undos or summary.unreadable:
        return f"{summary.undos or summary.unreadable} undo(s) left in {summary.name}: the next start of any show heals"
    remove(summary, force=False)
    return ""


def _copy(path: Path, to: Path) -> None:
    try:
        to.unlink(missing_ok=True)
        with open_read_only(path) as source, closing(sqlite3.connect(to)) as copy:
            source.backup(copy)
    except (sqlite3.Error, OSError) as error:
        raise DemoError(f"the journal could not be kept in {to}: {error}") from None


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise DemoError(f"{file} cannot be written: {error.strerror or error}") from None


def _to_stderr(*lines: str) -> None:
    print(*lines, sep="\n", file=sys.stderr, flush=True)


def _tell_with(say: Callable[..., None]) -> Callable[[ShowState, int], None]:
    """Return a function that says when a chapter is done."""

    def tell(state: ShowState, number: int) -> None:
        say(f"  {number}/{state.total} {state.chapters[number - 1].title}")

    return tell
