"""The journal: every event of a show, in order, on disk before anyone sees it; and the undo ledger."""

from demo.journal.file import note_healed, state_of_undo
from demo.journal.journal import UNWRITTEN_MOST, Journal, Undo
from demo.journal.keeper import Keeper
from demo.journal.shelf import Shelf

__all__ = ["UNWRITTEN_MOST", "Journal", "Keeper", "Shelf", "Undo", "note_healed", "state_of_undo"]
