"""One panel's drawing: from pieces of output, as they come, to rows of spans. Bounded in time and memory."""

import codecs
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

from demo.clean import clean
from demo.panels.masking import StreamMask
from demo.panels.picture import PanelRow
from demo.panels.screen import PanelScreen

MAX_LINE = 4096
"""Characters of a line that is matched; what comes behind them is not looked at."""

_MOVES_CURSOR = re.compile("\x1b(?:\\[[0-?]*[ -/]*[@-ln-~]|[^\\[])")
"""Anything but colours: then the last lines alone would not show the same."""


@dataclass(frozen=True, slots=True)
class OutputPiece:
    """Output since the last piece. `has_gap`: some before it is missing. `skipped`: how many lines that were."""

    data: bytes = b""
    has_gap: bool = False
    skipped: int = 0
    begins_run: bool = False
    """A program was started anew before this piece."""


class PanelDrawing:
    """Draws output on a screen of `rows` × `columns` cells.

    `matches` says of a line without its control sequences whether it is shown; None shows all as it is, with cursor
    movements. `secrets` returns the values that must not be shown.
    """

    def __init__(
        self,
        rows: int,
        columns: int,
        *,
        is_terminal: bool = False,
        matches: Callable[[str], bool] | None = None,
        secrets: Callable[[], Collection[str]] = tuple,
    ) -> None:
        self._rows = rows
        self._matches = matches
        self._mask = StreamMask(secrets)
        self._secrets = secrets
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._screen = PanelScreen(rows, columns, is_terminal=is_terminal, find_secrets=self._mask.find)
        self._line = ""

    def take(self, piece: OutputPiece) -> bool:
        """Draw a piece of output; return whether any of it is shown. Raises `InvalidValue` if matching is too slow."""
        data = piece.data
        if piece.has_gap:
            data = self._begin_after_gap(data)
        elif piece.begins_run:
            self._begin_run()
        text = self._mask.feed(self._decoder.decode(data))
        if self._matches is not None:
            text = self._filter(text, self._matches)
        self._screen.draw(self._shorten(text))
        return bool(text)

    def rows(self) -> tuple[PanelRow, ...]:
        return self._screen.rows()

    def clear(self) -> None:
        """Show nothing until more output comes."""
        self._forget_unfinished()
        self._screen.clear()

    def _forget_unfinished(self) -> None:
        self._mask = StreamMask(self._secrets)
        self._decoder.reset()
        self._line = ""

    def _begin_after_gap(self, data: bytes) -> bytes:
        """Begin anew with the first whole line: before it there may be half a character, sequence or secret."""
        self.clear()
        _, newline, rest = data.partition(b"\n")
        if newline:
            return rest
        longest = max((len(value.encode()) for value in self._mask.values()), default=0)
        return data[max(4, longest) :]

    def _begin_run(self) -> None:
        """Begin a new line in plain letters: nobody knows what the last run has left."""
        self._forget_unfinished()
        self._screen.begin_run()

    def _filter(self, text: str, matches: Callable[[str], bool]) -> str:
        *lines, self._line = (self._line + text).split("\n")
        self._line = self._line[:MAX_LINE]
        return "".join(f"{line}\x1b[m\r\n" for line in lines if matches(clean(line[:MAX_LINE])))

    def _shorten(self, text: str) -> str:
        """Return only the last lines, if those before them would have left the screen at once."""
        more = text.count("\n") - 2 * self._rows
        if more < 0 or _MOVES_CURSOR.search(text):
            return text
        lines = text.split("\n")
        self._screen.begin_sequence()
        return "\x1b[m" + "\n".join(lines[-self._rows - 1 :])
