"""Findings of `demo doctor`, one line each; and running checks at once, each with its timeout."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from demo.errors import DemoError

CheckVerdict = Literal["ok", "no", "maybe"]

CHECK_SEC = 8.0


@dataclass(frozen=True)
class Finding:
    """`what` was checked, what was `found`, and the `remedy`: what to do if it is not ok.

    `no` keeps a show from working; `maybe` is worth checking before the show, or could not be determined.
    """

    what: str
    verdict: CheckVerdict
    found: str
    remedy: str = ""


@runtime_checkable
class Examined(Protocol):
    """A subject that checks what it needs on this machine, for `demo doctor`."""

    async def examine(self) -> Sequence[Finding]:
        """Return the findings; start nothing, and change nothing."""


def ok(what: str, found: str) -> Finding:
    return Finding(what, "ok", found)


def no(what: str, found: str, remedy: str = "") -> Finding:
    """Return a finding that keeps a show from working; without a `remedy`, `found` says what to do."""
    return Finding(what, "no", found, remedy)


def maybe(what: str, found: str, remedy: str = "") -> Finding:
    return Finding(what, "maybe", found, remedy)


def broken(what: str, error: BaseException) -> Finding:
    """Turn the error of a check that raised into a finding."""
    if isinstance(error, DemoError):
        return no(what, str(error))
    reason = f"{type(error).__name__}: {error}".split("\n", maxsplit=1)[0][:300]
    return no(what, f"the check failed ({reason})", "if no other finding explains it, this is a bug in the check")


def late(what: str, within_sec: float) -> Finding:
    return no(what, f"the check took longer than {within_sec:g} s", "what it checks does not answer: start there")


async def together(
    checks: Mapping[str, Awaitable[Finding | Sequence[Finding]]], within_sec: float = CHECK_SEC
) -> tuple[Finding, ...]:
    """Run all checks at once, and return their findings in order; raising or taking too long is a finding, too."""

    async def one(what: str, check: Awaitable[Finding | Sequence[Finding]]) -> Sequence[Finding]:
        try:
            async with asyncio.timeout(within_sec) as limit:
                found = await check
        except Exception as error:  # noqa: BLE001 - the other checks count, whatever one raises
            # A check may raise a TimeoutError of its own: that is not ours.
            return (late(what, within_sec) if limit.expired() else broken(what, error),)
        return (found,) if isinstance(found, Finding) else found

    found = await asyncio.gather(*(one(what, check) for what, check in checks.items()))
    return tuple(finding for some in found for finding in some)
