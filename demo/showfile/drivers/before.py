"""The values that a fault's undo puts back: what its `before` commands print, just before the deed."""

import asyncio
from collections.abc import Mapping, Sequence

from demo.errors import FaultError
from demo.showfile.drivers.commands import called, run_command
from demo.showfile.drivers.context import DriverContext
from demo.showfile.drivers.substitution import fill_each, from_values

BEFORE_TIMEOUT_SEC = 8.0
MAX_VALUE_BYTES = 4096


async def read_values(before: Mapping[str, Sequence[str]], context: DriverContext) -> dict[str, str]:
    """Run each command and return what it printed, trimmed. Raises `FaultError` if one fails: then there is no fault.

    They run at the same time.
    """
    async with asyncio.TaskGroup() as group:
        tasks = {name: group.create_task(_read_value(name, argv, context)) for name, argv in before.items()}
    results = {name: task.result() for name, task in tasks.items()}
    for result in results.values():
        if isinstance(result, FaultError):
            raise result
    return {name: result for name, result in results.items() if isinstance(result, str)}


async def _read_value(name: str, argv: Sequence[str], context: DriverContext) -> str | FaultError:
    try:
        finished = await run_command(fill_each(argv, from_values({})), BEFORE_TIMEOUT_SEC, context.cwd)
        finished.check()
        return check_value(name, finished.output, argv, context)
    except FaultError as error:
        return FaultError(f"nothing was changed, because {name} is not known: {context.secrets.mask(str(error))}")


def check_value(name: str, output: str, argv: Sequence[str], context: DriverContext) -> str:
    """Return the value in what a command printed. Raises `FaultError` if it is too long, or holds a secret."""
    value = output.strip()
    if len(value.encode()) > MAX_VALUE_BYTES:
        raise FaultError(f"{called(argv)} printed more than {MAX_VALUE_BYTES // 1024} KiB")
    if not value:
        raise FaultError(f"{called(argv)} printed nothing")
    if "\0" in value:
        raise FaultError(f"{called(argv)} printed a zero byte, which no argument can hold")
    if context.secrets.mask(value) != value:
        raise FaultError(f"{called(argv)} printed a secret, which must not be stored")
    return value
