"""What a show measured of the writes that its loads numbered, from one injection to the next."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from demo.clean import clean
from demo.probes.numbers import number
from demo.show.events import HealthSampled
from demo.show.health_sample import LOAD
from demo.views.redaction import masked

CONFIRMED, AMBIGUOUS, LOST, TWICE, DISORDERED = "confirmed", "ambiguous", "lost", "there twice", "out of order"
"""The numbers on the card of a load that numbers its writes, as `demo.showfile.books` names them."""

MAX_STRETCHES = 200


@dataclass(frozen=True, slots=True)
class BookFacts:
    """The writes of one load between two injections. `since`: the first one's place, 0 for the beginning of the show.

    `confirmed`, `ambiguous`: how many there were. `lost`, `twice`, `disordered`: what was wrong at the last reading;
    all None if nothing was read again.
    """

    load: str
    since: int = 0
    confirmed: int = 0
    ambiguous: int = 0
    lost: int | None = None
    twice: int | None = None
    disordered: int | None = None


class BooksFold:
    """Takes health samples one after the other, and is told of each injection."""

    def __init__(self) -> None:
        self._since = 0
        self._stretches: dict[tuple[str, int], BookFacts] = {}
        self._confirmed: dict[str, int] = {}
        """By load, what its card said last: it counts from the start of the load."""
        self.left_out = 0

    def begin_run(self, place: int) -> None:
        """Let the samples from now on tell of what happened after this injection: so do the cards of the loads."""
        self._since = place

    def add(self, event: HealthSampled) -> None:
        """Add a sample. A load without numbered writes has no count of confirmed ones."""
        nodes = event.health.get("nodes")
        for node in nodes if isinstance(nodes, list | tuple) else ():
            numbers = node.get("metrics") if isinstance(node, Mapping) and node.get("kind") == LOAD else None
            if isinstance(numbers, Mapping) and (confirmed := number(numbers.get(CONFIRMED))) is not None:
                self._add(str(node.get("id"))[:200], str(node.get("name") or "")[:200], int(confirmed), numbers)

    def _add(self, ident: str, name: str, confirmed: int, numbers: Mapping[str, Any]) -> None:
        place = (ident, self._since)
        if place not in self._stretches:
            if len(self._stretches) >= MAX_STRETCHES:
                self.left_out += 1
                return
            self._stretches[place] = BookFacts(masked(clean(name or ident)), self._since)
        before = self._confirmed.get(ident, 0)
        self._confirmed[ident] = confirmed
        known = self._stretches[place]
        # Fewer than before: another server began to count anew.
        more = confirmed - before if confirmed >= before else confirmed
        known = replace(known, confirmed=known.confirmed + more, ambiguous=int(number(numbers.get(AMBIGUOUS)) or 0))
        lost = number(numbers.get(LOST))
        if lost is not None:
            twice, disordered = (int(number(numbers.get(word)) or 0) for word in (TWICE, DISORDERED))
            known = replace(known, lost=int(lost), twice=twice, disordered=disordered)
        self._stretches[place] = known

    def facts(self) -> tuple[BookFacts, ...]:
        """Return what was seen until now, by load and in the order of time; stretches without writes are left out."""
        found = sorted(self._stretches.items(), key=lambda item: (item[0][0], item[0][1]))
        return tuple(facts for _, facts in found if facts.confirmed or facts.ambiguous or facts.lost)
