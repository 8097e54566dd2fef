"""What an examination found: one line each, for `demo doctor`; and how checks run at once, each within its time."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from demo.errors import DemoError

Verdict = Literal["ok", "no", "maybe"]

CHECK_SEC = 8.0


@dataclass(frozen=True)
class Finding:
    """`what` was looked at, what was `found`, and the `remedy`: what to do about it, where it is not ok.

    `no` keeps a show from working; `maybe` is worth a look before the show, or could not be judged.
    """

    what: str
    verdict: Verdict
    found: str
    remedy: str = ""


@runtime_checkable
class Examined(Protocol):
    """A subject that looks at what it needs on this machine, for `demo doctor`."""

    async def examine(self) -> Sequence[Finding]:
        """Start nothing, and change nothing."""


def ok(what: str, found: str) -> Finding:
    return Finding(what, "ok", found)


def no(what: str, found: str, remedy: str = "") -> Finding:
    """Without a `remedy` the sentence in `found` says what to do."""
    return Finding(what, "no", found, remedy)


def maybe(what: str, found: str, remedy: str = "") -> Finding:
    return Finding(what, "maybe", found, remedy)


def broken(what: str, error: BaseException) -> Finding:
    """A check that raised instead of finding."""
    if isinstance(error, DemoError):
        return no(what, str(error))
    said = f"{type(error).__name__}: {error}".split("\n", maxsplit=1)[0][:300]
    return no(what, f"it could not be looked at ({said})", "if nothing here explains that, it is a bug of the check")


def late(what: str, within_sec: float) -> Finding:
    return no(what, f"not looked at within {within_sec:g} s", "something it asks does not answer: look there first")


async def together(
    checks: Mapping[str, Awaitable[Finding | Sequence[Finding]]], within_sec: float = CHECK_SEC
) -> tuple[Finding, ...]:
    """The findings of all checks in their order; one that raises or takes too long is a finding too."""

    async def one(what: str, check: Awaitable[Finding | Sequence[Finding]]) -> Sequence[Finding]:
        try:
            async with asyncio.timeout(within_sec) as limit:
                found = await check
        except Exception as error:  # noqa: BLE001 - an examination goes on, whatever is broken
            return (late(what, within_sec) if limit.expired() else broken(what, error),)
        return (found,) if isinstance(found, Finding) else found

    found = await asyncio.gather(*(one(what, check) for what, check in checks.items()))
    return tuple(finding for some in found for finding in some)
