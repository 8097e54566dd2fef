"""`demo shows`: the saved shows as a table for people or as JSON, and removing some of them."""

import json
import time
from collections.abc import Iterable, Sequence
from typing import Any

from demo.clean import clean
from demo.errors import JournalError
from demo.journal.library import JournalDirectory
from demo.journal.library.directory import continues_next, key_of, remove
from demo.journal.library.inspect import JournalSummary
from demo.journal.library.open_show import format_age
from demo.views.state_json import moment

HEADINGS = ("NAME", "SUBJECT", "BEGUN", "LAST ACTIVITY", "CHAPTER", "EVENTS", "SIZE", "STATE")


def as_json(directory: JournalDirectory) -> str:
    """Return the shows as JSON, for programs."""
    summaries = directory.all()
    return json.dumps([_describe(summary, summaries) for summary in summaries], indent=2)


def as_table(directory: JournalDirectory) -> list[str]:
    """Return a table for people: a line for each show, the newest first; below it what is wrong with any."""
    summaries = directory.all()
    if not summaries:
        return [f"no shows in {directory.directory}"]
    rows = [HEADINGS, *(tuple(map(clean, _format_row(summary, summaries))) for summary in summaries)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines += [f"{summary.name}: {summary.trouble}" for summary in summaries if summary.trouble]
    return lines


def remove_shows(directory: JournalDirectory, names: Sequence[str], ended: bool, force: bool) -> list[str]:
    """Remove these shows and, with `ended`, all that have ended; return the names of those removed.

    Raises `JournalError` with a sentence for each that could not be removed; the others are removed all the same.
    """
    removed, refused = [], []
    over = (
        []
        if not ended
        else [
            summary.name
            for summary in directory.all()
            if summary.over and not summary.in_use and (force or not (summary.undos or summary.unreadable))
        ]
    )
    for name in dict.fromkeys([*names, *over]):
        try:
            summary = directory.find(name)
            remove(summary, force, ended=name not in names)
            removed.append(summary.name)
        except JournalError as error:
            refused.append(str(error))
    if refused:
        done = f"; removed: {', '.join(removed)}" if removed else ""
        raise JournalError("; ".join(refused) + done)
    return removed


def state_of(summary: JournalSummary, summaries: Iterable[JournalSummary]) -> str:
    """Return the state of a show: in use, unreadable, continues next, ended or waiting; and whether an undo is left."""
    if summary.in_use:
        return "in use"
    siblings = [other for other in summaries if key_of(other.path) == key_of(summary.path)]
    if summary.trouble:
        state = "unreadable"
    elif continues_next(siblings) is summary:
        state = "continues next"
    else:
        state = "ended" if summary.over else "waiting"
    state = f"{state}, undo pending" if summary.undos else state
    return f"{state}, undo unreadable" if summary.unreadable else state


def _describe(summary: JournalSummary, summaries: Iterable[JournalSummary]) -> dict[str, Any]:
    unknown = bool(summary.trouble)
    return {
        "name": summary.name,
        "path": str(summary.path),
        "subject": summary.subject or key_of(summary.path),
        "begun": None if unknown else moment(summary.begun_at),
        "last_activity": moment(summary.last_at),
        "chapter": None if unknown else summary.chapter,
        "chapters": None if unknown else len(summary.titles),
        "events": None if unknown else summary.events,
        "bytes": summary.size,
        "state": state_of(summary, summaries),
        "undos": summary.undos,
        "unreadable_undos": summary.unreadable,
        "in_use": summary.in_use,
        "error": summary.trouble or None,
    }


def _format_row(summary: JournalSummary, summaries: Iterable[JournalSummary]) -> tuple[str, ...]:
    now = time.time()
    known = not summary.trouble
    return (
        summary.name,
        summary.subject or key_of(summary.path),
        format_age(now - summary.begun_at) if known else "?",
        format_age(now - summary.last_at),
        (f"{summary.chapter} of {len(summary.titles)}" if summary.chapter else "–") if known else "?",
        str(summary.events) if known else "?",
        size_text(summary.size),
        state_of(summary, summaries),
    )


def size_text(size: int) -> str:
    """Format a size in bytes for people."""
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"
