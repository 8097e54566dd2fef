"""The nodes of one probe: what the answers of all its addresses say, and which nodes are missing in them."""

import functools
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace

from demo.showfile.probing.address_poller import OLD, TWICE, AddressPoller, NodeResult
from demo.showfile.probing.owner import Owner, owner_of
from demo.showfile.schema.probes import ProbeSettings

DISAGREE = "the answers disagree"
MISSING = "missing in the answer"
NOT_YET = "not checked yet"
NO_NODES = "the answer names no nodes"
MAX_SEEN = 2000


class ProbeNodes:
    """`seen`: ids of rows that an answer had before; with `gone: ok` only those of the newest answers."""

    def __init__(
        self, name: str, settings: ProbeSettings, pollers: Sequence[AddressPoller], known: Collection[str]
    ) -> None:
        """Take the pollers of all its addresses; `known`: the ids of nodes that other probes name outright."""
        self.name, self.settings, self.pollers, self._known = name, settings, tuple(pollers), known
        self._states: dict[str, str] = {}
        self._answered: Callable[[bool], None] = lambda _: None
        self.has_rows = settings.has_rows
        self.seen: dict[str, None] = dict.fromkeys(settings.expect_nodes)

    def know(self, known: Collection[str]) -> None:
        """Take the ids of nodes that other probes name outright now."""
        self._known = known

    def listen(self, answered: Callable[[bool], None]) -> None:
        """Call `answered` after each answer, with whether the state of one of its nodes has changed."""
        self._answered = answered
        for poller in self.pollers:
            poller.listen = functools.partial(self._take, poller)

    def _take(self, poller: AddressPoller) -> None:
        if self.has_rows or self.settings.any:
            states = {ident: result.state for ident, result in self.results().items()}
        else:  # an answer tells of its own address alone
            states = {**self._states, poller.element: poller.results[""].state}
        is_change, self._states = states != self._states, states
        self._answered(is_change)

    @property
    def has_one_node(self) -> bool:
        return not self.has_rows and (self.settings.any or len(self.pollers) == 1)

    def node_id(self, element: str) -> str:
        """Return the id of the node that a row or an address names: the probe's name and its own.

        It is its own alone if that begins with the probe's name, or if another probe tells of a node with that id.
        """
        if not element:
            return self.settings.node_id or self.name
        if element in self._known or element.startswith(self.name):
            return element
        return f"{self.name}-{element}"

    def results(self) -> dict[str, NodeResult]:
        """Return what is known of each node now, by its id."""
        found = self._of_rows() if self.has_rows else self._of_addresses()
        return {self.node_id(element): result for element, result in found.items()}

    def ids(self) -> Sequence[str]:
        """Return the ids of its nodes, in the order of the addresses or of the answer."""
        return list(self.results())

    def ids_named(self, name: str) -> Sequence[str]:
        """Return the nodes that have this id, or whose row or address has it."""
        return [self.node_id(element) for element in self._elements() if name in (element, self.node_id(element))]

    def owner_of(self, ident: str) -> Owner:
        """Return the process or container that one of its nodes belongs to."""
        element = next((element for element in self._elements() if self.node_id(element) == ident), None)
        return Owner() if element is None else owner_of(self.settings, element or ident)

    def belongs_to(self, name: str) -> bool:
        """Return whether one of its nodes belongs to this process or container."""
        owners = (owner_of(self.settings, element or self.name) for element in self._elements())
        return any(name in (owner.process, owner.container) for owner in owners)

    def title_of(self, ident: str) -> str:
        """Return the title of its only node; "" for a probe with several, and for a node of another probe."""
        return (
            (self.settings.title or "") if self.has_one_node and self.node_id(self.pollers[0].element) == ident else ""
        )

    def _elements(self) -> Sequence[str]:
        return list(self._of_rows() if self.has_rows else self._of_addresses())

    def _of_addresses(self) -> dict[str, NodeResult]:
        if self.settings.any:
            return {"": self._choose([_newest(poller, "") for poller in self.pollers])}
        return {poller.element: _newest(poller, "") for poller in self.pollers}

    def _of_rows(self) -> dict[str, NodeResult]:
        """Return the result on every row that is there, and on those that should be."""
        answered = [poller for poller in self.pollers if poller.pulse.at and not poller.is_stale and poller.results]
        present = dict.fromkeys(ident for poller in answered for ident in poller.results)
        if answered and self.settings.gone == "ok":
            self.seen = dict.fromkeys(self.settings.expect_nodes) | present
        elif len(self.seen) < MAX_SEEN:
            self.seen |= present
        said = {ident: self._row(ident, answered) for ident in self.seen | present}
        return said or {"": self._no_row()}

    def _row(self, ident: str, answered: Sequence[AddressPoller]) -> NodeResult:
        results = [poller.results[ident] for poller in answered if ident in poller.results]
        if len(results) > 1 and not self.settings.any:
            return replace(results[0], state="unknown", detail=TWICE, data={})
        if not self._is_complete(answered):
            return results[0] if results else self._no_row()
        if self.settings.any and answered:
            newest = max(answered, key=lambda poller: poller.pulse.at)
            missing = NodeResult(self.name, "down", MISSING, newest.pulse.at)
            return self._choose([poller.results.get(ident, missing) for poller in answered])
        return results[0] if results else NodeResult(self.name, "down", MISSING, _newest_at(self.pollers))

    def _is_complete(self, answered: Sequence[AddressPoller]) -> bool:
        """Return whether the answers tell of all nodes: one that they leave out is missing then."""
        return bool(answered) and (self.settings.any or len(answered) == len(self.pollers))

    def _no_row(self) -> NodeResult:
        newest = max(self.pollers, key=lambda poller: poller.pulse.at)
        detail = NOT_YET if not newest.pulse.at else OLD if newest.is_stale else newest.trouble or NO_NODES
        return NodeResult(self.name, "unknown", detail, newest.pulse.at, is_answer=False)

    def _choose(self, results: Iterable[NodeResult]) -> NodeResult:
        """Return the newest answer; degraded where another answer says something else. Without one, the newest."""
        by_age = sorted(results, key=lambda result: result.at, reverse=True)
        answers = [result for result in by_age if result.is_answer and result.state != "unknown"]
        if not answers:
            return by_age[0]
        if len({result.state for result in answers}) == 1:
            return answers[0]
        return replace(answers[0], state="degraded", detail=DISAGREE)


def _newest(poller: AddressPoller, ident: str) -> NodeResult:
    result = poller.results.get(ident)
    if result is None:
        return NodeResult(poller.source, "unknown", NOT_YET, is_answer=False)
    return replace(result, state="unknown", detail=OLD, data={}, is_answer=False) if poller.is_stale else result


def _newest_at(pollers: Sequence[AddressPoller]) -> float:
    return max(poller.pulse.at for poller in pollers)
