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
        if _is_at_end(lines, line, column):
            line, column = _next_text(lines, line)
            if char.isspace():
                continue  # it was the line break
        rest = lines[line - 1][column - 1 :]
        if char != "\n" or rest.startswith("\\"):  # more line breaks stand for empty lines, which were skipped
            column += _width(rest, quote)
    return Position(*(_next_text(lines, line) if _is_at_end(lines, line, column) else (line, column)))


def _width(rest: str, quote: str) -> int:
    """Return how many characters of the file the next character of the value takes."""
    if quote == "'" and rest.startswith("''"):
        return 2
    if quote == '"' and rest.startswith("\\") and len(rest) > 1:
        return {"x": 4, "u": 6, "U": 10}.get(rest[1], 2)
    return 1


def _is_at_end(lines: Sequence[str], line: int, column: int) -> bool:
    return line < len(lines) and column > len(lines[line - 1].rstrip())


def _next_text(lines: Sequence[str], line: int) -> tuple[int, int]:
    """Return where the text goes on after the end of a line: on the next one that is not empty."""
    line += 1
    while line < len(lines) and not lines[line - 1].strip():
        line += 1
    return line, _indent(lines[line - 1]) + 1


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
