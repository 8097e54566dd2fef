"""Faults by a command here, a command in a container, or an HTTP request; undone and proved as the show file says."""

import asyncio
import secrets as random_tokens
import shlex
from collections.abc import Mapping
from typing import Any

from demo.clock import uptime
from demo.errors import FaultError
from demo.showfile.drivers.before import read_values
from demo.showfile.drivers.commands import MARK, called, start_command
from demo.showfile.drivers.context import DriverContext
from demo.showfile.drivers.deed import DEED_TIMEOUT_SEC, end_processes, find_processes, has_ended_by_itself
from demo.showfile.drivers.fault_config import config_of
from demo.showfile.drivers.observation import Observation
from demo.showfile.drivers.proof import Proof
from demo.showfile.drivers.secrets import Secrets
from demo.showfile.drivers.steps import Step, StepRunner, argv_of, as_steps, check_names, exec_step, http_step
from demo.showfile.drivers.substitution import names_in
from demo.showfile.drivers.undo_order import UndoOrder
from demo.showfile.schema.faults import FaultSettings
from demo.showfile.schema.front_matter import FrontMatter
from demo.types import LATE_SEC, Plan

START_SEC = 1.0
"""For so long a deed that ends by itself is watched for failing at once; then it goes on beside the show."""

STEP_TIMEOUT_SEC = 10.0
FAILED_UNDO_SEC = 3.0
"""So long the proof has time to say that all is well, although a step of the undo failed."""

START_MARGIN_SEC = 5.0
"""In a healer: by so much a deed may have begun after its plan."""

LOOK_SEC = 0.1


class CommandFault:
    """A fault by `run`, `exec` or `http`. `heal`, `is_healed` and `has_landed` go by the plan alone."""

    def __init__(self, name: str, fault: FaultSettings, settings: FrontMatter, context: DriverContext) -> None:
        self.config = config_of(name, fault)
        self._fault, self._context = fault, context
        self._deed = _deed_of(fault)
        self._steps = as_steps(fault.undo, fault.kind)
        self._proof = Proof.by(fault.healed or "", settings)
        self._observation = Observation.of(fault, context)
        self._begun: dict[str, float] = {}
        self._returned: set[str] = set()

    @property
    def target(self) -> str:
        return self._fault.title or called(argv_of(self._deed)) if argv_of(self._deed) else self.config.description

    @property
    def observable(self) -> str:
        return self._observation.words("something is not up")

    async def plan(self) -> Plan:
        names = names_in(self._deed) | names_in(self._steps) | self._proof.names
        known = self._context.secrets
        check_names([self._deed, *self._steps], list(self._fault.before), known)
        known.require(names)
        values = await read_values(self._fault.before, self._context)
        order = UndoOrder(
            random_tokens.token_hex(8),
            self._steps,
            values,
            known.only(names),
            self._context.cwd,
            ends=self._fault.ends,
            heal_timeout=self._fault.heal_timeout,
            proof=self._proof,
        )
        return Plan(self._fault.kind, self.target, order.data(), self._manual_command(order), LATE_SEC)

    def _manual_command(self, order: UndoOrder) -> str:
        """Return the undo as a person would type it; requests are left out."""
        runner = self._runner(order)
        return " && ".join(shlex.join(runner.argv(step)) for step in order.steps if "run" in step)

    def _runner(self, order: UndoOrder) -> StepRunner:
        known = Secrets(order.secrets, self._context.secrets.environ)
        return StepRunner(self._context, order.values, known, order.cwd)

    async def inject(self, plan: Plan) -> None:
        order = UndoOrder.of(plan)
        self._begun[order.mark] = uptime()
        if "run" in self._deed:
            await self._run_deed(order)
        else:
            await self._runner(order).perform(self._deed, DEED_TIMEOUT_SEC)
        self._returned.add(order.mark)

    async def _run_deed(self, order: UndoOrder) -> None:
        runner = self._runner(order)
        argv = runner.argv(self._deed)
        running = await start_command(argv, order.cwd, {MARK: order.mark})
        try:
            with self._context.secrets.masking():
                # Not killed here, even if this task is cancelled: the heal gives it the rest of its time.
                finished = await running.wait(DEED_TIMEOUT_SEC if order.ends is None else START_SEC)
                if finished is not None:
                    finished.check()
                elif order.ends is None:
                    raise FaultError(f"{called(argv)} did not end within {DEED_TIMEOUT_SEC:g} s")
        finally:
            running.close()

    async def heal(self, plan: Plan) -> None:
        order = UndoOrder.of(plan)
        is_done = order.mark in self._returned or order.ends is not None
        await end_processes(order.mark, 0.0 if is_done else DEED_TIMEOUT_SEC - order.age_sec)
        errors = await self._perform_all(order)
        if errors and not await self._is_proved_soon(plan):
            raise FaultError("; ".join(errors))

    async def _perform_all(self, order: UndoOrder) -> list[str]:
        """Carry out every step of the undo, in order; return why some failed. None keeps the next from being tried."""
        runner, errors = self._runner(order), []
        for step in order.steps:
            try:
                await runner.perform(step, STEP_TIMEOUT_SEC, undoing=True)
            except FaultError as error:
                errors.append(str(error))
        return errors

    async def _is_proved_soon(self, plan: Plan) -> bool:
        """Return whether all is well although a step failed: what it should remove may be gone already."""
        until = uptime() + FAILED_UNDO_SEC
        while not await self.is_healed(plan):
            if uptime() > until:
                return False
            await asyncio.sleep(LOOK_SEC)
        return True

    async def is_healed(self, plan: Plan) -> bool:
        order = UndoOrder.of(plan)
        if find_processes(order.mark):
            return False
        if order.proof.healed:
            return await order.proof.holds(self._context, order.secrets)
        return order.ends is None or self._elapsed_sec(order) >= order.ends

    def _elapsed_sec(self, order: UndoOrder) -> float:
        begun = self._begun.get(order.mark)
        return order.age_sec - START_MARGIN_SEC if begun is None else uptime() - begun

    async def has_landed(self, plan: Plan) -> bool:
        order = UndoOrder.of(plan)
        if order.mark in self._returned:
            return True
        return plan.kind == "run" and await has_ended_by_itself(order.mark, order.age_sec)

    def is_seen(self, health: Mapping[str, Any], since: float) -> bool:
        return self._observation.is_seen(health)


def _deed_of(fault: FaultSettings) -> Step:
    if fault.run is not None:
        return {"run": list(fault.run)}
    return exec_step(fault.exec) if fault.exec is not None else http_step(fault.http)
