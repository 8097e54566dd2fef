"""Narration text, as safe HTML, as a Rich renderable and as plain words.

A text is Rich markup when it holds a Rich tag (`[/]`, `[/bold]`, `[dim]`, …), else Markdown. Nothing raises:
broken Rich markup is shown as it was typed. No raw HTML passes, no style attribute, no link but http(s) and mailto.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape, unescape
from itertools import pairwise
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

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

_TAGS = {"bold": "strong", "b": "strong", "italic": "em", "i": "em", "strike": "s", "s": "s"}
_CLASSES = {"dim": "soft", "d": "soft", "underline": "under", "u": "under"}
_STYLE_WORD = (
    r"(?:bold|dim|italic|underline|strike|reverse|blink|not|on|b|d|i|u|s|"
    r"(?:bright_)?(?:black|red|green|yellow|blue|magenta|cyan|white)|(?:dark_)?orange\d?|gr[ae]y\d*|link=\S+)"
)
_RICH_TAG = re.compile(rf"(?<!\\)(?:\[/[a-z #/@_.,=:0-9()]*\]|\[{_STYLE_WORD}(?: {_STYLE_WORD})*\](?![(\[:]))")
_SAFE_LINK = re.compile(r"(?:https?://|mailto:)[^\s\"'<>]+\Z", re.IGNORECASE)
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_HTML_TAG = re.compile(r"<[^>]*>")


def is_rich(text: str) -> bool:
    """Does the text hold a Rich tag? A Markdown link `[bold](…)` is none."""
    return _RICH_TAG.search(text) is not None


def to_html(text: str) -> str:
    """Safe HTML of block elements, for a template to include as it is."""
    text = _clean(text)
    if is_rich(text):
        return _paragraphs(_rich_text(text))
    return str(_MARKDOWN.render(text)).strip()


def to_rich(text: str) -> "RenderableType":
    """The same for the terminal; no escape sequence of the text's own passes."""
    from rich.markdown import Markdown  # noqa: PLC0415 - a server without a terminal starts without Rich

    text = _clean(text)
    if is_rich(text):
        return _rich_text(text)
    return Markdown(text, hyperlinks=False)


def to_plain(text: str) -> str:
    """The words alone, in one line: for titles and screen readers."""
    return " ".join(unescape(_HTML_TAG.sub(" ", to_html(text))).split())


def _clean(text: str) -> str:
    """Without control characters and lone surrogates: neither a page nor a terminal is steered by a deck."""
    return _CONTROL.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


# Rich markup.


def _rich_text(text: str) -> "Text":
    """The parsed markup; as it was typed where Rich refuses it."""
    from rich.errors import MarkupError  # noqa: PLC0415 - only decks with Rich markup need it
    from rich.markup import render  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    try:
        return render(text)
    except (MarkupError, ValueError, SyntaxError):
        return Text(text)


def _paragraphs(text: "Text") -> str:
    """A blank line parts paragraphs, a single newline breaks a line."""
    blocks = text.split("\n\n", include_separator=False)
    shown = [_inline(_without_outer_newlines(block)) for block in blocks if block.plain.strip()]
    return "".join(f"<p>{block}</p>" for block in shown)


def _without_outer_newlines(text: "Text") -> "Text":
    start = len(text.plain) - len(text.plain.lstrip("\n"))
    end = len(text.plain.rstrip("\n"))
    return text[start:end]


def _inline(text: "Text") -> str:
    """Each stretch of equal style in its own elements: they never overlap."""
    edges = sorted({0, len(text.plain)} | {edge for span in text.spans for edge in (span.start, span.end)})
    pieces = []
    for start, end in pairwise(edges):
        styles = [str(span.style) for span in text.spans if span.start <= start and end <= span.end]
        words = escape(text.plain[start:end]).replace("\n", "<br>")
        pieces.append(_wrapped(words, styles))
    return "".join(pieces)


def _wrapped(html: str, styles: Iterable[str]) -> str:
    elements = list(dict.fromkeys(element for style in styles for element in _elements(style)))
    for tag, attributes in reversed(elements):
        html = f"<{tag}{attributes}>{html}</{tag}>"
    return html


def _elements(style: str) -> Iterator[tuple[str, str]]:
    """The elements (tag, attributes) of a style such as "bold red on white"; what has none is left out."""
    words = style.split()
    skip = False
    for index, word in enumerate(words):
        if skip:
            skip = False
        elif word in ("on", "not"):
            skip = True
        elif word == "link":
            url = " ".join(words[index + 1 :])
            if _SAFE_LINK.match(url):
                yield "a", _link_attributes(url)
            return
        elif word in _TAGS:
            yield _TAGS[word], ""
        else:
            name = _CLASSES.get(word) or _colour_class(word)
            if name:
                yield "span", f' class="{name}"'


def _colour_class(word: str) -> str | None:
    return _COLOUR_CLASSES.get(word.removeprefix("bright_").removeprefix("dark_").rstrip("0123456789"))


def _link_attributes(url: str) -> str:
    return f' href="{escape(url)}" target="_blank" rel="noopener noreferrer"'


# Markdown.


class _SafeMarkdown(MarkdownIt):
    """CommonMark without HTML and images, with strike-through and tables."""

    def __init__(self) -> None:
        super().__init__("commonmark", {"html": False})
        self.enable(["strikethrough", "table"]).disable(["image", "html_block", "html_inline"])
        self.add_render_rule("link_open", _link_open)

    def validateLink(self, url: str) -> bool:  # noqa: N802 - markdown-it's own name
        return _SAFE_LINK.match(url) is not None

    def parse(self, src: str, env: EnvType | None = None) -> list[Token]:
        return [_tamed(token) for token in super().parse(src, env)]


def _tamed(token: Token) -> Token:
    """The page's own headings stay above the text's, and alignment is a class: the policy allows no style."""
    if token.type in ("heading_open", "heading_close"):
        token.tag = f"h{min(6, int(token.tag[1]) + 2)}"
    style = token.attrs.pop("style", None)
    if style is not None:
        token.attrJoin("class", str(style).removeprefix("text-align:"))
    return token


def _link_open(self: RendererHTML, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
    return f"<a{_link_attributes(str(tokens[idx].attrGet('href') or ''))}>"


_MARKDOWN = _SafeMarkdown()
