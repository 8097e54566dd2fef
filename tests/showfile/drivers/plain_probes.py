"""Probes in their smallest form, for tests of drivers: each is asked by its own `run`."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from demo.conditions import NodeFact
from demo.showfile.drivers.protocols import Fill
from demo.showfile.schema.probes import ProbeSettings


@dataclass(frozen=True)
class Nodes:
    """Facts that are given."""

    known: Mapping[str, Sequence[NodeFact]]

    def value(self, path: tuple[str, ...]) -> Any:
        return None

    def nodes(self, name: str) -> Sequence[NodeFact] | None:
        return self.known.get(name)


async def ask(probes: Mapping[str, ProbeSettings], groups: Mapping[str, Sequence[str]], fill: Fill) -> Nodes:
    """Run each probe's command: exit code 0 is up, 1 down, anything else unknown."""
    states = {}
    for name, probe in probes.items():
        process = await asyncio.create_subprocess_exec(*(probe.run or ("false",)))
        states[name] = {0: "up", 1: "down"}.get(await process.wait(), "unknown")
    return Nodes({name: [NodeFact(name, state)] for name, state in states.items()})
