"""Conditions and probes in their smallest form, for tests of drivers: `NAME is up`, asked by the probe's `run`."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from demo.showfile.drivers.protocols import Facts, Fill
from demo.showfile.schema.probes import ProbeSettings


@dataclass(frozen=True)
class Node:
    id: str
    state: str
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Nodes:
    """Facts that are given."""

    known: Mapping[str, Sequence[Node]]

    def value(self, path: tuple[str, ...]) -> Any:
        return None

    def nodes(self, name: str) -> Sequence[Node] | None:
        return self.known.get(name)


@dataclass(frozen=True)
class Use:
    parts: tuple[str, ...]


@dataclass(frozen=True)
class IsUp:
    name: str

    def truth(self, facts: Facts) -> bool | None:
        states = {node.state for node in facts.nodes(self.name) or ()}
        return None if states <= {"unknown"} else states == {"up"}

    def names(self) -> Sequence[Use]:
        return (Use((self.name,)),)


def parse(text: str, /) -> IsUp:
    name, is_, up = text.split()
    assert (is_, up) == ("is", "up")
    return IsUp(name)


async def ask(probes: Mapping[str, ProbeSettings], groups: Mapping[str, Sequence[str]], fill: Fill) -> Nodes:
    """Run each probe's command: exit code 0 is up, 1 down, anything else unknown."""
    states = {}
    for name, probe in probes.items():
        process = await asyncio.create_subprocess_exec(*(probe.run or ("false",)))
        states[name] = {0: "up", 1: "down"}.get(await process.wait(), "unknown")
    return Nodes({name: [Node(name, state)] for name, state in states.items()})
