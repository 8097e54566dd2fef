"""The user's journals: which one to continue, what one contains, and which may be deleted."""

from demo.journal.library.directory import JournalDirectory
from demo.journal.library.open_show import JournalOpener

__all__ = ["JournalDirectory", "JournalOpener"]
