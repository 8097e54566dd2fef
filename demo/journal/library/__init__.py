"""The user's journals: which one to continue, what one contains, and which may be deleted."""

from demo.journal.library.directory import JournalDirectory
from demo.journal.library.open_show import JournalOpener
from demo.journal.library.pending import describe_pending

__all__ = ["JournalDirectory", "JournalOpener", "describe_pending"]
