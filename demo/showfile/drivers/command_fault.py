"""Faults by a command here, a command in a container, or an HTTP request; undone and proved as the show file says."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from demo.clock import uptime
from demo.errors import FaultError
from demo.showfile.drivers.before import Print
from demo.showfile.drivers.commands import MARK, called, start_command
from demo.showfile.drivers.context import DriverContext
from demo.showfile.drivers.execution import (
    MAX_OUTPUT,
    as_finished,
    check_engine,
    engine_errors,
    execute,
    find_container,
    wait_for_end,
)
from demo.showfile.drivers.fault_config import config_of, heal_timeout_of
from demo.showfile.drivers.http_request import describe_request
from demo.showfile.drivers.injection_processes import (
    INJECTION_COMMAND_TIMEOUT_SEC,
    end_processes,
    find_processes,
    has_ended_by_itself,
)
from demo.showfile.drivers.observation import Observation
from demo.showfile.drivers.proof import Proof
from demo.showfile.drivers.steps import Step, argv_of, as_steps, exec_step, http_step, in_container
from demo.showfile.drivers.undo_order import UndoOrder
from demo.showfile.drivers.undoing import (
    BEFORE_TIMEOUT_SEC,
    is_proved,
    make_order,
    manual_command,
    perform_undo,
    runner_of,
)
from demo.showfile.schema.faults import ExecCommand, FaultSettings
from demo.showfile.schema.front_matter import FrontMatter
from demo.types import LATE_SEC, Plan

START_SEC = 1.0
"""For so long an injection that ends by itself is watched for failing at once; then it goes on beside the show."""

START_MARGIN_SEC = 5.0
"""In a healer: by so much an injection may have begun after its plan."""


class CommandFault:
    """A fault by `run`, `exec` or `http`. `heal`, `is_healed` and `has_landed` go by the plan alone."""

    def __init__(self, name: str, fault: FaultSettings, settings: FrontMatter, context: DriverContext) -> None:
        self.config = config_of(name, fault)
        self._fault, self._context = fault, context
        self._injection = _find_injection(fault)
        self._steps = as_steps(fault.undo, fault.kind)
        self._proof = Proof.by(fault.healed or "", settings)
        self._observation = Observation.of(fault, context)
        self._begun: dict[str, float] = {}
        self._returned: set[str] = set()
        self._going_on: set[asyncio.Task[Any]] = set()

    @property
    def target(self) -> str:
        if self._fault.title:
            return self._fault.title
        if "http" in self._injection:
            return describe_request(self._injection["http"], self._injection["http"]["url"])
        return called(argv_of(self._injection))

    @property
    def observable(self) -> str:
        return self._observation.words("something is not up")

    async def plan(self) -> Plan:
        context = self._context
        if any("exec" in step for step in (self._injection, *self._steps)):
            order = await self._plan_in_containers()
        else:
            order = await make_order(self._fault, self._steps, self._proof, context, injection=self._injection)
        return Plan(self._fault.kind, self.target, order.data(), manual_command(order, context), LATE_SEC)

    async def _plan_in_containers(self) -> UndoOrder:
        """Return an order whose steps name their containers by id, for the engine that has them now."""
        context, own, run_before = self._context, "", None
        if self._fault.exec is not None:
            own = await self._find(self._fault.exec)
            run_before = self._print_in(own)
        steps = [await self._resolve(step, own) for step in self._steps]
        given = {"container": own} if own else {}
        order = await make_order(
            self._fault, steps, self._proof, context, injection=self._injection, given=given, run_before=run_before
        )
        async with engine_errors():
            order = replace(order, engine=await context.engine.identity())
            if not own:
                return order
            # Prepared already, so that a healer can ask whether it still runs.
            argv = runner_of(order, context).argv(self._injection)
            return replace(order, execution=await context.engine.prepare_execution(own, argv))

    async def _find(self, command: ExecCommand) -> str:
        if command.service is None and command.container is None:
            raise FaultError("a command in a container needs a service or a container")
        return (await find_container(command.service, command.container, self._context)).id

    async def _resolve(self, step: Step, own: str) -> Step:
        if "exec" not in step:
            return step
        command = ExecCommand.model_validate(step["exec"])
        names_one = command.service is not None or command.container is not None
        return in_container(step, await self._find(command) if names_one else own)

    def _print_in(self, container: str) -> Print:
        async def run(argv: Sequence[str]) -> str:
            finished = await execute(self._context.engine, container, argv, BEFORE_TIMEOUT_SEC)
            if finished is None:
                raise FaultError("the container was removed")
            finished.check()
            return finished.output

        return run

    async def inject(self, plan: Plan) -> None:
        order = UndoOrder.of(plan)
        self._begun[order.mark] = uptime()
        with self._context.secrets.masking():
            if "run" in self._injection:
                await self._run_injection(order)
            elif "exec" in self._injection:
                await self._execute_injection(order)
            else:
                await runner_of(order, self._context).perform(self._injection, INJECTION_COMMAND_TIMEOUT_SEC)
        self._returned.add(order.mark)

    async def _run_injection(self, order: UndoOrder) -> None:
        argv = runner_of(order, self._context).argv(self._injection)
        running = await start_command(argv, order.cwd, {MARK: order.mark})
        try:
            # Not killed here, even if this task is cancelled: the heal gives it the rest of its time.
            finished = await running.wait(INJECTION_COMMAND_TIMEOUT_SEC if order.ends is None else START_SEC)
        finally:
            running.close()
        if finished is not None:
            finished.check()
        elif order.ends is None:
            raise FaultError(f"{called(argv)} did not end within {INJECTION_COMMAND_TIMEOUT_SEC:g} s")

    async def _execute_injection(self, order: UndoOrder) -> None:
        argv, engine = runner_of(order, self._context).argv(self._injection), self._context.engine
        within_sec = INJECTION_COMMAND_TIMEOUT_SEC if order.ends is None else order.ends + START_MARGIN_SEC
        executing = asyncio.ensure_future(engine.execute(order.execution, MAX_OUTPUT, within_sec))
        self._going_on.add(executing)
        executing.add_done_callback(self._going_on.discard)
        await asyncio.wait({executing}, timeout=None if order.ends is None else START_SEC)
        if executing.done():
            async with engine_errors():
                as_finished(argv, executing.result()).check()
        else:
            executing.add_done_callback(lambda task: task.cancelled() or task.exception())

    async def heal(self, plan: Plan) -> None:
        order = UndoOrder.of(plan)
        is_done = order.mark in self._returned or order.ends is not None
        wait_sec = 0.0 if is_done else INJECTION_COMMAND_TIMEOUT_SEC - order.age_sec
        await end_processes(order.mark, wait_sec)
        if order.execution:
            await check_engine(self._context.engine, order.engine)
            await wait_for_end(self._context.engine, order.execution, wait_sec)
        await perform_undo(order, self._context)

    async def is_healed(self, plan: Plan) -> bool:
        order = UndoOrder.of(plan)
        if find_processes(order.mark):
            return False
        if order.execution and not await wait_for_end(self._context.engine, order.execution, 0.0):
            return False
        if not order.proof.healed and order.ends is not None and self._elapsed_sec(order) < order.ends:
            return False
        return await is_proved(order, self._context)

    def _elapsed_sec(self, order: UndoOrder) -> float:
        begun = self._begun.get(order.mark)
        return order.age_sec - START_MARGIN_SEC if begun is None else uptime() - begun

    async def has_landed(self, plan: Plan) -> bool:
        order = UndoOrder.of(plan)
        if order.mark in self._returned:
            return True
        return plan.kind == "run" and await has_ended_by_itself(order.mark, order.age_sec)

    def heal_timeout(self, plan: Plan) -> float:
        return heal_timeout_of(plan)

    def is_seen(self, health: Mapping[str, Any], since: float) -> bool:
        return self._observation.is_seen(health)

    def is_recovered(self, health: Mapping[str, Any]) -> bool | None:
        return self._observation.is_recovered(health)


def _find_injection(fault: FaultSettings) -> Step:
    if fault.run is not None:
        return {"run": list(fault.run)}
    return exec_step(fault.exec) if fault.exec is not None else http_step(fault.http)
