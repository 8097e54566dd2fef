"""The text of one chapter while it is read: what is hidden from the search for Markdown, and what is put elsewhere."""

from collections.abc import Sequence
from typing import ClassVar


class ChapterText:
    """The lines of a file from `begin` to before `end`; all line numbers are the file's, from 0."""

    PAUSE: ClassVar[str] = "\n\x00\n"
    """Ends a page. No text holds the character: control characters are replaced when a file is read."""

    def __init__(self, lines: Sequence[str], starts: Sequence[int], begin: int, end: int) -> None:
        self.begin = begin
        self.end = end
        self._lines = lines
        self._starts = starts
        self._visible = list(lines[begin:end])
        self._hidden: dict[int, list[tuple[int, int]]] = {}
        self._edits: list[tuple[int, int, str]] = []

    def line(self, number: int) -> str:
        """Return a line; what is hidden in it is blank, so that columns are those of the file."""
        if self._hidden and (ranges := self._hidden.pop(number, None)):
            shown, parts, position = self._visible[number - self.begin], [], 0
            for first, last in ranges:
                parts += [shown[position:first], " " * (last - first)]
                position = last
            self._visible[number - self.begin] = "".join([*parts, shown[position:]])
        return self._visible[number - self.begin]

    def hide(self, line: int, column: int, end_line: int, end_column: int) -> None:
        """Blank code or a comment, so that nothing in it is taken for Markdown. In the order of the file."""
        for number in range(line, min(end_line + 1, self.end)):
            first = column if number == line else 0
            last = end_column if number == end_line else len(self._lines[number])
            self._hidden.setdefault(number, []).append((first, last))  # put in later: a line may hold thousands

    def replace(self, line: int, column: int, end_line: int, end_column: int, text: str) -> None:
        """Put `text` instead of what stands there."""
        self._edits.append((self._starts[line] + column, self._starts[end_line] + end_column, text))

    def cut(self, first: int, last: int) -> None:
        """Take whole lines out."""
        self.hide(first, 0, last, len(self._lines[last]))
        self.replace(first, 0, last, len(self._lines[last]), "")

    def cut_visible(self, first: int, last: int) -> None:
        """Take out what is not hidden of whole lines: a comment behind a heading keeps its own edit."""
        for number in range(first, last + 1):
            shown = self.line(number)
            self._visible[number - self.begin] = ""
            column = 0
            while column < len(shown):
                stop = column
                while stop < len(shown) and shown[stop] == self._lines[number][stop]:
                    stop += 1
                if stop > column:
                    self.replace(number, column, number, stop, "")
                column = stop + 1

    def pages(self) -> tuple[str, ...]:
        """Return the text with all edits, cut at its pauses."""
        text = "\n".join(self._lines[self.begin : self.end])
        base = self._starts[self.begin]
        parts: list[str] = []
        position = base
        for start, end, instead in sorted(self._edits):
            if start >= position:
                parts += [text[position - base : start - base], instead]
                position = end
        parts.append(text[position - base :])
        return tuple(page.strip("\n").rstrip() for page in "".join(parts).split("\x00"))
