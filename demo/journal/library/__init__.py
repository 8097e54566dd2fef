"""Journals on disk: which one to continue, what one holds, and which may be removed."""

from demo.journal.library.directory import JournalDirectory
from demo.journal.library.open_show import JournalOpener

__all__ = ["JournalDirectory", "JournalOpener"]
