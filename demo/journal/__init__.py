"""The journal: all events of a show in order, on disk before anyone sees them; and the undo ledger."""

from demo.journal.journal import MAX_UNWRITTEN, Journal, Undo
from demo.journal.sqlite_file import note_healed, state_of_undo

__all__ = ["MAX_UNWRITTEN", "Journal", "Undo", "note_healed", "state_of_undo"]
