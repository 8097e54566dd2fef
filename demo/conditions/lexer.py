"""Cuts a condition into tokens. A regular expression stands only after `matches`, between slashes."""

import re
from dataclasses import dataclass
from typing import Literal

from demo.conditions.errors import ConditionError

MAX_LENGTH = 2000
"""Characters of a condition; the number of tokens is bounded by it."""

MAX_SHOWN = 40
"""Characters of a token in a message."""

Kind = Literal["word", "text", "regex", "operator", "symbol", "end"]


@dataclass(frozen=True, slots=True)
class Token:
    """`text`: of a quoted text without its quotes, of a regular expression without slashes and flags."""

    kind: Kind
    text: str
    at: int
    end: int
    flags: str = ""

    def __str__(self) -> str:
        """Return it as messages quote it."""
        shown = self.text if len(self.text) <= MAX_SHOWN else self.text[: MAX_SHOWN - 1] + "…"
        return "the end" if self.kind == "end" else f'"{shown}"' if self.kind == "text" else f"'{shown}'"


_SPACE = re.compile(r"\s*")
_WORD = re.compile(r"[\w.\-/:@%+*?~#]+")
_OPERATOR = re.compile(r"==|!=|<=|>=|<(?![>=])|>(?!=)")
_SYMBOL = re.compile(r"[()\[\],]")
_REGEX = re.compile(r"/((?:[^/\\]|\\.)*)/(\w*)", re.DOTALL)
_QUOTED = {
    '"': re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL),
    "'": re.compile(r"'((?:[^'\\]|\\.)*)'", re.DOTALL),
}
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)

_INSTEAD = {
    "===": "==",
    "=>": ">=",
    "=<": "<=",
    "=~": "matches /…/",
    "~=": "matches /…/",
    "<>": "!=",
    "&&": "and",
    "||": "or",
    "=": "==",
    "&": "and",
    "|": "or",
    "!": "not",
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
    "≈": "==",
}


def cut(text: str) -> list[Token]:
    """Return the tokens, the last of which is the end. Raises `ConditionError`."""
    if len(text) > MAX_LENGTH:
        raise ConditionError(f"a condition has at most {MAX_LENGTH} characters; this one has {len(text)}", MAX_LENGTH)
    tokens: list[Token] = []
    at = _past_space(text, 0)
    while at < len(text):
        after_matches = bool(tokens) and tokens[-1].kind == "word" and tokens[-1].text == "matches"
        token = _regex(text, at) if after_matches and text[at] == "/" else _token(text, at)
        tokens.append(token)
        at = _past_space(text, token.end)
    tokens.append(Token("end", "", len(text.rstrip()), len(text)))
    return tokens


def _past_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _token(text: str, at: int) -> Token:
    for written, instead in _INSTEAD.items():
        if text.startswith(written, at) and not text.startswith(("!=", "=="), at) | (written == "==="):
            raise ConditionError(f"write {instead!r} instead of {written!r}", at)
    if text[at] in _QUOTED:
        found = _QUOTED[text[at]].match(text, at)
        if not found:
            raise ConditionError(f"the quote that begins here does not end: expected another {text[at]}", at)
        return Token("text", _ESCAPED.sub(r"\1", found[1]), at, found.end())
    patterns: tuple[tuple[Kind, re.Pattern[str]], ...] = (("word", _WORD), ("operator", _OPERATOR), ("symbol", _SYMBOL))
    for kind, pattern in patterns:
        if found := pattern.match(text, at):
            return Token(kind, found[0], at, found.end())
    raise ConditionError(f"unexpected character {text[at]!r}: a text with such a character is put in quotes", at)


def _regex(text: str, at: int) -> Token:
    found = _REGEX.match(text, at)
    if not found:
        raise ConditionError("the regular expression that begins here does not end: expected another /", at)
    if found[2] not in ("", "i"):
        raise ConditionError(
            f"{found[2]!r} is not a flag of a regular expression: only i, to ignore case", found.start(2)
        )
    # Only an escaped slash loses its backslash: `\\\\/` ends the expression, `\\/` does not.
    unescaped = re.sub(r"\\(.)", lambda pair: "/" if pair[1] == "/" else pair[0], found[1], flags=re.DOTALL)
    return Token("regex", unescaped, at, found.end(), found[2])
