"""A deck's text as safe HTML, for the terminal, and as plain words.

A text is Markdown unless its chapter says `format: markup`, or it has a closed Rich tag and no Markdown (see decision
0026). Pages and terminal show the same words; what is not syntax is shown as it was typed. Nothing here raises.
"""

import re
from functools import lru_cache
from html import unescape
from textwrap import dedent
from typing import TYPE_CHECKING

from demo.markup.markdown import has_markdown, markdown_to_html
from demo.markup.tags import has_closed_tag, tags_to_html, tags_to_rich
from demo.markup.terminal import markdown_to_rich

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_HTML_TAG = re.compile(r"<[^>]*>")


def to_html(text: str, written_in: str = "auto", *, images_at_once: bool = False) -> str:
    """Return the text as safe HTML of block elements, which a template includes as it is.

    `images_at_once`: the browser loads images by itself; otherwise a script of the page has to ask for them.
    """
    text = _replace_controls(text)
    if is_rich(text, written_in):
        return tags_to_html(text, may_stay_open=written_in == "markup")
    return markdown_to_html(text, images_at_once=images_at_once)


def to_rich(text: str, written_in: str = "auto") -> "RenderableType":
    """Return the same for the terminal; no escape sequence in the text gets through."""
    text = _replace_controls(text)
    if is_rich(text, written_in):
        return tags_to_rich(text, may_stay_open=written_in == "markup")
    return markdown_to_rich(text)


def to_plain(text: str, written_in: str = "auto") -> str:
    """Return the words alone, in one line."""
    return " ".join(unescape(_HTML_TAG.sub(" ", to_html(text, written_in))).split())


def hint_to_rich(text: str, written_in: str = "auto") -> "Text":
    """Return a line of hints for the terminal: Rich's tags or plain text, never Markdown."""
    return tags_to_rich(_replace_controls(text), may_stay_open=written_in == "markup")


@lru_cache(maxsize=512)
def is_rich(text: str, written_in: str = "auto") -> bool:
    """Return whether a text is in Rich's tags; if it does not say so, whether it has a closed one and no Markdown."""
    return written_in == "markup" or (written_in == "auto" and has_closed_tag(text) and not has_markdown(dedent(text)))


def _replace_controls(text: str) -> str:
    """Replace control characters and lone surrogates: a deck must not control a page or a terminal."""
    return _CONTROL.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))
