"""The steps in which a chapter's text is shown: its parts one after the other, and within them the lines of its code.

A code block like ```` ```sql {1|3-5|all} ```` adds a step for each `|`. On each step its braces name one set of lines.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

from demo.errors import InvalidValue
from demo.narration.code_info import LineRanges, parse_code_info

_OPENING = re.compile(r"((?:[ \t>]|[-*+][ \t]|\d{1,9}[.)][ \t])*)(`{3,}(?=[^`]*$)|~{3,})(.*)")
_BRACES = re.compile(r"\{[^{}]*\}")
_STEPPED = re.compile(r"^[^\n]*(?:```|~~~)[^\n{]*\{[^{}\n]*\|", re.MULTILINE)
"""A text without it has no code that is shown in steps: its lines need not be read."""


@dataclass(frozen=True, slots=True)
class TextStep:
    """One step: the whole `text` that is shown on it, and what it has `added` to the step before."""

    text: str
    added: str


@dataclass(frozen=True, slots=True)
class _Block:
    """A code block with several steps. `start` and `end` of its braces in the text; `shown` is each step as `{…}`."""

    start: int
    end: int
    shown: tuple[str, ...]
    excerpts: tuple[str, ...]


@lru_cache(maxsize=256)
def read_steps(parts: tuple[str, ...], has_code: bool = True) -> tuple[TextStep, ...]:
    """Return the steps of a text in these parts, at least one. Never raises: wrong steps of code are none.

    `has_code`: False for a text that is not Markdown.
    """
    steps: list[TextStep] = []
    before: list[str] = []
    for part in parts:
        shown = _vary(part) if has_code else [(part, part)]
        steps += (TextStep("\n\n".join([*before, text]), added) for text, added in shown)
        before.append(shown[-1][0])
    return tuple(steps)


def without_code_steps(text: str) -> str:
    """Return a text in which no line of a code block stands out that would in one of several steps."""
    blocks = _find_blocks(text) if _STEPPED.search(text) else []
    for block in reversed(blocks):
        text = f"{text[: block.start]}{{all}}{text[block.end :]}"
    return text


def _vary(part: str) -> Sequence[tuple[str, str]]:
    """Return a part as it is on each of its steps, and what that step adds: the lines that stand out now."""
    blocks = _find_blocks(part) if _STEPPED.search(part) else []
    if not blocks:
        return [(part, part)]
    on = [0] * len(blocks)
    first = _put(part, blocks, on)
    shown = [(first, first)]
    for index, block in enumerate(blocks):
        for step in range(1, len(block.shown)):
            on[index] = step
            shown.append((_put(part, blocks, on), block.excerpts[step]))
    return shown


def _put(part: str, blocks: Sequence[_Block], on: Sequence[int]) -> str:
    texts, position = [], 0
    for block, step in zip(blocks, on, strict=True):
        texts += [part[position : block.start], block.shown[step]]
        position = block.end
    return "".join([*texts, part[position:]])


def _find_blocks(part: str) -> list[_Block]:
    """Find the code blocks with several steps, at any depth of lists and quotes."""
    lines = part.split("\n")
    starts = [0, *accumulate(len(line) + 1 for line in lines)]
    blocks, number = [], 0
    while number < len(lines):
        opening = _OPENING.fullmatch(lines[number])
        number += 1
        if opening is None:
            continue
        mark = opening[2]
        closing = re.compile(rf"[ \t>]*{re.escape(mark[0])}{{{len(mark)},}}[ \t]*")
        first = number
        while number < len(lines) and closing.fullmatch(lines[number]) is None:
            number += 1
        block = _read_block(opening, starts[first - 1], lines[first:number])
        blocks += [block] if block is not None else []
        number += 1
    return blocks


def _read_block(opening: re.Match[str], start: int, lines: Sequence[str]) -> _Block | None:
    try:
        info = parse_code_info(opening[3])
    except InvalidValue:
        return None  # told when the file was read
    braces = _BRACES.search(opening[3])
    if len(info.steps) < 2 or braces is None:
        return None
    offset = start + opening.start(3)
    code = [_strip(line, len(opening[1])) for line in lines]
    excerpts = tuple(f"{opening[2]}{info.language}\n{_select(code, step)}\n{opening[2]}" for step in info.steps)
    shown = tuple(f"{{{step.strip()}}}" for step in braces[0][1:-1].split("|"))
    return _Block(offset + braces.start(), offset + braces.end(), shown, excerpts)


def _strip(line: str, depth: int) -> str:
    """Return a line of code without what puts it into a list or quote."""
    end = 0
    while end < min(depth, len(line)) and line[end] in " \t>":
        end += 1
    return line[end:]


def _select(code: Sequence[str], ranges: LineRanges) -> str:
    lines = [code[number] for first, last in ranges for number in range(first - 1, min(last, len(code)))]
    return "\n".join(lines if ranges else code)
