"""Which event injected each fault last: what a metric points to, so that one can be found by the other."""

from collections.abc import Sequence
from dataclasses import dataclass

from demo.journal import Journal
from demo.show import events as e


@dataclass(frozen=True, slots=True)
class FaultEvent:
    """The event that requested an injection. `ident` is its id in `/events`, `at` its moment."""

    ident: str
    at: float


class FaultEvents:
    """Remembers the newest request of each fault in this process, once it is on disk and its number is certain."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._newest: dict[str, e.JournalEntry] = {}
        journal.on_buffered.append(self._take)

    def find(self, fault: str) -> FaultEvent | None:
        """Return the event that injected `fault` last."""
        entry = self._newest.get(fault)
        if entry is None or entry.seq > self._journal.durable_seq:
            return None
        return FaultEvent(f"{self._journal.epoch}-{entry.seq}", entry.at)

    def _take(self, entries: Sequence[e.JournalEntry]) -> None:
        for entry in entries:
            if isinstance(entry.event, e.FaultRequested):
                self._newest[entry.event.name] = entry
