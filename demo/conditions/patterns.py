"""Regular expressions and globs over measured text, bounded in time and memory whatever pattern and text are.

Python's `re` backtracks without a limit, so it only says whether a pattern is valid. The search is done by `regex`,
which stops at a timeout. Its weak spot is compiling: nested counted repeats (`((a{999}){999}){999}`) take gigabytes, so
their product is limited. Conditions are evaluated many times a second, so after a timeout the next searches are left
out, twice as many after each timeout in a row. Globs need no engine: they take at most pattern × text steps.
"""

import re
import warnings
from functools import lru_cache

import regex

MAX_PATTERN = 200
MAX_REPEATS = 1000
MAX_TEXT = 16 * 1024
MAX_GLOB_TEXT = 1000
SEARCH_TIMEOUT_SEC = 0.03
MAX_LEFT_OUT = 1000

_COUNTED = re.compile(r"\{\s*(\d*)\s*(?:,\s*(\d*)\s*)?\}", re.ASCII)


class InvalidPattern(ValueError):
    """A pattern that is not accepted; `offset` is the place in it."""

    def __init__(self, message: str, offset: int = 0) -> None:
        super().__init__(message)
        self.offset = offset


class BoundedPattern:
    """A compiled regular expression."""

    def __init__(self, pattern: str, ignore_case: bool) -> None:
        check(pattern)
        self._compiled = regex.compile(pattern, regex.IGNORECASE if ignore_case else 0)
        self._timeouts = 0  # in a row
        self._left_out = 0

    def found_in(self, text: str) -> tuple[bool | None, str]:
        """Return whether it is found, and, where that is unknown, why."""
        if self._left_out > 0:
            self._left_out -= 1
            return None, "this regular expression takes too long"
        try:
            found = self._compiled.search(text[:MAX_TEXT], timeout=SEARCH_TIMEOUT_SEC) is not None
        except (TimeoutError, MemoryError, RecursionError):
            self._timeouts += 1
            self._left_out = min(2**self._timeouts, MAX_LEFT_OUT)
            return None, "this regular expression takes too long"
        self._timeouts = 0
        if not found and len(text) > MAX_TEXT:
            return None, f"not in the first {MAX_TEXT} characters"
        return found, ""


@lru_cache(maxsize=256)
def bounded(pattern: str, ignore_case: bool = False) -> BoundedPattern:
    """Return it compiled; the same object each time. Raises `InvalidPattern`."""
    return BoundedPattern(pattern, ignore_case)


def check(pattern: str) -> None:
    """Raise `InvalidPattern` unless it is a valid regular expression of bounded cost."""
    if not pattern:
        raise InvalidPattern("the regular expression is empty: it would match everything")
    if len(pattern) > MAX_PATTERN:
        raise InvalidPattern(f"a regular expression has at most {MAX_PATTERN} characters", MAX_PATTERN)
    repeats = 1
    for found in _COUNTED.finditer(pattern):
        # Each pair of braces counts, nested or not, escaped or not: the product is never less than what it costs.
        repeats *= max([1, *(int(number[:6]) for number in found.groups() if number)])
        if repeats > MAX_REPEATS:
            raise InvalidPattern(f"the counted repeats may multiply to {MAX_REPEATS} at most", found.start())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(pattern)
            regex.compile(pattern)
    except re.error as error:
        raise InvalidPattern(f"the regular expression is not valid: {error.msg}", error.pos or 0) from None
    except (regex.error, OverflowError, RecursionError, MemoryError, ValueError) as error:
        raise InvalidPattern(f"the regular expression is not valid: {error}") from None


def glob_matches(pattern: str, text: str) -> bool | None:
    """Return whether the whole text matches (`*` is any characters, `?` any one), None if it is too long to tell."""
    if len(text) > MAX_GLOB_TEXT:
        return None
    at = here = 0  # in the text, in the pattern
    after_star = resume = -1
    while at < len(text):
        if here < len(pattern) and pattern[here] == "*":
            after_star, resume = here + 1, at
            here += 1
        elif here < len(pattern) and pattern[here] in ("?", text[at]):
            here, at = here + 1, at + 1
        elif after_star >= 0:
            resume += 1
            here, at = after_star, resume
        else:
            return False
    return all(character == "*" for character in pattern[here:])
