"""A cache of one result for functions of a state that are costly, and whose inputs seldom change."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from demo.show import ShowState

R = TypeVar("R")


def memoize_on(*names: str) -> Callable[[Callable[[ShowState], R]], Callable[[ShowState], R]]:
    """Make a pure function return its last result again while these fields of the state hold the very same objects.

    Identity is enough, and cheap: states are frozen, so a field that did not change is carried over as it is.
    """

    def decorate(draw: Callable[[ShowState], R]) -> Callable[[ShowState], R]:
        last: tuple[tuple[Any, ...], R] | None = None

        @wraps(draw)
        def memoized(state: ShowState) -> R:
            nonlocal last
            fields = tuple(getattr(state, name) for name in names)
            if last is None or any(old is not new for old, new in zip(last[0], fields, strict=True)):
                last = fields, draw(state)
            return last[1]

        return memoized

    return decorate
