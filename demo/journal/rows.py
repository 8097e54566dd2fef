"""Converts entries of the journal to rows and back."""

import json
from typing import NamedTuple

from demo.errors import JournalError
from demo.journal.sqlite_file import REMEDY
from demo.show.events import HealthSampled, JournalEntry, UnknownEventError, from_json, to_json


class Row(NamedTuple):
    """An entry as a row. `sample`: a health sample, which may be dropped when memory runs short."""

    seq: int
    at: float
    who: str
    data: str
    sample: bool


def dumps(what: str, value: object) -> str:
    """Return `value` as JSON. Raises `JournalError` that names it when it cannot be converted."""
    try:
        return json.dumps(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise JournalError(f"{what} cannot be converted to JSON: {error}") from None


def row_of(entry: JournalEntry) -> Row:
    """Return an entry as a row. Raises `JournalError` for one that cannot be written."""
    kind = type(entry.event).__name__
    data = dumps(f"entry {entry.seq} ({kind})", to_json(entry.event))
    # A name may come from a client: a lone surrogate in it has no UTF-8, and would only fail at the disk.
    try:
        entry.who.encode()
    except UnicodeEncodeError:
        raise JournalError(f"entry {entry.seq} ({kind}) has a sender whose name is not valid text") from None
    return Row(entry.seq, entry.at, entry.who, data, isinstance(entry.event, HealthSampled))


def entry_of(seq: int, at: float, who: str, data: str) -> JournalEntry:
    """Return the entry of a row. Raises `JournalError` for one that cannot be read."""
    try:
        return JournalEntry(seq, at, who, from_json(json.loads(data)))
    except UnknownEventError as error:
        raise JournalError(f"entry {seq} is {error}: update this program, or {REMEDY}") from None
    except json.JSONDecodeError as error:
        raise JournalError(f"entry {seq} of the journal cannot be read ({error}); {REMEDY}") from None
