"""Where chapters, code blocks and comments begin and end in a show file, line by line.

A `---` in a code block or comment separates nothing, and a comment in a code block is code. Lines count from 0.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from demo.showfile.markdown.code_spans import LineTokens
from demo.showfile.problems import Position, Problem

MAX_UNCLOSED = 20
"""Code blocks without an end; after them the file is not searched for more."""

_DASHES = re.compile(r"(-{3,})[ \t]*")
_CONTAINER = re.compile(r"(?: {0,3}> ?)*(?: *(?:[-*+]|\d{1,9}[.)]) )* *")
"""What may stand before a code block in quotes and lists."""
_FENCE = re.compile(r"(`{3,}(?=[^`]*$)|~{3,})(.*)")
_SETTING = re.compile(r"""(?:"[^"]*"|'[^']*'|[A-Za-z_][\w.-]*) *:(?:\s|$)|[{?]|---\s*$""")
"""How a block of settings begins; anything else behind dashes is a chapter's text."""


SETTINGS_READING = "If it begins settings: write `key: value` on each line, and --- after them"

BOTH_READINGS = (
    "If these are the settings of a chapter, write `key: value` on each line and --- after them. If this is its text, "
    "leave a blank line after the first ---"
)


@dataclass(frozen=True, slots=True)
class Fence:
    """A code block: `first` and `last` are the lines of its fences; `inside`: it is part of a list or quote.

    `closed`: False if the end of the list or quote is its end.
    """

    first: int
    last: int
    info: str
    inside: bool
    closed: bool = True

    @property
    def line_count(self) -> int:
        """How many lines the code has."""
        return self.last - self.first - self.closed


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
            self._warn_of_heading(number)
            return number + 1
        if len(dashes) > 3:
            return number + 1  # a line across the page, or the underline of a heading
        if not begins_settings(self.lines, number + 1):
            self._report(number, 0, f"leave a blank line after this ---, which begins a chapter. {SETTINGS_READING}")
            self.breaks.append(Break(number, number))
            return number + 1
        for last in range(number + 1, len(self.lines)):
            if self.lines[last].rstrip() == "---":
                self.breaks.append(Break(number, last))
                return last + 1
        self._report(number, 0, f"the settings that begin here have no end. {BOTH_READINGS}")
        self.breaks.append(Break(number, number))
        return number + 1

    def _warn_of_heading(self, number: int) -> None:
        """Say that other readers of Markdown take the dashes for the underline of a heading."""
        before = self.lines[number - 1] if number > self.start else ""
        if before.strip() and not before.startswith(("#", "```", "~~~", "-->", ">", "|")) and "-->" not in before:
            message = (
                "this --- separates two chapters; elsewhere it makes a heading of the line above: leave a blank line "
                "before it, or write a heading with #"
            )
            self.problems.append(Problem(self.file, Position(number + 1), message, "warning"))

    def _read_fence(self, number: int, opening: int, mark: str, info: str) -> int:
        prefix = self.lines[number][:opening]
        quoted, inside = ">" in prefix, opening > 3 or bool(prefix.strip())
        closing = re.compile(rf"[ >]*{mark[0]}{{{len(mark)},}}[ \t]*")
        for last in range(number + 1, len(self.lines)):
            line = self.lines[last]
            if inside and self._is_outside(line, quoted):
                self.fences.append(Fence(number, last - 1, info.strip(), inside, closed=False))
                return last
            if mark[0] in line and closing.fullmatch(line):
                self._warn_of_swallowed(number, last, opening, mark)
                self.fences.append(Fence(number, last, info.strip(), inside))
                return last + 1
        return self._miss_end(number, opening, mark)

    def _warn_of_swallowed(self, first: int, last: int, column: int, mark: str) -> None:
        """Report a code block that has the beginning of another in it: its own end was probably forgotten."""
        another = re.compile(rf" {{0,3}}{mark[0]}{{{len(mark)},}}[A-Za-z]")
        inner = next((line for line in range(first + 1, last) if another.match(self.lines[line])), None)
        if inner is None:
            return
        message = (
            f"the code block that begins here has no end before the next one begins in line {inner + 1}: write {mark} "
            "after it, or begin it with more of them if it shows code blocks"
        )
        swallows = any(_DASHES.fullmatch(self.lines[line]) for line in range(first + 1, inner))
        place = Position(first + 1, column + 1)
        self.problems.append(Problem(self.file, place, message, "error" if swallows else "warning"))

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
        column, tokens = 0, LineTokens(self.lines[number])
        while (opening := tokens.find("<!--", column)) >= 0:
            end = self._find_end(number, opening + 2)
            if end is None:
                self._report(number, opening, "the comment that begins here has no end: write --> after it")
                return number + 1
            end_line, end_column = end
            if end_line == number:
                text = self.lines[number][opening + 4 : end_column - 3]
            else:
                inner = [self.lines[number][opening + 4 :], *self.lines[number + 1 : end_line]]
                text = "\n".join([*inner, self.lines[end_line][: end_column - 3]])
            self.comments.append(Comment(number, opening, end_line, end_column, text))
            column = end_column
            if end_line != number:
                number, tokens = end_line, LineTokens(self.lines[end_line])
        return number + 1

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


def looks_like_prose(lines: Sequence[str]) -> bool:
    """Return whether a line at the margin is neither a key nor an item, nor ends brackets."""
    return any(line.strip() and line[0] not in " \t#-]}" and _SETTING.match(line) is None for line in lines)


def begins_settings(lines: Sequence[str], number: int) -> bool:
    """Return whether what begins in this line looks like settings: blank lines and YAML's comments do not count."""
    for index in range(number, len(lines)):
        line = lines[index]
        if line.strip() and not line.startswith("#"):
            return _SETTING.match(line) is not None
    return False
