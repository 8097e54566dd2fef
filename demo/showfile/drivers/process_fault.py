"""Faults on processes of the show's own: by name, or by a condition on nodes, found at the moment of the fault."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from demo.errors import FaultError
from demo.faults.node_health import is_shown_down
from demo.faults.owned_process import OwnedProcessFault
from demo.processes.owned.client import OwnedProcesses
from demo.showfile.drivers.container_targets import NodeSelection
from demo.showfile.drivers.context import DriverContext
from demo.showfile.drivers.fault_config import TYPES, config_of, heal_timeout_of
from demo.showfile.drivers.observation import Observation
from demo.showfile.drivers.proof import Proof
from demo.showfile.drivers.together import all_of
from demo.showfile.schema.faults import FaultSettings, ProcessTarget
from demo.showfile.schema.front_matter import FrontMatter
from demo.showfile.schema.probes import ProbeSettings
from demo.types import ChaosConfig, ChaosType, Plan


class ProcessesFault:
    """Kills or pauses one process, or several at once. `heal` and `is_healed` go by the plan alone."""

    def __init__(
        self,
        name: str,
        fault: FaultSettings,
        settings: FrontMatter,
        context: DriverContext,
        processes: OwnedProcesses,
    ) -> None:
        if fault.process is None:
            raise TypeError(f"{name} is not a fault by process")
        self._target: ProcessTarget = fault.process
        self.config = config_of(name, fault, TYPES[self._target.do])
        self._fault, self._settings, self._context, self._processes = fault, settings, context, processes
        self._selection = (
            NodeSelection(self._target.where, settings, context.board) if self._target.where is not None else None
        )
        self._proof = Proof.by(fault.healed or "", settings)
        self._observation = Observation.of(fault, context)
        self._nodes: tuple[str, ...] = ()

    @property
    def target(self) -> str:
        return self._target.name or f"{_PICKS[self._target.pick]} {self._target.where}"

    @property
    def observable(self) -> str:
        return self._observation.words(f"{' and '.join(self._nodes) or self.target} is down")

    def describe_target(self) -> str:
        """Return what would be hit now, for the fault's button; "" if that never changes. Never blocks."""
        return self._selection.describe(self._target.pick) if self._selection is not None else ""

    def targets(self) -> Sequence[str]:
        if self._selection is None:
            return []
        return [node.id for node in self._selection.candidates()]

    async def plan(self) -> Plan:
        if self._selection is None:
            return await self._plan([self._target.name or ""], self._nodes_of(self._target.name or ""))
        nodes = [node.id for node in self._selection.matching()]
        if not nodes:
            raise FaultError(f"no node matches {self._selection.where} now, so nothing was touched")
        if self._target.pick != "all":
            nodes = [random.choice(nodes) if self._target.pick == "random" else nodes[0]]  # noqa: S311 - no secret
        return await self._plan([self._process_of(node) for node in nodes], nodes)

    async def plan_for(self, target: str) -> Plan:
        if target not in self.targets():
            raise FaultError(f"there is no target {target!r} now: nothing was touched")
        return await self._plan([self._process_of(target)], [target])

    async def _plan(self, processes: Sequence[str], nodes: Sequence[str]) -> Plan:
        parts = [await self._driver(self.config.chaos_type, one).plan() for one in dict.fromkeys(processes)]
        self._nodes = tuple(nodes)
        known = self._context.secrets
        known.require(self._proof.names)
        undo = {
            "parts": [asdict(part) for part in parts],
            "secrets": known.only(self._proof.names),
            "proof": self._proof.data(),
            "heal_timeout": self._fault.heal_timeout,
        }
        called = " and ".join(part.target for part in parts)
        by_hand = " && ".join(dict.fromkeys(part.manual for part in parts))
        return Plan("process", called, undo, by_hand, max(part.late_sec for part in parts))

    def _driver(self, chaos_type: ChaosType, process: str) -> OwnedProcessFault:
        return OwnedProcessFault(ChaosConfig("planned", chaos_type, process), self._processes, process)

    def _driver_of(self, part: Plan) -> OwnedProcessFault:
        """Return a driver that goes by this plan, whatever fault has made it."""
        kind = ChaosType.CONTAINER_PAUSE if part.kind.endswith("pause") else ChaosType.CONTAINER_KILL
        return self._driver(kind, part.target)

    def _process_of(self, node: str) -> str:
        """Return the process behind a node. Raises `FaultError` if no probe says which it is."""
        for name, probe in self._settings.probes.items():
            process = _process_behind(probe)
            if process and node in self._idents(name):
                return process
        raise FaultError(f"nothing says which process is behind {node}: add behind to the probe that tells of it")

    def _nodes_of(self, process: str) -> list[str]:
        """Return the nodes that probes show for a process; its own name if there are none."""
        probes = [name for name, probe in self._settings.probes.items() if _process_behind(probe) == process]
        return [ident for name in probes for ident in self._idents(name)] or [process]

    def _idents(self, probe: str) -> list[str]:
        board = self._context.board
        nodes = board.nodes(probe) if board is not None else None
        return [probe] if nodes is None else [node.id for node in nodes]

    async def inject(self, plan: Plan) -> None:
        await all_of([self._driver_of(part).inject(part) for part in _parts(plan)])

    async def heal(self, plan: Plan) -> None:
        with self._context.secrets.masking():  # an error may end with what the process has printed last
            await self._heal(plan)

    async def _heal(self, plan: Plan) -> None:
        await all_of([self._driver_of(part).heal(part) for part in _parts(plan) if not self._is_removed(part)])

    async def is_healed(self, plan: Plan) -> bool:
        parts = [part for part in _parts(plan) if not self._is_removed(part)]
        if not parts:
            return True
        if not all(await all_of([self._driver_of(part).is_healed(part) for part in parts])):
            return False
        return await Proof(**plan.undo["proof"]).holds(self._context, plan.undo["secrets"])

    def _is_removed(self, part: Plan) -> bool:
        """Return whether this show ends the process, since its file does not have it any more: none can come back."""
        identity = self._processes.identity
        is_ours = identity is not None and identity.to_json() == part.undo["supervisor"]
        return is_ours and part.target not in self._processes.specs

    def heal_timeout(self, plan: Plan) -> float:
        return heal_timeout_of(plan)

    def is_seen(self, health: Mapping[str, Any], since: float) -> bool:
        if self._observation.condition is None:
            return any(is_shown_down(health, node) for node in self._nodes)
        return self._observation.is_seen(health)

    def is_recovered(self, health: Mapping[str, Any]) -> bool | None:
        return self._observation.is_recovered(health, self._nodes)


def _process_behind(probe: ProbeSettings) -> str:
    return probe.process or probe.behind or ""


def _parts(plan: Plan) -> list[Plan]:
    """Return the plan of each process."""
    return [Plan(**part) for part in plan.undo["parts"]]


_PICKS = {"one": "the one with", "all": "all with", "random": "one of those with"}
