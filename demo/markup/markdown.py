"""Markdown as safe HTML and for the terminal, from the same tokens: both show the same text.

No raw HTML, no image but the deck's own, no link but http(s) and mailto. Syntax that would make typed text disappear is
text instead: definitions of links, cells beyond a table's columns, and whatever is nested too deep.
"""

import re
from collections.abc import Callable, Sequence

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_block import StateBlock, blockquote, list_block, table
from markdown_it.rules_block.table import escapedSplit, getLine
from markdown_it.rules_inline import StateInline, link
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from demo.markup.code import code_to_html
from demo.markup.columns import arrange_columns, parse_mark
from demo.markup.images import AT_ONCE, parse_image, render_image
from demo.markup.tags import is_safe_link, link_attributes
from demo.narration.image import is_image_address

MAX_LEVELS = 10
"""Maximum depth of lists and quotes inside one another; deeper ones are text."""

_ADDRESS = re.compile(r"\(\s*<?(?:https?://|mailto:)", re.IGNORECASE)
_MAYBE = re.compile(r"[*_`~|<#]|\]\(|^[ \t]*(?:[-+=>]|\d+[.)])|^(?: {4}|\t)", re.MULTILINE)
"""A text without any of these has no Markdown: it need not be parsed to find that out."""
_PLAIN = frozenset({"paragraph_open", "paragraph_close", "inline", "text", "softbreak", "hardbreak"})


def markdown_to_html(text: str, *, images_at_once: bool = False) -> str:
    """Render block elements. `images_at_once`: without waiting for a script of the page."""
    tokens = [_fit_token(token) for token in _MARKDOWN.parse(text)]
    return str(_MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {AT_ONCE: images_at_once})).strip()


def parse_markdown(text: str) -> list[Token]:
    """Return the tokens of a text, for the terminal."""
    return _MARKDOWN.parse(text)


def has_markdown(text: str) -> bool:
    """Return whether there is anything but words and line breaks."""
    return _MAYBE.search(text) is not None and any(
        token.type not in _PLAIN or any(child.type not in _PLAIN for child in token.children or ())
        for token in _MARKDOWN.parse(text)
    )


# What is Markdown here.


class _SafeMarkdown(MarkdownIt):
    """CommonMark without HTML and definitions of links, with strike-through, tables and columns."""

    def __init__(self) -> None:
        super().__init__("commonmark", {"html": False})
        self.enable(["strikethrough", "table"]).disable(["html_block", "html_inline", "reference"])
        self.block.ruler.at("blockquote", _limit_depth(blockquote), {"alt": ["paragraph", "blockquote", "list"]})
        self.block.ruler.at("list", _limit_depth(list_block), {"alt": ["paragraph", "blockquote"]})
        self.block.ruler.at("table", _parse_whole_table, {"alt": ["paragraph"]})
        self.block.ruler.before("blockquote", "columns", parse_mark, {"alt": ["paragraph"]})
        self.core.ruler.after("block", "columns", arrange_columns)
        self.inline.ruler.at("link", _parse_link)
        self.inline.ruler.at("image", _parse_deck_image)
        self.add_render_rule("link_open", _render_link_open)
        self.add_render_rule("image", render_image)
        self.add_render_rule("fence", _render_code)
        self.add_render_rule("code_block", _render_code)

    def validateLink(self, url: str) -> bool:  # noqa: N802 - markdown-it's own name
        return is_safe_link(url) or is_image_address(url)


BlockRule = Callable[[StateBlock, int, int, bool], bool]


def _limit_depth(rule: BlockRule) -> BlockRule:
    """Wrap a rule so that it does not apply below MAX_LEVELS, where markdown-it would drop text silently."""

    def bounded(state: StateBlock, start: int, end: int, silent: bool) -> bool:
        return state.level < MAX_LEVELS and rule(state, start, end, silent)

    return bounded


def _parse_whole_table(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Parse a table, unless a row has more cells than the head: the surplus ones would not be shown."""
    before = len(state.tokens)
    if not table(state, start, end, silent):
        return False
    if not silent:
        columns = sum(token.type == "th_open" for token in state.tokens[before:])
        if any(_count_cells(getLine(state, line)) > columns for line in range(start + 2, state.line)):
            del state.tokens[before:]
            state.line = start
            return False
    return True


def _count_cells(row: str) -> int:
    cells = escapedSplit(row.strip())
    return len(cells) - (cells[0] == "") - (len(cells) > 1 and cells[-1] == "")


def _parse_link(state: StateInline, silent: bool) -> bool:
    """Parse a link with an address. `handlers[i]()` is none; text after the last address is not searched at all."""
    if state.src[state.pos] != "[" or state.pos > _find_last_address(state):
        return False
    label_end = state.md.helpers.parseLinkLabel(state, state.pos, True)
    if label_end < 0 or not _ADDRESS.match(state.src, label_end + 1):
        return False
    return link(state, silent)


def _parse_deck_image(state: StateInline, silent: bool) -> bool:
    """Parse an image; text after the last address is not searched at all."""
    return state.pos <= _find_last_address(state) and parse_image(state, silent)


def _find_last_address(state: StateInline) -> int:
    """Find the last `](` of a text, once for each text: a search from every bracket would be quadratic."""
    found = state.env.get("last_address")
    if found is None or found[0] is not state.src:
        found = state.env["last_address"] = (state.src, state.src.rfind("]("))
    return int(found[1])


# How it is shown.


def _fit_token(token: Token) -> Token:
    """Fit a token into our pages: lower headings, text direction by content, alignment as a class (CSP: no style)."""
    if token.type in ("heading_open", "heading_close"):
        token.tag = f"h{min(6, int(token.tag[1]) + 2)}"
    if token.block and token.nesting == 1 and token.tag not in ("thead", "tbody", "tr", "div"):
        token.attrSet("dir", "auto")  # Arabic and Hebrew run from the right, whatever the language of the page
    style = token.attrs.pop("style", None)
    if style is not None:
        token.attrJoin("class", str(style).removeprefix("text-align:"))
    return token


def _render_link_open(self: RendererHTML, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
    return f"<a{link_attributes(str(tokens[idx].attrGet('href') or ''))}>"


def _render_code(self: RendererHTML, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
    return code_to_html(tokens[idx].content, tokens[idx].info)


_MARKDOWN = _SafeMarkdown()
