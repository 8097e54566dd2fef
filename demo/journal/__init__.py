"""The journal: every event of a show, in order, on disk before anyone sees it; and the undo ledger."""

from demo.journal.journal import UNWRITTEN_MOST, Journal, Undo
from demo.journal.sqlite_file import note_healed, state_of_undo

__all__ = ["UNWRITTEN_MOST", "Journal", "Undo", "note_healed", "state_of_undo"]
