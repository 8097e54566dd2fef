"""`ReplayReel`: the entries of a recording from one of them on, each with the show after it, one at a time."""

from collections.abc import Iterator
from typing import NamedTuple

from demo.errors import JournalError
from demo.evidence.replay_plan import ReplayPlan
from demo.journal.library.recording import Recording
from demo.show import ShowState
from demo.show.events import JournalEntry
from demo.show.recorded import fold


class RecordedFrame(NamedTuple):
    """An entry, and the show after it."""

    state: ShowState
    entry: JournalEntry

    @property
    def group(self) -> tuple[float, str]:
        """Return what the entries of one command have in common: moment and issuer."""
        return self.entry.at, self.entry.who


class ReplayReel:
    """Reads what follows entry `after`, before which the show is `state`. `coming`: the next entry, None at the end.

    `error`: why it ends before the last entry, "" if it does not. Raises `JournalError` if it has nothing for this.
    """

    def __init__(self, recording: Recording, plan: ReplayPlan, after: int, state: ShowState) -> None:
        decks = [deck for deck in plan.decks if deck[0] > after]
        self.error = ""
        self._seq, self._last = after, plan.last
        self._entries = recording.entries(after=after)
        self._source: Iterator[tuple[ShowState, JournalEntry]] = fold(state, decks, self._entries)
        self.coming = self._read()
        if self.error:
            raise JournalError(self.error)

    def take(self) -> RecordedFrame:
        """Return the next entry. Raises `LookupError` at the end."""
        if self.coming is None:
            raise LookupError("the recording is at its end")
        taken, self.coming = self.coming, self._read()
        return taken

    def close(self) -> None:
        """Close the file."""
        self.coming = None
        self._entries.close()

    def _read(self) -> RecordedFrame | None:
        try:
            found = next(self._source, None)
        except JournalError as error:
            # Behind the last entry the plan says so. Up to there it could be read, so the file was changed since.
            self.error = str(error) if self._seq < self._last else ""
            return None
        if found is None or found[1].seq > self._last:
            return None
        self._seq = found[1].seq
        return RecordedFrame(*found)
