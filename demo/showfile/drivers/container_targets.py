"""Which containers a fault hits: found at the moment of the fault, by service, name, group, or a condition on nodes."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from demo.conditions import Facts, NodeFact, Value, parse
from demo.container_engine import Container
from demo.errors import EngineError, FaultError
from demo.showfile.drivers.context import DriverContext
from demo.showfile.schema.faults import ContainerTarget
from demo.showfile.schema.front_matter import FrontMatter
from demo.showfile.schema.probes import ProbeSettings


@dataclass(frozen=True)
class Chosen:
    """A container, and the node that stands for it in health samples; "" if no probe tells of it."""

    container: Container
    node: str


@dataclass(frozen=True)
class FactsOfNode:
    """The facts for one node of the probe or group `name`: what is said of that is said of this node."""

    name: str
    node: NodeFact
    others: Facts

    def value(self, path: tuple[str, ...]) -> Value:
        if path[0] != self.name:
            return self.others.value(path)
        field = ".".join(path[1:])
        return self.node.id if field == "id" and "id" not in self.node.fields else self.node.fields.get(field)

    def nodes(self, name: str) -> Sequence[NodeFact] | None:
        return [self.node] if name == self.name else self.others.nodes(name)


def container_of(settings: ProbeSettings, node: str) -> str:
    """Return the name, or service, of the container behind a node of this probe; "" if the probe does not tell."""
    if settings.container is not None:
        return settings.container.replace("${id}", node).replace("{id}", node)
    if settings.docker is not None:
        return settings.docker
    if settings.exec is not None:
        return settings.exec.container or settings.exec.service or ""
    return ""


class NodeSelection:
    """Chooses nodes by a condition, by the newest answers of the show's probes."""

    def __init__(self, where: str, settings: FrontMatter, board: Facts | None) -> None:
        self.where, self._condition = where, parse(where)
        self._board = board
        known = {*settings.probes, *settings.groups, *(probe.group for probe in settings.probes.values())}
        self._name = next((use.parts[0] for use in self._condition.names() if use.parts[0] in known), "")

    def candidates(self) -> Sequence[NodeFact]:
        """Return all nodes that the condition could choose; none in a healer."""
        return (self._board.nodes(self._name) or ()) if self._board is not None else ()

    def matching(self) -> list[NodeFact]:
        """Return the nodes for which the condition holds now, for certain."""
        board = self._board
        if board is None:
            return []
        return [node for node in self.candidates() if self._condition.truth(FactsOfNode(self._name, node, board))]

    def describe(self, pick: str) -> str:
        """Return what would be hit now, in a few words."""
        matching = [node.id for node in self.matching()]
        if not matching:
            return "no node matches now"
        if pick == "one":
            return matching[0]
        return ", ".join(matching) if pick == "all" else f"one of {', '.join(matching)}"


class ContainerTargets:
    """Finds the containers of one fault."""

    def __init__(self, target: ContainerTarget, settings: FrontMatter, context: DriverContext) -> None:
        self._target, self._settings, self._context = target, settings, context
        self._nodes = NodeSelection(target.where, settings, context.board) if target.where else None

    @property
    def label(self) -> str:
        """What the fault's button says before a target is chosen."""
        target = self._target
        if target.where:
            return f"the one with {target.where}" if target.pick == "one" else f"{_PICKS[target.pick]}{target.where}"
        return f"{'' if target.pick == 'one' else _PICKS[target.pick]}{target.service or target.name or target.group}"

    def describe(self) -> str:
        """Return what would be hit now, in a few words; "" if that never changes."""
        return self._nodes.describe(self._target.pick) if self._nodes is not None else ""

    def candidates(self) -> list[str]:
        """Return the ids that one injection may name."""
        if self._nodes is not None:
            return [node.id for node in self._nodes.candidates()]
        return list(self._members()) if self._target.group else []

    async def choose(self, only: str | None = None) -> list[Chosen]:
        """Return the containers to hit: `only` the named one, or as the fault picks. Raises `FaultError` for none."""
        if only is not None and only not in self.candidates():
            raise FaultError(f"there is no target {only!r} now: nothing was touched")
        found = [chosen for chosen in await self._find(only) if chosen.container.is_running or only]
        if not found:
            raise FaultError(f"no container of {self.label} is running, so none was touched")
        match "all" if only else self._target.pick:
            case "all":
                return found
            case "random":
                return [random.choice(found)]  # noqa: S311 - a lot, no secret
        return found[:1]

    async def _find(self, only: str | None) -> list[Chosen]:
        target = self._target
        containers = await self._list()
        if target.service or target.name:
            found = [
                one
                for one in containers
                if (one.service == target.service if target.service else one.name == target.name)
            ]
            return [Chosen(one, self._node_of(one)) for one in found] or _refuse(target.service or target.name)
        if self._nodes is None:
            wanted = [only] if only else list(self._members())
        else:
            wanted = [only] if only else [node.id for node in self._nodes.matching()]
            if not wanted:
                raise FaultError(f"no node matches {self._nodes.where} now, so nothing was touched")
        chosen = {one.container.id: one for name in wanted for one in self._behind(name, containers)}
        return list(chosen.values())

    async def _list(self) -> list[Container]:
        try:
            found = await self._context.engine.containers(self._context.project)
        except EngineError as error:
            raise FaultError(str(error)) from error
        return sorted(found, key=lambda container: container.name)

    def _members(self) -> Iterator[str]:
        """Yield the nodes of the group, and the services that stand in it directly."""
        group = self._target.group
        probes = [name for name, probe in self._settings.probes.items() if probe.group == group]
        for member in (*self._settings.groups.get(group or "", ()), *probes):
            board = self._context.board
            nodes = board.nodes(member) if board is not None and member in self._settings.probes else None
            yield from [node.id for node in nodes] if nodes else [member]

    def _behind(self, node: str, containers: Sequence[Container]) -> list[Chosen]:
        """Return the container behind a node. Raises `FaultError` if nothing says which it is, or it is not there."""
        name = next(filter(None, (container_of(probe, node) for probe in self._probes_of(node))), "")
        if not name and self._nodes is not None:
            raise FaultError(
                f"nothing says which container is behind {node}: add container to the probe that tells of it"
            )
        found = [one for one in containers if (name or node) in (one.name, one.service)]
        return [Chosen(one, node) for one in found] or _refuse(name or node)

    def _probes_of(self, node: str) -> Iterator[ProbeSettings]:
        board = self._context.board
        for name, probe in self._settings.probes.items():
            nodes = board.nodes(name) if board is not None else None
            if any(one.id == node for one in nodes or ()) or (nodes is None and name == node):
                yield probe

    def _node_of(self, container: Container) -> str:
        board = self._context.board
        for name, probe in self._settings.probes.items():
            for node in (board.nodes(name) or ()) if board is not None else ():
                if container_of(probe, node.id) in (container.name, container.service) and container_of(probe, node.id):
                    return node.id
        return ""


def _refuse(name: str | None) -> Any:
    raise FaultError(f"there is no container {name}: see `docker ps --all`")


_PICKS = {"one": "", "all": "all of ", "random": "one of "}
