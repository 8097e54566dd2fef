"""`demo shows`: what lies on the shelf, as a table for people or as JSON, and taking things from it."""

import json
import time
from collections.abc import Iterable, Sequence
from typing import Any

from demo.clean import clean
from demo.errors import JournalError
from demo.journal.library import JournalDirectory
from demo.journal.library.directory import continues_next, key_of, remove
from demo.journal.library.inspect import JournalSummary
from demo.journal.library.open_show import ago
from demo.views.state_json import moment

HEADINGS = ("NAME", "SUBJECT", "BEGUN", "LAST ACTIVITY", "CHAPTER", "EVENTS", "SIZE", "STATE")


def as_json(shelf: JournalDirectory) -> str:
    """For programs."""
    looks = shelf.all()
    return json.dumps([_fields(found, looks) for found in looks], indent=2)


def as_table(shelf: JournalDirectory) -> list[str]:
    """For people: one line a show, the newest first; what is wrong with one below."""
    looks = shelf.all()
    if not looks:
        return [f"no shows in {shelf.directory}"]
    rows = [HEADINGS, *(tuple(map(clean, _row(found, looks))) for found in looks)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines += [f"{found.name}: {found.trouble}" for found in looks if found.trouble]
    return lines


def take_away(shelf: JournalDirectory, names: Sequence[str], ended: bool, force: bool) -> list[str]:
    """Remove these shows and, with `ended`, all that are over; what was removed.

    Raises `JournalError` with a sentence for each that stays; the others are removed all the same.
    """
    removed, refused = [], []
    over = (
        []
        if not ended
        else [
            found.name
            for found in shelf.all()
            if found.over and not found.in_use and (force or not (found.undos or found.unreadable))
        ]
    )
    for name in dict.fromkeys([*names, *over]):
        try:
            found = shelf.find(name)
            remove(found, force, ended=name not in names)
            removed.append(found.name)
        except JournalError as error:
            refused.append(str(error))
    if refused:
        done = f"; removed: {', '.join(removed)}" if removed else ""
        raise JournalError("; ".join(refused) + done)
    return removed


def state_of(found: JournalSummary, looks: Iterable[JournalSummary]) -> str:
    """In use, unreadable, continues next, ended or waiting; and whether undos are left in it."""
    if found.in_use:
        return "in use"
    siblings = [other for other in looks if key_of(other.path) == key_of(found.path)]
    if found.trouble:
        word = "unreadable"
    elif continues_next(siblings) is found:
        word = "continues next"
    else:
        word = "ended" if found.over else "waiting"
    word = f"{word}, undo pending" if found.undos else word
    return f"{word}, undo unreadable" if found.unreadable else word


def _fields(found: JournalSummary, looks: Iterable[JournalSummary]) -> dict[str, Any]:
    unknown = bool(found.trouble)
    return {
        "name": found.name,
        "path": str(found.path),
        "subject": found.subject or key_of(found.path),
        "begun": None if unknown else moment(found.begun_at),
        "last_activity": moment(found.last_at),
        "chapter": None if unknown else found.chapter,
        "chapters": None if unknown else len(found.titles),
        "events": None if unknown else found.events,
        "bytes": found.size,
        "state": state_of(found, looks),
        "undos": found.undos,
        "unreadable_undos": found.unreadable,
        "in_use": found.in_use,
        "error": found.trouble or None,
    }


def _row(found: JournalSummary, looks: Iterable[JournalSummary]) -> tuple[str, ...]:
    now = time.time()
    known = not found.trouble
    return (
        found.name,
        found.subject or key_of(found.path),
        ago(now - found.begun_at) if known else "?",
        ago(now - found.last_at),
        (f"{found.chapter} of {len(found.titles)}" if found.chapter else "–") if known else "?",
        str(found.events) if known else "?",
        size_text(found.size),
        state_of(found, looks),
    )


def size_text(size: int) -> str:
    """Bytes for people."""
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"
