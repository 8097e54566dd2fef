"""Code spans (`like this`) in one line, so that nothing in them is taken for a comment or an image."""

import re
from bisect import bisect_left

_TOKEN = re.compile(r"\\[`<!\\]|`+|<!--|!\[")
_BACKTICKS = re.compile(r"`+")


class LineTokens:
    """Finds what begins in a line outside of code spans. Linear in the line's length, whatever it holds."""

    def __init__(self, line: str) -> None:
        self._tokens = list(_TOKEN.finditer(line))
        self._next = 0
        self._runs: dict[int, list[int]] = {}
        for run in _BACKTICKS.finditer(line):
            self._runs.setdefault(len(run[0]), []).append(run.start())

    def find(self, wanted: str, column: int) -> int:
        """Return where `<!--` or `![` begins at or after `column`; -1 if nowhere. Columns must not go back."""
        while self._next < len(self._tokens):
            token = self._tokens[self._next]
            self._next += 1
            if token.start() < column:
                continue
            if token[0] == wanted:
                return token.start()
            if token[0][0] == "`" and (end := self._find_end(token)) is not None:
                column = end
        return -1

    def _find_end(self, opening: re.Match[str]) -> int | None:
        runs = self._runs.get(len(opening[0]), [])
        after = bisect_left(runs, opening.end())
        return runs[after] + len(opening[0]) if after < len(runs) else None
