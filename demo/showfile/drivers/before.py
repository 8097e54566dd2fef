"""The values that a fault's undo puts back: what its `before` commands print, just before the injection."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from demo.errors import FaultError
from demo.showfile.drivers.commands import called
from demo.showfile.drivers.secrets import Secrets
from demo.showfile.drivers.substitution import fill_each, from_values

MAX_VALUE_BYTES = 4096

Print = Callable[[Sequence[str]], Awaitable[str]]
"""Runs a command and returns what it prints. Raises `FaultError` unless it succeeds."""


async def read_values(before: Mapping[str, Sequence[str]], run: Print, secrets: Secrets) -> dict[str, str]:
    """Run each command and return what it printed, trimmed. Raises `FaultError` if one fails: then there is no fault.

    They run at the same time.
    """
    results = await asyncio.gather(*(_read_value(name, argv, run, secrets) for name, argv in before.items()))
    for result in results:
        if isinstance(result, FaultError):
            raise result
    return {name: result for name, result in zip(before, results, strict=True) if isinstance(result, str)}


async def _read_value(name: str, argv: Sequence[str], run: Print, secrets: Secrets) -> str | FaultError:
    try:
        return check_value(await run(fill_each(argv, from_values({}))), argv, secrets)
    except FaultError as error:
        return FaultError(f"nothing was changed, because {name} is not known: {secrets.mask(str(error))}")


def check_value(output: str, argv: Sequence[str], secrets: Secrets) -> str:
    """Return the value in what a command printed. Raises `FaultError` if it cannot be stored and filled in."""
    value = output.strip()
    if len(value.encode()) > MAX_VALUE_BYTES:
        raise FaultError(f"{called(argv)} printed more than {MAX_VALUE_BYTES // 1024} KiB")
    if not value:
        raise FaultError(f"{called(argv)} printed nothing")
    if "\0" in value:
        raise FaultError(f"{called(argv)} printed a zero byte, which no argument can hold")
    if secrets.mask(value) != value:
        raise FaultError(f"{called(argv)} printed a secret, which must not be stored")
    return value
