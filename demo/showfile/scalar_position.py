"""Where a character of a value stands in the file: for messages that point into the text of a condition."""

from collections.abc import Sequence

from demo.showfile.problems import Position


def position_in(lines: Sequence[str], start: Position, value: str, offset: int) -> Position:
    """Return the place of `value[offset]`, for a scalar that begins at `start` in the file's lines.

    Plain and quoted scalars are followed character by character, through escapes and folded lines. For a block scalar
    (`|`, `>`) it is the place in its text where that can be found, else its first line.
    """
    if not 1 <= start.line <= len(lines):
        return start
    head = lines[start.line - 1][start.column - 1 :]
    if head[:1] in {"|", ">"}:
        return _in_block(lines, start, value, offset)
    quote = head[0] if head[:1] in {'"', "'"} else ""
    line, column = start.line, start.column + len(quote)
    for char in value[:offset]:
        line, column = _skip_line_ends(lines, line, column)
        column += _width(lines[line - 1][column - 1 :], quote)
        if char.isspace():
            line, column = _skip_spaces(lines, line, column)
    line, column = _skip_line_ends(lines, line, column)
    return Position(line, column)


def _width(rest: str, quote: str) -> int:
    """Return how many characters of the file the next character of the value takes."""
    if quote == "'" and rest.startswith("''"):
        return 2
    if quote == '"' and rest.startswith("\\") and len(rest) > 1:
        return {"x": 4, "u": 6, "U": 10}.get(rest[1], 2)
    return 1


def _skip_line_ends(lines: Sequence[str], line: int, column: int) -> tuple[int, int]:
    while line < len(lines) and column > len(lines[line - 1].rstrip()):
        line, column = line + 1, _indent(lines[line]) + 1
    return line, column


def _skip_spaces(lines: Sequence[str], line: int, column: int) -> tuple[int, int]:
    """Skip to the next line if only spaces are left of this one, for a folded scalar."""
    return (
        (line, column)
        if lines[line - 1][column - 1 :].strip()
        else _skip_line_ends(lines, line, len(lines[line - 1]) + 1)
    )


def _in_block(lines: Sequence[str], start: Position, value: str, offset: int) -> Position:
    first = start.line + 1
    while first <= len(lines) and not lines[first - 1].strip():
        first += 1
    if first > len(lines):
        return start
    indent = _indent(lines[first - 1])
    if lines[start.line - 1][start.column - 1] == "|":
        before = value[:offset]
        return Position(first + before.count("\n"), indent + offset - (before.rfind("\n") + 1) + 1)
    column = offset
    for number in range(first, len(lines) + 1):
        width = len(lines[number - 1].strip())
        if column <= width:
            return Position(number, indent + column + 1)
        column -= width + 1
    return Position(first, indent + 1)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
