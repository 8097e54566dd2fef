"""An entry of the journal as the row that it is written as, and back."""

import json
from typing import NamedTuple

from demo.errors import JournalError
from demo.journal.sqlite_file import REMEDY
from demo.show.events import HealthSampled, JournalEntry, UnknownEventError, from_json, to_json


class Row(NamedTuple):
    """An entry as it is written. `sample`: one that may be given up when memory runs short."""

    seq: int
    at: float
    who: str
    data: str
    sample: bool


def dumps(what: str, value: object) -> str:
    """`value` as JSON. Raises `JournalError` that names it where there is none."""
    try:
        return json.dumps(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise JournalError(f"{what} cannot be written down as JSON: {error}") from None


def row_of(entry: JournalEntry) -> Row:
    """Raises `JournalError` for what no disk can hold."""
    kind = type(entry.event).__name__
    data = dumps(f"entry {entry.seq} ({kind})", to_json(entry.event))
    try:
        entry.who.encode()
    except UnicodeEncodeError:
        raise JournalError(f"entry {entry.seq} ({kind}) is by somebody whose name no disk can hold") from None
    return Row(entry.seq, entry.at, entry.who, data, isinstance(entry.event, HealthSampled))


def entry_of(seq: int, at: float, who: str, data: str) -> JournalEntry:
    """Raises `JournalError` for what cannot be read."""
    try:
        return JournalEntry(seq, at, who, from_json(json.loads(data)))
    except UnknownEventError as error:
        raise JournalError(f"entry {seq} is {error}: update this program, or {REMEDY}") from None
    except json.JSONDecodeError as error:
        raise JournalError(f"entry {seq} of the journal cannot be read ({error}); {REMEDY}") from None
