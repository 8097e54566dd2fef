"""Where chapters, code blocks and comments begin and end in a show file, line by line.

A `---` in a code block or comment separates nothing, and a comment in a code block is code. Lines count from 0.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from demo.showfile.problems import Position, Problem

MAX_UNCLOSED = 20
"""Code blocks without an end; after them the file is not searched for more."""

_DASHES = re.compile(r"(-{3,})[ \t]*")
_CONTAINER = re.compile(r"(?: {0,3}> ?)*(?: *(?:[-*+]|\d{1,9}[.)]) )* *")
"""What may stand before a code block in quotes and lists."""
_FENCE = re.compile(r"(`{3,}(?=[^`]*$)|~{3,})(.*)")
_BACKTICKS = re.compile(r"`+")


@dataclass(frozen=True, slots=True)
class Fence:
    """A code block: `first` and `last` are the lines of its fences; `inside`: it is part of a list or quote."""

    first: int
    last: int
    info: str
    inside: bool


@dataclass(frozen=True, slots=True)
class Comment:
    """From `<!--` to behind `-->`; `text` is what stands between."""

    line: int
    column: int
    end_line: int
    end_column: int
    text: str


@dataclass(frozen=True, slots=True)
class Break:
    """Where a chapter ends: at a line of dashes, or at a block of settings whose dashes are `line` and `last`."""

    line: int
    last: int


@dataclass
class MarkdownScan:
    """Reads `lines` from `start`. `fences`, `comments` and `breaks` are in the order of the file."""

    lines: Sequence[str]
    file: str
    start: int = 0
    fences: list[Fence] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    breaks: list[Break] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    _unclosed: int = 0
    _no_comment_ends: bool = False

    def __post_init__(self) -> None:
        number = self.start
        while number < len(self.lines):
            line = self.lines[number]
            if "-" in line or "`" in line or "~" in line:
                number = self._read(number, line)
            else:
                number += 1

    def _read(self, number: int, line: str) -> int:
        """Read what begins in this line, and return the line after it."""
        if found := _DASHES.fullmatch(line):
            return self._read_dashes(number, found[1])
        container = _CONTAINER.match(line)
        opening = container.end() if container else 0
        if found := _FENCE.match(line, opening):
            return self._read_fence(number, opening, found[1], found[2])
        return self._read_comments(number) if "<!--" in line else number + 1

    def _read_dashes(self, number: int, dashes: str) -> int:
        if number + 1 >= len(self.lines) or not self.lines[number + 1].strip():
            self.breaks.append(Break(number, number))
            return number + 1
        if len(dashes) > 3:
            return number + 1  # a line across the page, or the underline of a heading
        for last in range(number + 1, len(self.lines)):
            if self.lines[last].rstrip() == "---":
                self.breaks.append(Break(number, last))
                return last + 1
        self._report(
            number,
            0,
            "the settings that begin here have no end: write --- after them; or leave the line after "
            "this --- blank, if it only separates two chapters",
        )
        self.breaks.append(Break(number, number))
        return number + 1

    def _read_fence(self, number: int, opening: int, mark: str, info: str) -> int:
        prefix = self.lines[number][:opening]
        quoted, inside = ">" in prefix, opening > 3 or bool(prefix.strip())
        closing = re.compile(rf"[ >]*{mark[0]}{{{len(mark)},}}[ \t]*")
        for last in range(number + 1, len(self.lines)):
            line = self.lines[last]
            if inside and self._is_outside(line, quoted):
                self.fences.append(Fence(number, last - 1, info.strip(), inside))
                return last
            if mark[0] in line and closing.fullmatch(line):
                self.fences.append(Fence(number, last, info.strip(), inside))
                return last + 1
        return self._miss_end(number, opening, mark)

    @staticmethod
    def _is_outside(line: str, quoted: bool) -> bool:
        """Return whether a line ends the list or quote that a code block is in."""
        if quoted:
            return not line.lstrip().startswith(">")
        return bool(line.strip()) and not line.startswith("  ")

    def _miss_end(self, number: int, column: int, mark: str) -> int:
        """Report a code block without an end, and go on with the next chapter."""
        self._report(number, column, f"the code block that begins here has no end: write {mark} after it")
        self._unclosed += 1
        if self._unclosed >= MAX_UNCLOSED:
            return len(self.lines)
        for line in range(number + 1, len(self.lines) - 1):
            if self.lines[line].startswith("---") and _DASHES.fullmatch(self.lines[line]):
                return line
        return len(self.lines)

    def _read_comments(self, number: int) -> int:
        """Read all comments that begin in this line, and return the line after the last."""
        column, line = 0, self.lines[number]
        while (opening := self._find_comment(line, column)) >= 0:
            end = self._find_end(number, opening + 2)
            if end is None:
                self._report(number, opening, "the comment that begins here has no end: write --> after it")
                return number + 1
            end_line, end_column = end
            inner = [self.lines[number][opening:], *self.lines[number + 1 : end_line + 1]]
            inner[-1] = inner[-1][: end_column - (opening if end_line == number else 0)]
            text = "\n".join(inner)
            self.comments.append(Comment(number, opening, end_line, end_column, text[4:-3]))
            number, column = end_line, end_column
            line = self.lines[number]
        return number + 1

    @staticmethod
    def _find_comment(line: str, column: int) -> int:
        """Return where the next comment begins that is not in a code span; -1 if there is none."""
        found = line.find("<!--", column)
        if found < 0 or "`" not in line:
            return found
        runs = [run for run in _BACKTICKS.finditer(line) if run.start() >= column]
        position = 0
        while position < len(runs):
            run = runs[position]
            if run.start() > found:
                break
            closing = next((i for i in range(position + 1, len(runs)) if len(runs[i][0]) == len(run[0])), None)
            if closing is None:
                position += 1
                continue
            if found < runs[closing].start():
                found = line.find("<!--", runs[closing].end())
                if found < 0:
                    return -1
            position = closing + 1
        return found

    def _find_end(self, number: int, column: int) -> tuple[int, int] | None:
        if self._no_comment_ends:
            return None
        for line in range(number, len(self.lines)):
            found = self.lines[line].find("-->", column if line == number else 0)
            if found >= 0:
                return line, found + 3
        self._no_comment_ends = True
        return None

    def _report(self, number: int, column: int, message: str) -> None:
        self.problems.append(Problem(self.file, Position(number + 1, column + 1), message))
