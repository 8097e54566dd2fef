"""The newest answers of all probes of a show, by node; they are the facts that its conditions are about."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from demo.conditions import NodeFact, Value
from demo.conditions.facts import ALL, STATES
from demo.errors import InvalidValue
from demo.showfile.probing.addresses import Address, expand
from demo.showfile.probing.asker import Asker, Opinion
from demo.showfile.probing.fields import Fields
from demo.showfile.probing.judgement import Judge
from demo.showfile.probing.kinds import Sources, make_probe
from demo.showfile.probing.probe_nodes import ProbeNodes
from demo.showfile.probing.rows import splitter
from demo.showfile.schema.probes import ProbeSettings

_WORST_FIRST = ("down", "degraded", "starting", "unknown", "up")


@dataclass(frozen=True)
class BoardNode:
    """One node, and what each probe that tells of it says. Its state is the worst of theirs."""

    id: str
    probe: str
    opinions: tuple[Opinion, ...]

    @property
    def worst(self) -> Opinion:
        return min(self.opinions, key=lambda opinion: _WORST_FIRST.index(opinion.state))

    @property
    def state(self) -> str:
        return self.worst.state

    @property
    def fact(self) -> NodeFact:
        data = {key: value for opinion in reversed(self.opinions) for key, value in opinion.data.items()}
        known = {"state": self.state} if self.state in STATES else {}
        return NodeFact(self.id, self.state, Fields({**known, **data}))


class ProbeBoard:
    """Asks all probes side by side, and keeps what they say. Raises `InvalidValue` for a probe that makes no sense.

    `groups`: name → probes and nodes in it; a probe's own `group` adds to them.
    """

    def __init__(
        self,
        probes: Mapping[str, ProbeSettings],
        sources: Sources,
        groups: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        known = frozenset(settings.node_id or name for name, settings in probes.items() if not settings.has_rows)
        self._probes = {name: _nodes_of(name, settings, sources, known) for name, settings in probes.items()}
        self._groups: dict[str, list[str]] = {name: list(members) for name, members in (groups or {}).items()}
        for name, settings in probes.items():
            if settings.group is not None:
                self._groups.setdefault(settings.group, []).append(name)
        self._listeners: list[Callable[[], None]] = []
        self._answer_listeners: list[Callable[[], None]] = []
        self._states: dict[str, Mapping[str, str]] = {}
        for name, nodes in self._probes.items():
            for asker in nodes.askers:
                asker.listen = lambda name=name: self._take(name)  # type: ignore[misc]

    def listen(self, changed: Callable[[], None]) -> None:
        """Call `changed` whenever the state of a node has changed."""
        self._listeners.append(changed)

    def on_answer(self, answered: Callable[[], None]) -> None:
        """Call `answered` after every answer of a probe, whether or not a state has changed."""
        self._answer_listeners.append(answered)

    async def run(self) -> None:
        """Ask until cancelled."""
        try:
            await asyncio.gather(*(asker.run() for asker in self._askers()))
        finally:
            await self.close()

    async def ask_once(self) -> None:
        """Ask every probe once, side by side."""
        await asyncio.gather(*(asker.ask_once() for asker in self._askers()))

    async def close(self) -> None:
        """Close the connections that probes keep; a later look opens them again."""
        await asyncio.gather(*(asker.close() for asker in self._askers()))

    def _askers(self) -> Iterator[Asker]:
        return (asker for nodes in self._probes.values() for asker in nodes.askers)

    def hurry(self, name: str) -> None:
        """Ask now what tells of this node, probe or group: something has happened to it."""
        for probe, nodes in self._probes.items():
            if name == probe or name in nodes.opinions():
                for asker in nodes.askers:
                    asker.pulse.hurry()

    def all_nodes(self) -> tuple[BoardNode, ...]:
        """Return every node, in the order of the probes."""
        found: dict[str, BoardNode] = {}
        for name, nodes in self._probes.items():
            for ident, opinion in nodes.opinions().items():
                before = found.get(ident)
                found[ident] = BoardNode(
                    ident, before.probe if before else name, (*(before.opinions if before else ()), opinion)
                )
        return tuple(found.values())

    def nodes(self, name: str) -> Sequence[NodeFact] | None:
        """Return the nodes of a probe or group, one node, or all; None if nothing has this name."""
        board = {node.id: node for node in self.all_nodes()}
        if name == ALL:
            return [node.fact for node in board.values()]
        idents = self._idents(name, board)
        return None if idents is None else [board[ident].fact for ident in idents]

    def _idents(self, name: str, board: Mapping[str, BoardNode]) -> Sequence[str] | None:
        if name in self._groups:
            members = [self._idents(member, board) or () for member in self._groups[name] if member != name]
            return list(dict.fromkeys(ident for idents in members for ident in idents))
        if name in self._probes:
            return list(self._probes[name].opinions())
        return [name] if name in board else None

    def value(self, path: tuple[str, ...]) -> Value:
        """Return the value of a field of a probe with one node, or of a node; None if there is none."""
        for length in range(len(path), 0, -1):
            found = self.nodes(".".join(path[:length]))
            if found is not None:
                return found[0].fields.get(".".join(path[length:])) if len(found) == 1 else None
        return None

    def _take(self, name: str) -> None:
        states = {ident: opinion.state for ident, opinion in self._probes[name].opinions().items()}
        before = self._states.get(name)
        self._states[name] = states
        for listener in self._answer_listeners:
            listener()
        if states != before:
            for listener in self._listeners:
                listener()


def _nodes_of(name: str, settings: ProbeSettings, sources: Sources, known: frozenset[str]) -> ProbeNodes:
    try:
        judge = Judge.of(settings)
        addresses = expand(settings.addresses) if settings.addresses else (Address(""),)
        askers = []
        for address in addresses:
            split = splitter(settings.each or "$[*]", settings.id) if settings.has_rows else None
            asker = Asker(name, settings, make_probe(settings, address.text, sources), judge, split)
            asker.element = address.element
            askers.append(asker)
    except InvalidValue as error:
        raise InvalidValue(f"probe {name}: {error}") from error
    return ProbeNodes(name, settings, askers, known)
