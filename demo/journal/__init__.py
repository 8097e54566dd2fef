"""The journal: all events of a show in order, on disk before anyone sees them; and the undo ledger."""

from demo.journal.healer_table import Healer
from demo.journal.journal import MAX_UNWRITTEN, Journal
from demo.journal.sqlite_file import note_healed, state_of_undo
from demo.journal.undo import Undo

__all__ = ["MAX_UNWRITTEN", "Healer", "Journal", "Undo", "note_healed", "state_of_undo"]
