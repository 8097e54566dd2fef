"""Rich's console markup: which brackets are tags, and the text in pieces of equal style. No emoji codes.

A tag is one only when Rich knows its style. Every other bracket is text, so nothing that was typed vanishes.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.text import Text

MAX_DEPTH = 16
"""Styles that lie inside one another; a tag that is deeper is shown as it was typed."""

Piece = tuple[str, tuple[str, ...]]
"""Some text and the styles that are on it, the outermost first."""

_TAG = re.compile(r"(?<!\\)(\\*)\[([a-z#/][^\[\]\n]{0,200})\]")
_SAFE_LINK = re.compile(r"(?:https?://|mailto:)[^\s\"'<>]+\Z", re.IGNORECASE)
_BREAK = "\0"
"""Stands for a blank line while a text is parted; a cleaned text holds none of its own."""

_COLOUR_CLASSES = {
    "green": "up",
    "red": "down",
    "yellow": "degraded",
    "orange": "degraded",
    "blue": "accent",
    "cyan": "accent",
    "magenta": "accent",
    "black": "soft",
    "grey": "soft",
    "gray": "soft",
}
"""By meaning, not by hue: the sheet decides how an "up" looks on each ground."""

_ELEMENTS = {"bold": "strong", "b": "strong", "italic": "em", "i": "em", "strike": "s", "s": "s"}
_CLASSES = {"dim": "soft", "d": "soft", "underline": "under", "u": "under"}


@dataclass(slots=True)
class _Bracket:
    """A bracket that may be a tag. `style`: what it opens; `partner`: what it closes, or is closed by."""

    start: int
    end: int
    slashes: int
    word: str
    style: str = ""
    partner: "_Bracket | None" = None
    is_tag: bool = False

    @property
    def is_closing(self) -> bool:
        return self.word.startswith("/")


def has_closed_tag(text: str) -> bool:
    """Is there a tag of a style that Rich knows, and the one that closes it?"""
    return "[/" in text and any(bracket.is_tag for bracket in _brackets(text, may_stay_open=False))


def pieces(text: str, may_stay_open: bool) -> Iterator[Piece]:
    """The text without its tags. `may_stay_open`: a tag that nothing closes holds to the end, else it is text."""
    at, on = 0, list[_Bracket]()
    for bracket in _brackets(text, may_stay_open):
        if not bracket.is_tag and not bracket.slashes:
            continue
        shown = "\\" * (bracket.slashes // 2)
        escaped = bracket.slashes % 2 == 1 or not bracket.is_tag
        yield text[at : bracket.start] + shown, _styles(on)
        at = bracket.end - len(bracket.word) - 2 if escaped else bracket.end
        if not escaped and bracket.is_closing:
            on = [one for one in on if one is not bracket.partner]
        elif not escaped:
            on.append(bracket)
    yield text[at:], _styles(on)


def tags_to_html(text: str, may_stay_open: bool) -> str:
    """A blank line parts paragraphs, a single newline breaks a line."""
    paragraphs: list[list[str]] = [[]]
    for words, styles in pieces(re.sub(r"\n{2,}", _BREAK, text.strip("\n")), may_stay_open):
        for index, part in enumerate(words.split(_BREAK)):
            if index:
                paragraphs.append([])
            if part:
                paragraphs[-1].append(_wrapped(escape(part).replace("\n", "<br>"), styles))
    return "".join(f'<p dir="auto">{"".join(inside)}</p>' for inside in paragraphs if "".join(inside).strip())


def tags_to_rich(text: str, may_stay_open: bool) -> "Text":
    """The same for the terminal."""
    from rich.text import Text  # noqa: PLC0415 - a server without a terminal starts without Rich

    shown = Text()
    for words, styles in pieces(text, may_stay_open):
        shown.append(words, " ".join(styles))
    return shown


def link_attributes(url: str) -> str:
    """Of an `<a>` to somewhere else: in a window of its own, which learns nothing of this one."""
    return f' href="{escape(url)}" target="_blank" rel="noopener noreferrer"'


def is_safe_link(url: str) -> bool:
    """Only http(s) and mailto."""
    return _SAFE_LINK.match(url) is not None


# Which brackets are tags.


def _brackets(text: str, may_stay_open: bool) -> list[_Bracket]:
    found = [
        _Bracket(hit.start(), hit.end(), len(hit[1]), hit[2]) for hit in _TAG.finditer(text) if _can_be_tag(hit[2])
    ]
    _pair([bracket for bracket in found if bracket.slashes % 2 == 0])
    depth, still_open = 0, set[int]()
    for bracket in found:
        partner = bracket.partner
        if bracket.is_closing:
            bracket.is_tag = partner is not None and id(partner) in still_open
            depth -= bracket.is_tag
        elif bracket.style and (partner is not None or may_stay_open) and depth < MAX_DEPTH:
            bracket.is_tag = True
            still_open.add(id(bracket))
            depth += 1
    return found


def _pair(brackets: Iterable[_Bracket]) -> None:
    """A closing tag ends the newest open one of its name; `[/]` the newest of all."""
    opened: list[_Bracket] = []
    named: dict[str, list[_Bracket]] = {}
    for bracket in brackets:
        if not bracket.is_closing:
            bracket.style = _style(bracket.word)
            if bracket.style:
                opened.append(bracket)
                named.setdefault(_name(bracket.word), []).append(bracket)
            continue
        name = _name(bracket.word[1:])
        among = named.get(name, []) if name else opened
        while among and among[-1].partner is not None:
            among.pop()
        if among:
            bracket.partner = among.pop()
            bracket.partner.partner = bracket


def _can_be_tag(word: str) -> bool:
    return word.startswith("/") or bool(_style(word))


def _name(word: str) -> str:
    """What a closing tag calls it: `link` of `link=https://…`."""
    return " ".join(word.partition("=")[0].split())


@lru_cache(maxsize=1024)
def _style(word: str) -> str:
    """The style that `[word]` opens, as Rich writes it; empty when it knows none, or a link that is not safe."""
    from rich.errors import StyleSyntaxError  # noqa: PLC0415 - only texts with something like a tag need Rich
    from rich.style import Style  # noqa: PLC0415

    if word.startswith("link="):
        url = word.removeprefix("link=").strip()
        return f"link {url}" if is_safe_link(url) else ""
    try:
        known = Style.parse(word)
    except StyleSyntaxError:
        return ""
    return "" if known.link else " ".join(word.split())


def _styles(on: Iterable[_Bracket]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(bracket.style for bracket in on))


# As HTML.


def _wrapped(html: str, styles: Iterable[str]) -> str:
    """Each piece in elements of its own: they never overlap."""
    elements = list(dict.fromkeys(element for style in styles for element in _elements(style)))
    for tag, attributes in reversed(elements):
        html = f"<{tag}{attributes}>{html}</{tag}>"
    return html


def _elements(style: str) -> Iterator[tuple[str, str]]:
    """The elements (tag, attributes) of a style such as "bold red on white"; what has none is left out."""
    words = style.split()
    if words[:1] == ["link"]:
        yield "a", link_attributes(words[1])
        return
    for before, word in zip(["", *words], words, strict=False):
        if before in ("on", "not") or word in ("on", "not"):
            continue
        name = _CLASSES.get(word) or _colour_class(word)
        if word in _ELEMENTS:
            yield _ELEMENTS[word], ""
        elif name:
            yield "span", f' class="{name}"'


def _colour_class(word: str) -> str | None:
    return _COLOUR_CLASSES.get(word.removeprefix("bright_").removeprefix("dark_").rstrip("0123456789"))
