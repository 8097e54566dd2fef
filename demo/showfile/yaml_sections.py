"""A mapping cut into its keys, so that one broken part does not hide the problems of the others."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_KEY = re.compile(r"""( *)(?:"[^"]*"|'[^']*'|[^\s#\-\[\]{}"',&*!|>%@`][^:]*|-\S[^:]*):(?:\s|$)""")
_ITEM = re.compile(r"( *)-(?:\s|$)")


@dataclass(frozen=True, slots=True)
class YamlSection:
    """Lines that belong to one key or one item of a list. `line` counts from 0."""

    line: int
    lines: Sequence[str]
    is_item: bool


def split_sections(lines: Sequence[str]) -> list[YamlSection]:
    """Return the sections that begin with the indent of the first line; none if that is neither key nor item."""
    starts: list[int] = []
    pattern, indent = None, ""
    for number, line in enumerate(lines):
        if pattern is None:
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            pattern = _ITEM if _ITEM.match(line) else _KEY
            if (found := pattern.match(line)) is None:
                return []
            indent = found[1]
        if (found := pattern.match(line)) and found[1] == indent:
            starts.append(number)
    if not starts:
        return []
    ends = [*starts[1:], len(lines)]
    return [YamlSection(start, lines[start:end], pattern is _ITEM) for start, end in zip(starts, ends, strict=True)]
