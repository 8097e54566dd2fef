"""Faults on containers: one or several at once, each with its own undo, and each healed and verified."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from demo.container_engine import Engine, Selector
from demo.faults.container import ContainerFault, Fixed
from demo.faults.node_health import is_shown_down
from demo.showfile.drivers.container_targets import Chosen, ContainerTargets
from demo.showfile.drivers.context import DriverContext
from demo.showfile.drivers.fault_config import TYPES, config_of, heal_timeout_of
from demo.showfile.drivers.observation import Observation
from demo.showfile.drivers.proof import Proof, not_down
from demo.showfile.drivers.together import all_of
from demo.showfile.schema.faults import ContainerTarget, FaultSettings
from demo.showfile.schema.front_matter import FrontMatter
from demo.types import ChaosConfig, ChaosType, Plan


class ContainersFault:
    """`heal`, `is_healed` and `has_landed` go by the plan alone, which names each container by its id."""

    def __init__(self, name: str, fault: FaultSettings, settings: FrontMatter, context: DriverContext) -> None:
        if fault.container is None:
            raise TypeError(f"{name} is not a fault by container")
        target: ContainerTarget = fault.container
        self.config = config_of(name, fault, TYPES[target.do])
        self._fault, self._settings, self._context = fault, settings, context
        self._targets = ContainerTargets(target, settings, context)
        self._proof = Proof.by(fault.healed or "", settings)
        self._observation = Observation.of(fault, context)
        self._nodes: tuple[str, ...] = ()

    @property
    def target(self) -> str:
        return self._targets.label

    @property
    def observable(self) -> str:
        return self._observation.words(f"{' and '.join(self._nodes) or self.target} is down")

    def describe_target(self) -> str:
        """Return what would be hit now, for the fault's button; "" if that never changes. Never blocks."""
        return self._targets.describe()

    def targets(self) -> Sequence[str]:
        return self._targets.candidates()

    async def plan(self) -> Plan:
        return await self._plan(await self._targets.choose())

    async def plan_for(self, target: str) -> Plan:
        return await self._plan(await self._targets.choose(target))

    async def _plan(self, chosen: Sequence[Chosen]) -> Plan:
        plans = [await self._plan_one(one) for one in chosen]
        self._nodes = tuple(one.node for one in chosen if one.node)
        proof = self._proof if self._proof.healed else not_down(self._nodes, self._settings)
        known = self._context.secrets
        known.require(proof.names)
        undo = {
            "containers": [asdict(plan) for plan in plans],
            "proof": proof.data(),
            "heal_timeout": self._fault.heal_timeout,
            "secrets": known.only(proof.names),
        }
        by_hand = " && ".join(plan.manual for plan in plans)
        called = " and ".join(plan.target for plan in plans)
        return Plan(self.config.chaos_type.value, called, undo, by_hand, max(plan.late_sec for plan in plans))

    async def _plan_one(self, chosen: Chosen) -> Plan:
        container, context = chosen.container, self._context
        allowed = context.allow_unlabelled or context.owns(container)
        name = Selector(name=container.name)
        return await _driver(self.config, context.engine, name, allow_unlabelled=allowed).plan()

    async def inject(self, plan: Plan) -> None:
        await all_of([_driver_of(one, self._context.engine).inject(one) for one in _plans(plan)])

    async def heal(self, plan: Plan) -> None:
        await all_of([_driver_of(one, self._context.engine).heal(one) for one in _plans(plan)])

    async def is_healed(self, plan: Plan) -> bool:
        engine = self._context.engine
        healed = await all_of([_driver_of(one, engine).is_healed(one) for one in _plans(plan)])
        return all(healed) and await self._is_proved(plan)

    async def _is_proved(self, plan: Plan) -> bool:
        # A container that was removed on purpose cannot answer its probe any more, and has no fault either.
        if await self._are_all_removed(plan):
            return True
        return await Proof(**plan.undo["proof"]).holds(self._context, plan.undo["secrets"])

    async def _are_all_removed(self, plan: Plan) -> bool:
        found = await asyncio.gather(*(self._context.engine.inspect(one.undo["id"]) for one in _plans(plan)))
        return not any(found)

    async def has_landed(self, plan: Plan) -> bool:
        engine = self._context.engine
        return all(await all_of([_driver_of(one, engine).has_landed(one) for one in _plans(plan)]))

    def heal_timeout(self, plan: Plan) -> float:
        return heal_timeout_of(plan)

    def is_seen(self, health: Mapping[str, Any], since: float) -> bool:
        if self._observation.condition is None and self._nodes:
            return any(is_shown_down(health, node) for node in self._nodes)
        return self._observation.is_seen(health)

    def is_recovered(self, health: Mapping[str, Any]) -> bool | None:
        return self._observation.is_recovered(health, self._nodes)


async def _always_up(_: str) -> bool:
    return True  # the engine's own word; the fault's proof asks the probes


def _driver(config: ChaosConfig, engine: Engine, name: Selector, *, allow_unlabelled: bool = False) -> ContainerFault:
    return ContainerFault(config, Fixed(name), engine, _always_up, allow_unlabelled=allow_unlabelled)


def _driver_of(plan: Plan, engine: Engine) -> ContainerFault:
    """Return a driver that goes by this plan, whatever fault has made it."""
    kind = ChaosType(plan.kind)
    return _driver(ChaosConfig("planned", kind, plan.target), engine, Selector(name=plan.undo["name"]))


def _plans(plan: Plan) -> list[Plan]:
    """Return the plan of each container."""
    return [Plan(**one) for one in plan.undo["containers"]]
