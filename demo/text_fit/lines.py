"""Breaks text into lines as a browser does: at spaces, after hyphens, and inside a word that is wider than a line."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from demo.text_fit.font import Letters, letter_width

_SPACES = " \t\n\r\f"
_HYPHENS = "-‐–—"


@dataclass(frozen=True, slots=True)
class Piece:
    """Some text in one kind of letters. `edge`: the space at both its ends, as code has. A `None` text ends a line."""

    text: str | None
    letters: Letters
    edge: float = 0.0


@dataclass(slots=True)
class _Word:
    """What is not broken, unless it is wider than a line; `space` stands before it where it is not the first one."""

    space: float = 0.0
    letters: list[float] = field(default_factory=list)
    ends_line: bool = False

    @property
    def width(self) -> float:
        return sum(self.letters)


@dataclass(frozen=True, slots=True)
class Broken:
    """`count`: lines. `widest`: the width of the widest of them, in px."""

    count: int
    widest: float


def break_lines(pieces: Iterable[Piece], width: float) -> Broken:
    """Return how many lines of this width the pieces take; none for no text."""
    count, at, widest = 0, 0.0, 0.0
    is_open = False
    for word in _words(pieces):
        if not is_open:
            count, at, is_open = count + 1, 0.0, True
        elif at + word.space + word.width > width and at > 0:
            count, at = count + 1, 0.0
        else:
            at += word.space
        for letter in word.letters:
            if at + letter > width and at > 0:
                count, at = count + 1, 0.0
            at += letter
            widest = max(widest, at)
        is_open = not word.ends_line
    return Broken(count, widest)


def least_width(pieces: Sequence[Piece]) -> float:
    """Return the width of the widest word. Code is broken anywhere, so that its letters count alone."""
    found = [max(word.letters) if _is_code(pieces) else word.width for word in _words(pieces) if word.letters]
    return max(found, default=0.0)


def _is_code(pieces: Sequence[Piece]) -> bool:
    return all(piece.letters.is_mono for piece in pieces)


def most_width(pieces: Iterable[Piece]) -> float:
    """Return the width of the text in lines that are as long as they want to be."""
    return break_lines(pieces, 1e9).widest


def _words(pieces: Iterable[Piece]) -> Iterator[_Word]:
    word, space = _Word(), 0.0
    for piece in pieces:
        if piece.text is None:
            word.ends_line = True
            yield word
            word, space = _Word(), 0.0
            continue
        may_end = False  # between two pieces there is no place for the end of a line, unless there is a space
        for part in _parts(piece.text):
            is_space = part[0] in _SPACES
            if word.letters and (is_space or may_end):
                yield word
                word, space = _Word(), 0.0
            if is_space:
                space, may_end = letter_width(" ", piece.letters), False
                continue
            if not word.letters:
                word.space, space = space, 0.0
            word.letters += [letter_width(letter, piece.letters) for letter in part]
            if not may_end:
                word.letters[-len(part)] += piece.edge
            may_end = True
        if word.letters:
            word.letters[-1] += piece.edge
    if word.letters:
        yield word


def _parts(text: str) -> Iterator[str]:
    """Yield spaces, and what stands between the places where a line may end."""
    for run in re.findall(rf"[{_SPACES}]+|[^{_SPACES}]+", text):
        begin = 0
        for place in range(1, len(run)):
            if _may_end(run[place - 1], run[place]):
                yield run[begin:place]
                begin = place
        yield run[begin:]


def _may_end(before: str, after: str) -> bool:
    """Return whether a line may end between two letters of a word."""
    if before in _HYPHENS:
        return after.isalpha()
    return _is_wide(before) or _is_wide(after)


def _is_wide(letter: str) -> bool:
    return letter >= "\u2e80" and unicodedata.east_asian_width(letter) in "WF"
