"""Finds the journal of a show that a command names."""

from pathlib import Path

from demo.journal.library import JournalDirectory


def find_journal(name: str) -> Path:
    """Return the file of a show's journal, by its path or its name in `demo shows`. Raises `JournalError`."""
    path = Path(name)
    return path if path.is_file() else JournalDirectory().find(name).path
