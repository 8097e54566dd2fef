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
"""Maximum nesting of styles; a tag that is deeper is shown as it was typed."""

Piece = tuple[str, tuple[str, ...]]
"""Some text and its styles, the outermost first."""

_TAG = re.compile(r"(?<!\\)(\\*)\[([a-z#/][^\[\]\n]{0,200})\]")
_SAFE_LINK = re.compile(r"(?:https?://|mailto:)[^\s\"'<>]+\Z", re.IGNORECASE)
_BREAK = "\0"
"""Stands for a blank line while a text is split; a cleaned text holds no NUL of its own."""

_CLASS_OF_COLOUR = {
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
"""By meaning, not by hue: the style sheet decides how "up" looks on each background."""

_TAG_OF_STYLE = {"bold": "strong", "b": "strong", "italic": "em", "i": "em", "strike": "s", "s": "s"}
_CLASS_OF_STYLE = {"dim": "soft", "d": "soft", "underline": "under", "u": "under"}


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
    """Return whether there is a tag of a style that Rich knows, and one that closes it."""
    return "[/" in text and any(bracket.is_tag for bracket in _find_brackets(text, may_stay_open=False))


def pieces(text: str, may_stay_open: bool) -> Iterator[Piece]:
    """Split the text at its tags. `may_stay_open`: a tag that nothing closes applies to the end; else it is text."""
    at, on = 0, list[_Bracket]()
    for bracket in _find_brackets(text, may_stay_open):
        if not bracket.is_tag and not bracket.slashes:
            continue
        # As in Rich: two backslashes stand for one, and one that is left over escapes the bracket.
        shown = "\\" * (bracket.slashes // 2)
        escaped = bracket.slashes % 2 == 1 or not bracket.is_tag
        yield text[at : bracket.start] + shown, _list_styles(on)
        at = bracket.end - len(bracket.word) - 2 if escaped else bracket.end
        if not escaped and bracket.is_closing:
            on = [one for one in on if one is not bracket.partner]
        elif not escaped:
            on.append(bracket)
    yield text[at:], _list_styles(on)


def tags_to_html(text: str, may_stay_open: bool) -> str:
    """Render safe HTML. A blank line separates paragraphs, a single newline breaks a line."""
    paragraphs: list[list[str]] = [[]]
    for words, styles in pieces(re.sub(r"\n{2,}", _BREAK, text.strip("\n")), may_stay_open):
        for index, part in enumerate(words.split(_BREAK)):
            if index:
                paragraphs.append([])
            if part:
                paragraphs[-1].append(_wrap(escape(part).replace("\n", "<br>"), styles))
    return "".join(f'<p dir="auto">{"".join(inside)}</p>' for inside in paragraphs if "".join(inside).strip())


def tags_to_rich(text: str, may_stay_open: bool) -> "Text":
    """Render the same for the terminal."""
    from rich.text import Text  # noqa: PLC0415 - a server without a terminal starts without Rich

    shown = Text()
    for words, styles in pieces(text, may_stay_open):
        shown.append(words, " ".join(styles))
    return shown


def link_attributes(url: str) -> str:
    """Return the attributes of an `<a>` to another site: a window of its own, which learns nothing of this page."""
    return f' href="{escape(url)}" target="_blank" rel="noopener noreferrer"'


def is_safe_link(url: str) -> bool:
    """Return whether a link is http(s) or mailto."""
    return _SAFE_LINK.match(url) is not None


# Which brackets are tags.


def _find_brackets(text: str, may_stay_open: bool) -> list[_Bracket]:
    found = [
        _Bracket(hit.start(), hit.end(), len(hit[1]), hit[2]) for hit in _TAG.finditer(text) if _can_be_tag(hit[2])
    ]
    _pair_brackets([bracket for bracket in found if bracket.slashes % 2 == 0])
    # A second pass: whether a tag is too deep depends on those before it that really are tags.
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


def _pair_brackets(brackets: Iterable[_Bracket]) -> None:
    """Pair tags: a closing one ends the newest open one of its name, `[/]` the newest of all."""
    opened: list[_Bracket] = []
    named: dict[str, list[_Bracket]] = {}
    for bracket in brackets:
        if not bracket.is_closing:
            bracket.style = _parse_style(bracket.word)
            if bracket.style:
                opened.append(bracket)
                named.setdefault(_normalize_name(bracket.word), []).append(bracket)
            continue
        name = _normalize_name(bracket.word[1:])
        candidates = named.get(name, []) if name else opened
        while candidates and candidates[-1].partner is not None:
            candidates.pop()
        if candidates:
            bracket.partner = candidates.pop()
            bracket.partner.partner = bracket


def _can_be_tag(word: str) -> bool:
    return word.startswith("/") or bool(_parse_style(word))


def _normalize_name(word: str) -> str:
    """Return the name by which a closing tag refers to it: `link` for `link=https://…`."""
    return " ".join(word.partition("=")[0].split())


@lru_cache(maxsize=1024)
def _parse_style(word: str) -> str:
    """Return the style that `[word]` opens, as Rich writes it; empty for one it does not know, or an unsafe link."""
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


def _list_styles(on: Iterable[_Bracket]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(bracket.style for bracket in on))


# As HTML.


def _wrap(html: str, styles: Iterable[str]) -> str:
    """Wrap a piece in elements of its own, so that elements never overlap."""
    elements = list(dict.fromkeys(element for style in styles for element in _list_elements(style)))
    for tag, attributes in reversed(elements):
        html = f"<{tag}{attributes}>{html}</{tag}>"
    return html


def _list_elements(style: str) -> Iterator[tuple[str, str]]:
    """Yield the elements (tag, attributes) of a style such as "bold red on white"; a word without one is left out."""
    words = style.split()
    if words[:1] == ["link"]:
        yield "a", link_attributes(words[1])
        return
    for before, word in zip(["", *words], words, strict=False):
        if before in ("on", "not") or word in ("on", "not"):
            continue
        name = _CLASS_OF_STYLE.get(word) or _find_colour_class(word)
        if word in _TAG_OF_STYLE:
            yield _TAG_OF_STYLE[word], ""
        elif name:
            yield "span", f' class="{name}"'


def _find_colour_class(word: str) -> str | None:
    return _CLASS_OF_COLOUR.get(word.removeprefix("bright_").removeprefix("dark_").rstrip("0123456789"))
