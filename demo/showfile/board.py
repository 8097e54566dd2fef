"""The newest answers of all probes of a show, by node; they are the facts that its conditions are about."""

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from demo.conditions import Condition, NodeFact, Value
from demo.conditions.facts import ALL, STATES
from demo.errors import InvalidValue
from demo.showfile.probing.address_poller import AddressPoller, NodeResult
from demo.showfile.probing.addresses import ProbeAddress, expand
from demo.showfile.probing.fields import Fields
from demo.showfile.probing.kinds import Sources, make_probe
from demo.showfile.probing.node_state_rules import NodeStateRules
from demo.showfile.probing.owner import Owner
from demo.showfile.probing.probe_nodes import ProbeNodes
from demo.showfile.probing.rows import splitter
from demo.showfile.schema.probes import ProbeSettings

WORST_FIRST = ("down", "degraded", "starting", "unknown", "up")


@dataclass(frozen=True)
class BoardNode:
    """One node, and what each probe that tells of it says. Its state is the worst of theirs."""

    id: str
    results: tuple[NodeResult, ...]

    @property
    def probes(self) -> tuple[str, ...]:
        return tuple(result.source for result in self.results)

    @property
    def worst(self) -> NodeResult:
        return min(self.results, key=lambda result: WORST_FIRST.index(result.state))

    @property
    def state(self) -> str:
        return self.worst.state

    @property
    def fact(self) -> NodeFact:
        """Its fields; where two probes have one of the same name, it is that of the first."""
        data = {key: value for result in reversed(self.results) for key, value in result.data.items()}
        known = {"state": self.state, "health": self.state} if self.state in STATES else {}
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
        self._sources = sources
        self._probes: Mapping[str, ProbeNodes] = {}
        self._edited = asyncio.Event()
        self._listeners: list[Callable[[], None]] = []
        self._answer_listeners: list[Callable[[], None]] = []
        self.adopt(self.prepare(probes, groups or {}))

    def prepare(self, probes: Mapping[str, ProbeSettings], groups: Mapping[str, Sequence[str]]) -> "EditedProbes":
        """Return other probes for `adopt`; those that are as before go on. Raises `InvalidValue`."""
        known = frozenset(settings.node_id or name for name, settings in probes.items() if not settings.has_rows)
        nodes = {
            name: before
            if (before := self._probes.get(name)) is not None and before.settings == settings
            else _nodes_of(name, settings, self._sources, known)
            for name, settings in probes.items()
        }
        return EditedProbes(nodes, _groups_of(probes, groups), known)

    def adopt(self, edited: "EditedProbes") -> None:
        """Ask these probes from now on."""
        self._probes, self._groups = edited.nodes, edited.groups
        for nodes in self._probes.values():
            nodes.know(edited.known)
            nodes.listen(self._take)
        self._edited.set()

    def missing_in(self, edited: "EditedProbes") -> set[str]:
        """Return the nodes that edited probes do not tell of, as far as is known before they have answered."""
        before = {ident for nodes in self._probes.values() for ident in nodes.results()}
        return before - {ident for nodes in edited.nodes.values() for ident in nodes.results()}

    def listen(self, changed: Callable[[], None]) -> None:
        """Call `changed` whenever the state of a node has changed."""
        self._listeners.append(changed)

    def on_answer(self, answered: Callable[[], None]) -> None:
        """Call `answered` after every answer of a probe, whether or not a state has changed."""
        self._answer_listeners.append(answered)

    def _take(self, is_change: bool) -> None:
        for listener in (*self._answer_listeners, *(self._listeners if is_change else ())):
            listener()

    async def run(self) -> None:
        """Ask until cancelled."""
        tasks: dict[AddressPoller, asyncio.Task[None]] = {}
        try:
            while True:
                self._edited.clear()
                await self._start_and_end(tasks)
                edited = asyncio.ensure_future(self._edited.wait())
                await asyncio.wait({edited, *tasks.values()}, return_when=asyncio.FIRST_COMPLETED)
                edited.cancel()
                for task in tasks.values():
                    if task.done():
                        await task  # it raises what ended it
        finally:
            await _end(tasks.values())
            await self.close()

    async def _start_and_end(self, tasks: "dict[AddressPoller, asyncio.Task[None]]") -> None:
        """Let those ask that shall, and no others."""
        wanted = set(self._pollers())
        gone = {poller: tasks.pop(poller) for poller in set(tasks) - wanted}
        for poller in wanted - set(tasks):
            tasks[poller] = asyncio.create_task(poller.run(), name=f"asking {poller.source}")
        await _end(gone.values())
        for poller in gone:
            await poller.close()

    async def ask_once(self) -> None:
        """Ask every probe once, side by side."""
        await asyncio.gather(*(poller.ask_once() for poller in self._pollers()))

    async def versions(self) -> list[tuple[str, str]]:
        """Return by probe what it asks, with its version; of those whose server tells it."""
        pollers = tuple(self._pollers())
        found: dict[str, dict[str, None]] = {}
        for poller, version in zip(pollers, await asyncio.gather(*(one.version() for one in pollers)), strict=True):
            if version is not None:
                found.setdefault(poller.source, {})[" ".join(version)] = None
        return [(probe, ", ".join(versions)) for probe, versions in found.items()]

    async def close(self) -> None:
        """Close the connections that probes keep; a later look opens them again."""
        await asyncio.gather(*(poller.close() for poller in self._pollers()))

    def _pollers(self) -> Iterator[AddressPoller]:
        return (poller for nodes in self._probes.values() for poller in nodes.pollers)

    def hurry(self, name: str) -> None:
        """Ask now what tells of this node, probe, process or container: something has happened to it."""
        for probe, nodes in self._probes.items():
            if name == probe or name in nodes.results() or nodes.belongs_to(name):
                for poller in nodes.pollers:
                    poller.pulse.hurry()

    def all_nodes(self) -> tuple[BoardNode, ...]:
        """Return every node, in the order of the probes."""
        found: dict[str, BoardNode] = {}
        for nodes in self._probes.values():
            for ident, result in nodes.results().items():
                before = found[ident].results if ident in found else ()
                found[ident] = BoardNode(ident, (*before, result))
        return tuple(found.values())

    @property
    def probes(self) -> tuple[str, ...]:
        """The names of all probes."""
        return tuple(self._probes)

    def settings(self, probe: str) -> ProbeSettings:
        return self._probes[probe].settings

    def title(self, node: BoardNode) -> str:
        """Return what people call a node: the title of the first probe that tells of it alone, else its id."""
        titles = (self._probes[name].title_of(node.id) for name in node.probes)
        return next((title for title in titles if title), node.id)

    def owner(self, ident: str) -> Owner:
        """Return the process or container that a node belongs to, as the first probe says that knows one."""
        owners = (nodes.owner_of(ident) for nodes in self._probes.values())
        return next((owner for owner in owners if owner), Owner())

    def matching(self, condition: Condition) -> tuple[BoardNode, ...]:
        """Return the nodes that a fault's `where` means: those for which it holds for certain.

        It is about the nodes of the first probe or group that it names; `members.role` is then the role of each node.
        """
        uses = [use.parts for use in condition.names()]
        idents = next((found for parts in uses if (found := self.ids(parts[0]))), ())
        about = next((parts[0] for parts in uses if self.ids(parts[0])), "")
        board = {node.id: node for node in self.all_nodes()}
        return tuple(
            board[ident] for ident in idents if condition.truth(_OneNode(self, about, board[ident].fact)) is True
        )

    def expected(self) -> dict[str, list[str]]:
        """Return by probe the ids of rows that its answer should name, as plain JSON for `fresh_facts`."""
        return {name: list(nodes.seen) for name, nodes in self._probes.items() if nodes.seen}

    def expect(self, ids: Mapping[str, Sequence[str]]) -> None:
        """Expect these rows of each probe from now on, as if its answer had named them."""
        for name, rows in ids.items():
            if name in self._probes:
                self._probes[name].seen |= dict.fromkeys(rows)

    def nodes(self, name: str) -> Sequence[NodeFact] | None:
        """Return the nodes of a probe or group, one node, or all; None if nothing has this name."""
        board = {node.id: node for node in self.all_nodes()}
        if name == ALL:
            return [node.fact for node in board.values()]
        idents = self.ids(name)
        return None if idents is None else [board[ident].fact for ident in idents if ident in board]

    def ids(self, name: str) -> Sequence[str] | None:
        """Return the ids of the nodes that a name means; None if nothing has this name."""
        if name not in self._groups:
            return self._own_ids(name)
        members = [self._own_ids(member) or () for member in self._groups[name]]
        return list(dict.fromkeys(ident for idents in members for ident in idents))

    def _own_ids(self, name: str) -> Sequence[str] | None:
        if name in self._probes:
            return self._probes[name].ids()
        found = {ident for nodes in self._probes.values() for ident in nodes.ids_named(name)}
        return list(found) if len(found) == 1 else None

    def value(self, path: tuple[str, ...]) -> Value:
        """Return the value of a field of a probe with one node, or of a node; None if there is none."""
        for length in range(len(path) - 1, 0, -1):
            found = self.nodes(".".join(path[:length]))
            if found is not None:
                return found[0].fields.get(".".join(path[length:])) if len(found) == 1 else None
        return None


@dataclass(frozen=True)
class EditedProbes:
    """Probes that a board can adopt: their nodes by name, the groups, and the ids that probes name outright."""

    nodes: Mapping[str, ProbeNodes]
    groups: Mapping[str, Sequence[str]]
    known: frozenset[str]


@dataclass(frozen=True)
class _OneNode:
    """The facts of a board, but what is named `about` has only this node."""

    board: ProbeBoard
    about: str
    fact: NodeFact

    def value(self, path: tuple[str, ...]) -> Value:
        if len(path) > 1 and path[0] == self.about:
            return self.fact.fields.get(".".join(path[1:]))
        return self.board.value(path)

    def nodes(self, name: str) -> Sequence[NodeFact] | None:
        return [self.fact] if name == self.about else self.board.nodes(name)


async def _end(tasks: "Collection[asyncio.Task[None]]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _groups_of(probes: Mapping[str, ProbeSettings], groups: Mapping[str, Sequence[str]]) -> Mapping[str, Sequence[str]]:
    """Return the groups with the probes that say by themselves which one they are in."""
    found = {name: list(members) for name, members in groups.items()}
    for name, settings in probes.items():
        if settings.group is not None:
            found.setdefault(settings.group, []).append(name)
    return found


def _nodes_of(name: str, settings: ProbeSettings, sources: Sources, known: frozenset[str]) -> ProbeNodes:
    try:
        rules = NodeStateRules.of(settings)
        addresses = expand(settings.addresses) if settings.addresses else (ProbeAddress(""),)
        split = splitter(settings.each or "$[*]", settings.id) if settings.has_rows else None
        pollers = [
            AddressPoller(name, settings, make_probe(settings, address.text, sources), rules, split, address.element)
            for address in addresses
        ]
    except InvalidValue as error:
        raise InvalidValue(f"probe {name}: {error}") from error
    return ProbeNodes(name, settings, pollers, known)
