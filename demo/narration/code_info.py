"""What stands behind the backticks of a code block: its language, and the lines that are shown step by step."""

import re
from dataclasses import dataclass

from demo.errors import InvalidValue

LineRanges = tuple[tuple[int, int], ...]
"""First and last lines, from 1; none for the whole code."""

MAX_STEPS = 50

_INFO = re.compile(r"([^\s{]*)\s*(.*)")
_STEPS = re.compile(r"\{([^{}]*)\}")
_LINES = re.compile(r"(\d{1,6})(?:-(\d{1,6}))?")
_REVEAL = re.compile(r"\[[\d|,\- ]+\]")


@dataclass(frozen=True, slots=True)
class CodeInfo:
    """`steps`: for each step the first and last lines, from 1, that stand out; an empty one is the whole code.

    `rest` is what is not known here.
    """

    language: str
    steps: tuple[LineRanges, ...] = ()
    rest: str = ""


def parse_code_info(info: str, line_count: int | None = None) -> CodeInfo:
    """Read `sql {1|3-5|all}`. Raises `InvalidValue` for steps that are none, or beyond the `line_count` lines."""
    found = _INFO.fullmatch(info.strip())
    language, rest = (found[1], found[2].strip()) if found else ("", info)
    if _REVEAL.match(rest) or _REVEAL.fullmatch(language):
        raise InvalidValue("steps of a code block stand in braces: write {1|3-5|all}")
    braces = _STEPS.match(rest)
    if braces is None or not braces[1].strip() or "=" in braces[1] or ":" in braces[1]:
        return CodeInfo(language, (), rest)
    written = braces[1].split("|")
    if len(written) > MAX_STEPS:
        raise InvalidValue(f"a code block has at most {MAX_STEPS} steps")
    steps = tuple(_parse_step(step.strip(), line_count) for step in written)
    return CodeInfo(language, steps, rest[braces.end() :].strip())


def _parse_step(step: str, line_count: int | None) -> LineRanges:
    if step in ("all", "*"):
        return ()
    lines = []
    for part in step.split(","):
        found = _LINES.fullmatch(part.strip())
        if found is None:
            raise InvalidValue(
                f"{step[:80]!r} is not a step of a code block: write line numbers as in {{1|3-5|2,7|all}}"
            )
        first, last = int(found[1]), int(found[2] or found[1])
        if first < 1 or last < first:
            raise InvalidValue(
                f"{part.strip()[:80]!r} names no lines: they count from 1, and the smaller number comes first"
            )
        if line_count is not None and last > line_count:
            raise InvalidValue(f"line {last} does not exist: the code has {line_count} lines")
        lines.append((first, last))
    return tuple(lines)
