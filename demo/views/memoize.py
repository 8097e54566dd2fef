"""A cache of one result for functions of a state that are costly, and whose inputs seldom change."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from demo.show import ShowState
from demo.texts import current_catalogue

R = TypeVar("R")


def memoize_on(*names: str) -> Callable[[Callable[[ShowState], R]], Callable[[ShowState], R]]:
    """Make a function return its last result again while these fields of the state hold the very same objects.

    One result is kept for each language.

    Identity is enough, and cheap: states are frozen, so a field that did not change is carried over as it is.
    """

    def decorate(draw: Callable[[ShowState], R]) -> Callable[[ShowState], R]:
        last: dict[str, tuple[tuple[Any, ...], R]] = {}

        @wraps(draw)
        def memoized(state: ShowState) -> R:
            language = current_catalogue().language
            fields = tuple(getattr(state, name) for name in names)
            known = last.get(language)
            if known is None or any(old is not new for old, new in zip(known[0], fields, strict=True)):
                last[language] = known = fields, draw(state)
            return known[1]

        return memoized

    return decorate
