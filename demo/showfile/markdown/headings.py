"""The title of a chapter: its first heading."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from demo.markup import to_plain

MAX_HEADING = 500

_ATX = re.compile(r" {0,3}#{1,6}(?:[ \t]+(.*))?")
_UNDERLINE = re.compile(r" {0,3}(?:=+|-+)[ \t]*")
_NO_PARAGRAPH = re.compile(r" {4}|\t| {0,3}(?:[>|#]|[-*+][ \t]|\d{1,9}[.)][ \t])")
_MARKUP = re.compile(r"[*_`~\[\]<>&\\!]")


@dataclass(frozen=True, slots=True)
class MarkdownHeading:
    """A heading in the lines from `first` to `last`."""

    first: int
    last: int
    text: str


def find_heading(lines: Sequence[str]) -> MarkdownHeading | None:
    """Return the first heading; lines of code and comments have to be blank."""
    for number, line in enumerate(lines):
        if "#" in line and (found := _ATX.fullmatch(line)):
            return MarkdownHeading(number, number, _to_title(_drop_closing((found[1] or "").strip())))
        if number and ("=" in line or "-" in line) and _UNDERLINE.fullmatch(line):
            first = _find_paragraph(lines, number)
            if first < number:
                return MarkdownHeading(first, number, _to_title(" ".join(part.strip() for part in lines[first:number])))
    return None


def _find_paragraph(lines: Sequence[str], end: int) -> int:
    """Return where the paragraph that ends before line `end` begins; `end` if there is none."""
    first = end
    while first and end - first < 10 and lines[first - 1].strip() and not _NO_PARAGRAPH.match(lines[first - 1]):
        first -= 1
    return first


def _drop_closing(text: str) -> str:
    """Return a heading without the # that may end it, if a space stands before them."""
    without = text.rstrip("#")
    return without if not without or without[-1] in " \t" else text


def _to_title(text: str) -> str:
    text = text.strip()
    return to_plain(text[:MAX_HEADING], "markdown") if _MARKUP.search(text) else text[:MAX_HEADING]
