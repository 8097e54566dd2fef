"""Whole lines of a program's output, from pieces as they come: plain text without control characters and secrets."""

import codecs
from collections.abc import Callable

from demo.clean import clean
from demo.panels.drawing import MAX_LINE, OutputPiece

MAX_UNFINISHED = 4 * MAX_LINE
"""Characters of a line without its end that are kept, control sequences included; the rest of it is dropped."""


class LineSplitter:
    """`mask` takes the values of secrets out of a text."""

    def __init__(self, mask: Callable[[str], str]) -> None:
        self._mask = mask
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._line = ""
        self._is_cut = False
        """The beginning of this line is missing, so that nothing of it can be trusted: it may end a secret."""

    def take(self, piece: OutputPiece) -> list[str]:
        """Return the lines that this piece ends, at most `MAX_LINE` characters of each."""
        found = []
        if piece.has_gap:
            self.forget()
            self._is_cut = True
        elif piece.begins_run:
            found += self._end_line()
            self._decoder.reset()
        *ended, rest = self._decoder.decode(piece.data).split("\n")
        for text in ended:
            self._append(text)
            found += self._end_line()
        self._append(rest)
        return found

    def forget(self) -> None:
        """Drop the line that has not ended."""
        self._decoder.reset()
        self._line, self._is_cut = "", False

    def _append(self, text: str) -> None:
        self._line += text[: max(0, MAX_UNFINISHED - len(self._line))]

    def _end_line(self) -> list[str]:
        line, is_cut = self._line, self._is_cut
        self._line, self._is_cut = "", False
        if is_cut or not line:
            return []
        # Masked before it is cut: half a secret would not be recognised.
        return [self._mask(clean(line).rstrip())[:MAX_LINE]]
