"""Which container a fault hits: a fixed one, any of several, or whichever leads at that moment."""

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from demo.container_engine import Selector
from demo.errors import DemoError, FaultError, InvalidValue


class TargetSelection(Protocol):
    """Chooses the target of a fault, again for each injection."""

    @property
    def label(self) -> str:
        """What the fault's button shows before a target is chosen."""

    async def choose(self) -> Selector:
        """Return a selector of the target. Raises `FaultError` when there is none."""


@runtime_checkable
class ListsCandidates(Protocol):
    """Optional for a `TargetSelection`: with it, the target of one injection can be named."""

    def candidates(self) -> Sequence[Selector]:
        """Return the selectors of all that may be the target now; never blocks."""


@dataclass(frozen=True)
class Fixed:
    """Always the same container."""

    selector: Selector

    @property
    def label(self) -> str:
        return str(self.selector)

    async def choose(self) -> Selector:
        return self.selector

    def candidates(self) -> Sequence[Selector]:
        return (self.selector,)


@dataclass(frozen=True)
class OneOf:
    """One of several containers, at random."""

    selectors: Sequence[Selector]

    def __post_init__(self) -> None:
        if not self.selectors:
            raise InvalidValue("a random target needs at least one container to choose from")

    @property
    def label(self) -> str:
        return "one of " + ", ".join(map(str, self.selectors))

    async def choose(self) -> Selector:
        return random.choice(self.selectors)  # noqa: S311 - a lot, no secret

    def candidates(self) -> Sequence[Selector]:
        return self.selectors


@dataclass(frozen=True)
class AnyMember:
    """One of the members known at that moment, at random."""

    members: Callable[[], Sequence[Selector]]

    @property
    def label(self) -> str:
        known = self.members()
        return "one of " + ", ".join(map(str, known)) if known else "one of the members"

    async def choose(self) -> Selector:
        known = self.members()
        if not known:
            raise FaultError("no member is known yet: try again when the system is up")
        return random.choice(known)  # noqa: S311 - a lot, no secret

    def candidates(self) -> Sequence[Selector]:
        return self.members()


@dataclass(frozen=True)
class Elected:
    """The container that holds a role now, as `ask` returns it; `label` names the role: "the leader".

    `others`: all that could hold it, from which one injection may name its target.
    """

    label: str
    ask: Callable[[], Awaitable[Selector | None]]
    others: Callable[[], Sequence[Selector]] = tuple

    async def choose(self) -> Selector:
        try:
            # Asked at each injection: the answer is out of date as soon as the role changes hands.
            selector = await self.ask()
        # Says already why there is no target; any other error of ours gets the role added.
        except FaultError:
            raise
        except DemoError as error:
            raise FaultError(f"it is not known which container is {self.label}: {error}") from error
        if selector is None:
            raise FaultError(f"there is no {self.label.removeprefix('the ')} now: try again when there is one")
        return selector

    def candidates(self) -> Sequence[Selector]:
        return self.others()
