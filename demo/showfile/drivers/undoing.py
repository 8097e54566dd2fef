"""Carries out an undo as a show file describes it, from its plan alone, and proves it."""

import asyncio
import secrets as random_tokens
import shlex
from collections.abc import Mapping, Sequence

from demo.clock import uptime
from demo.errors import FaultError
from demo.showfile.drivers.before import Print, read_values
from demo.showfile.drivers.commands import run_command
from demo.showfile.drivers.context import DriverContext
from demo.showfile.drivers.execution import check_engine
from demo.showfile.drivers.proof import Proof
from demo.showfile.drivers.secrets import Secrets
from demo.showfile.drivers.steps import Step, StepRunner, check_names
from demo.showfile.drivers.substitution import names_in
from demo.showfile.drivers.undo_order import UndoOrder
from demo.showfile.schema.faults import FaultSettings

STEP_TIMEOUT_SEC = 10.0
FAILED_UNDO_SEC = 3.0
"""So long the proof has time to say that all is well, although a step of the undo failed."""

BEFORE_TIMEOUT_SEC = 8.0
CHECK_INTERVAL_SEC = 0.1


def runner_of(order: UndoOrder, context: DriverContext) -> StepRunner:
    """Return what carries out steps with the values and secrets of an order."""
    return StepRunner(context, order.values, Secrets(order.secrets, context.secrets.environ), order.cwd)


def print_here(context: DriverContext) -> Print:
    """Return what runs the commands of `before` on this machine."""

    async def run(argv: Sequence[str]) -> str:
        finished = await run_command(argv, BEFORE_TIMEOUT_SEC, context.cwd)
        finished.check()
        return finished.output

    return run


async def make_order(
    fault: FaultSettings,
    steps: Sequence[Step],
    proof: Proof,
    context: DriverContext,
    *,
    injection: Step | None = None,
    given: Mapping[str, str] | None = None,
    run_before: Print | None = None,
) -> UndoOrder:
    """Read the values, check that everything has one, and return the order. Raises `FaultError`: nothing was changed.

    `given`: values besides those from `before`.
    """
    given, all_steps = given or {}, [*steps, *([injection] if injection else ())]
    names = names_in(all_steps) | proof.names
    check_names(all_steps, [*fault.before, *given], context.secrets)
    context.secrets.require(names)
    values = await read_values(fault.before, run_before or print_here(context), context.secrets)
    return UndoOrder(
        random_tokens.token_hex(8),
        steps,
        {**given, **values},
        context.secrets.only(names),
        context.cwd,
        ends=fault.ends,
        heal_timeout=fault.heal_timeout,
        proof=proof,
    )


def manual_command(order: UndoOrder, context: DriverContext) -> str:
    """Return the undo as a person would type it; requests are left out."""
    runner = runner_of(order, context)
    commands = [
        shlex.join(
            (() if "run" in step else ("docker", "exec", step["exec"]["container"][:12])) + (*runner.argv(step),)
        )
        for step in order.steps
        if "http" not in step
    ]
    return " && ".join(commands)


async def perform_undo(order: UndoOrder, context: DriverContext) -> None:
    """Carry out every step in order, also after one that failed.

    Raises `FaultError` with all reasons, unless the proof says that all is well: what a step removes may be gone.
    """
    if order.engine:
        await check_engine(context.engine, order.engine)
    runner, errors = runner_of(order, context), []
    for step in order.steps:
        try:
            await runner.perform(step, STEP_TIMEOUT_SEC, undoing=True)
        except FaultError as error:
            errors.append(str(error))
    if errors and not await _is_proved_soon(order, context):
        raise FaultError("; ".join(errors))


async def _is_proved_soon(order: UndoOrder, context: DriverContext) -> bool:
    until = uptime() + FAILED_UNDO_SEC
    while not (order.proof.healed and await is_proved(order, context)):
        if not order.proof.healed or uptime() > until:
            return False
        await asyncio.sleep(CHECK_INTERVAL_SEC)
    return True


async def is_proved(order: UndoOrder, context: DriverContext) -> bool:
    """Return whether fresh answers of the probes say that the fault is healed. Raises `FaultError` without a secret."""
    if order.engine:
        await check_engine(context.engine, order.engine)
    return await order.proof.holds(context, order.secrets)
