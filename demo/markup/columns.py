"""Columns in Markdown: `<!-- column_layout: [2, 1] -->`, `<!-- column: 0 -->`, `<!-- reset_layout -->` on lines alone.

What stands before the first `column` goes over the whole width. A column that is named again goes on where it ended.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from markdown_it.rules_block import StateBlock
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

MAX_COLUMNS = 6
MAX_WEIGHT = 24
"""The style sheet has a class for each weight up to this one."""

OPEN, CLOSE = "columns_open", "columns_close"
COLUMN_OPEN, COLUMN_CLOSE = "column_open", "column_close"

_MARK = "column_mark"
_WIDTHS = rf"\[ *(\d{{1,2}}(?: *, *\d{{1,2}}){{0,{MAX_COLUMNS - 1}}}) *\]"
_LINE = re.compile(rf"<!-- *(?:column_layout: *{_WIDTHS}|column: *(\d)|(reset_layout)) *-->[ \t]*")
_OPENING = re.compile(rf"^ {{0,3}}<!-- *column_layout: *{_WIDTHS} *-->", re.MULTILINE)


def has_columns(text: str) -> bool:
    """Return whether a text is arranged in columns."""
    return _OPENING.search(text) is not None


def without_marks(text: str) -> str:
    """Return a text without the lines that arrange it in columns."""
    if not has_columns(text):
        return text
    kept = [line for line in text.split("\n") if _LINE.fullmatch(line.strip()) is None]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept))


def parse_mark(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Parse a line that is about columns; a block rule of markdown-it. Only outside of lists and quotes."""
    if state.level or state.is_code_block(start):
        return False
    found = _LINE.fullmatch(state.src[state.bMarks[start] + state.tShift[start] : state.eMarks[start]])
    if found is None:
        return False
    if not silent:
        token = state.push(_MARK, "", 0)
        token.hidden = True
        widths = tuple(map(int, found[1].split(","))) if found[1] else ()
        token.meta = {"widths": _simplify(widths), "column": int(found[2]) if found[2] else None}
        state.line = start + 1
    return True


def _simplify(widths: Sequence[int]) -> tuple[int, ...]:
    """Return the same proportions with weights from 1 to `MAX_WEIGHT`."""
    divisor = math.gcd(*widths) or 1
    whole = [max(1, width // divisor) for width in widths]
    if max(whole, default=0) > MAX_WEIGHT:
        whole = [max(1, round(width * MAX_WEIGHT / sum(whole))) for width in whole]
    return tuple(whole)


def arrange_columns(state: StateCore) -> None:
    """Put the tokens between the marks into columns; a core rule of markdown-it, after the blocks."""
    if any(token.type == _MARK for token in state.tokens):
        arrangement = _Arrangement()
        for token in state.tokens:
            arrangement.take(token)
        arrangement.end_columns()
        state.tokens = arrangement.tokens


@dataclass(slots=True)
class _Arrangement:
    """Collects tokens; `column` is None where they go over the whole width."""

    tokens: list[Token] = field(default_factory=list)
    widths: tuple[int, ...] = ()
    columns: list[list[Token]] = field(default_factory=list)
    column: int | None = None

    def take(self, token: Token) -> None:
        if token.type != _MARK:
            (self.tokens if self.column is None else self.columns[self.column]).append(token)
            return
        column = token.meta["column"]
        if column is None:
            self.end_columns()
            self.widths = token.meta["widths"]
        elif column < len(self.widths):
            self.columns = self.columns or [[] for _ in self.widths]
            self.column = column

    def end_columns(self) -> None:
        if self.columns:
            self.tokens.append(_open(OPEN, "columns"))
            for width, inside in zip(self.widths, self.columns, strict=True):
                self.tokens += [_open(COLUMN_OPEN, f"column weight-{width}", width), *inside, _close(COLUMN_CLOSE)]
            self.tokens.append(_close(CLOSE))
        self.columns, self.column = [], None


def _open(kind: str, classes: str, width: int = 0) -> Token:
    return Token(kind, "div", 1, attrs={"class": classes}, meta={"width": width}, block=True)


def _close(kind: str) -> Token:
    return Token(kind, "div", -1, block=True)
