"""Regular expressions of a show over text that others wrote: bounded in time, and with named groups."""

import re
from collections.abc import Iterator

import regex

from demo.conditions.patterns import InvalidPattern, check
from demo.errors import InvalidValue

SEARCH_TIMEOUT_SEC = 0.05
MAX_TIMEOUTS = 3
TOO_SLOW = "its regular expression takes too long"

_NAMED = re.compile(r"\(\?<(?=[A-Za-z_])")


class TooSlow(InvalidValue):
    """A search that was given up; after three of them no other is begun."""

    def __init__(self) -> None:
        super().__init__(TOO_SLOW)


class Pattern:
    """The pattern `written`, between slashes or not; groups may be named as in JavaScript, `(?<name>…)`.

    Raises `InvalidValue` for what is not a valid regular expression, or a costly one.
    """

    def __init__(self, written: str, *, multiline: bool = False) -> None:
        inner = written[1:-1] if len(written) > 1 and written[0] == written[-1] == "/" else written
        inner = _NAMED.sub("(?P<", inner)
        try:
            check(inner)
        except InvalidPattern as error:
            raise InvalidValue(f"{written}: {error}") from error
        self._compiled = regex.compile(inner, regex.MULTILINE if multiline else 0)
        self._timeouts = 0

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its groups."""
        return tuple(self._compiled.groupindex)

    def search(self, text: str) -> dict[str, str | None] | None:
        """Return what the named groups of the first match hold, None without a match. Raises `TooSlow`."""
        return next(self.find_all(text), None)

    def find_all(self, text: str) -> Iterator[dict[str, str | None]]:
        """Yield what the named groups of each match hold. Raises `TooSlow`."""
        if self._timeouts >= MAX_TIMEOUTS:
            raise TooSlow
        try:
            for found in self._compiled.finditer(text, timeout=SEARCH_TIMEOUT_SEC):
                yield found.groupdict()
        except (TimeoutError, MemoryError, RecursionError) as error:
            self._timeouts += 1
            raise TooSlow from error
