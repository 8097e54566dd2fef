"""Several injections of one fault at the same time: one that fails keeps no other from being done."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import TypeVar

from demo.errors import FaultError

T = TypeVar("T")


async def all_of(works: Sequence[Awaitable[T]]) -> list[T]:
    """Do all, to the end of each, and return the results. Raises one `FaultError` with all reasons."""
    results = await asyncio.gather(*works, return_exceptions=True)
    errors = [result for result in results if isinstance(result, BaseException)]
    for error in errors:
        if not isinstance(error, FaultError):
            raise error
    if errors:
        raise FaultError("; ".join(dict.fromkeys(map(str, errors))))
    return [result for result in results if not isinstance(result, BaseException)]
