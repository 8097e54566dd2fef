"""What is costly to draw and seldom changes: drawn again only for a state that brings something new to it."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from demo.show import ShowState

R = TypeVar("R")


def memoize_on(*names: str) -> Callable[[Callable[[ShowState], R]], Callable[[ShowState], R]]:
    """For a pure function of these fields of a state: the very same objects in them give the last result again."""

    def keep(draw: Callable[[ShowState], R]) -> Callable[[ShowState], R]:
        last: tuple[tuple[Any, ...], R] | None = None

        @wraps(draw)
        def drawn(state: ShowState) -> R:
            nonlocal last
            fields = tuple(getattr(state, name) for name in names)
            if last is None or any(old is not new for old, new in zip(last[0], fields, strict=True)):
                last = fields, draw(state)
            return last[1]

        return drawn

    return keep
