"""Faults on a process of this machine that is not the show's, with the undo and the proof that the show file gives."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from demo.faults.local_process import LocalProcess, LocalProcessFault, ProcessUndo
from demo.showfile.drivers.context import DriverContext
from demo.showfile.drivers.fault_config import TYPES, config_of
from demo.showfile.drivers.observation import Observation
from demo.showfile.drivers.proof import Proof
from demo.showfile.drivers.steps import as_steps
from demo.showfile.drivers.undo_order import UndoOrder
from demo.showfile.drivers.undoing import is_proved, make_order, perform_undo
from demo.showfile.schema.faults import DEFAULT_HEAL_TIMEOUT_SEC, FaultSettings, ProcessTarget
from demo.showfile.schema.front_matter import FrontMatter
from demo.types import Plan


class ForeignProcessFault:
    """Kills or pauses the process on a port, or of a pid file. `heal` and `is_healed` go by the plan alone."""

    def __init__(self, name: str, fault: FaultSettings, settings: FrontMatter, context: DriverContext) -> None:
        if fault.process is None:
            raise TypeError(f"{name} is not a fault by process")
        target: ProcessTarget = fault.process
        self.config = config_of(name, fault, TYPES[target.do])
        pidfile = Path(context.cwd) / target.pidfile if target.pidfile else None
        self._where = LocalProcess(target.port, pidfile)
        self._fault, self._context = fault, context
        self._steps = as_steps(fault.undo, "run")
        self._proof = Proof.by(fault.healed or "", settings)
        self._observation = Observation.of(fault, context)
        self._driver({})  # refuses a kill without an undo when the file is read

    def _driver(self, order: Mapping[str, Any]) -> LocalProcessFault:
        undo = ProcessUndo(order, self._undo, self._is_undone) if self._steps or order else None
        return LocalProcessFault(self.config, self._where, undo)

    async def _undo(self, order: Mapping[str, Any]) -> None:
        await perform_undo(UndoOrder.from_data(order), self._context)

    async def _is_undone(self, order: Mapping[str, Any]) -> bool:
        return await is_proved(UndoOrder.from_data(order), self._context)

    @property
    def target(self) -> str:
        return self._fault.title or str(self._where)

    @property
    def observable(self) -> str:
        return self._observation.words(f"{self.target} is down")

    async def plan(self) -> Plan:
        order = await make_order(self._fault, self._steps, self._proof, self._context)
        return await self._driver(order.data()).plan()

    async def inject(self, plan: Plan) -> None:
        await self._driver(plan.undo["undo"]).inject(plan)

    async def heal(self, plan: Plan) -> None:
        await self._driver(plan.undo["undo"]).heal(plan)

    async def is_healed(self, plan: Plan) -> bool:
        order = plan.undo["undo"]
        return await self._driver(order).is_healed(plan) and await self._is_undone(order)

    def heal_timeout(self, plan: Plan) -> float:
        return (
            UndoOrder.from_data(plan.undo["undo"]).heal_timeout if plan.undo.get("undo") else DEFAULT_HEAL_TIMEOUT_SEC
        )

    def is_seen(self, health: Mapping[str, Any], since: float) -> bool:
        return self._observation.is_seen(health)

    def is_recovered(self, health: Mapping[str, Any]) -> bool | None:
        return self._observation.is_recovered(health)
