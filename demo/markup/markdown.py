"""Markdown as safe HTML and for the terminal, from the same tokens: both show the same text.

No raw HTML, no image, no link but http(s) and mailto. Syntax that would swallow what was typed is text instead:
definitions of links, cells beyond a table's columns, and whatever lies too deep.
"""

import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_block import StateBlock, blockquote, list_block, table
from markdown_it.rules_block.table import escapedSplit, getLine
from markdown_it.rules_inline import StateInline, link
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from demo.markup.tags import is_safe_link, link_attributes

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
    from rich.markdown import Markdown

MAX_LEVELS = 10
"""Of lists and quotes inside one another; deeper ones are text."""

_ADDRESS = re.compile(r"\(\s*<?(?:https?://|mailto:)", re.IGNORECASE)
_MAYBE = re.compile(r"[*_`~|<#]|\]\(|^[ \t]*(?:[-+=>]|\d+[.)])|^(?: {4}|\t)", re.MULTILINE)
"""Without any of these a text needs no parser to be seen to hold no Markdown."""
_PLAIN = frozenset({"paragraph_open", "paragraph_close", "inline", "text", "softbreak", "hardbreak"})


def markdown_to_html(text: str) -> str:
    """Block elements."""
    tokens = [_tamed(token) for token in _MARKDOWN.parse(text)]
    html = str(_MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {})).strip()
    return html.replace("<pre>", '<pre dir="auto">')  # none is typed: that would be escaped


def markdown_to_rich(text: str) -> "RenderableType":
    """The same for the terminal; links show where they lead."""
    shown = _terminal_markdown()("", hyperlinks=False)
    shown.parsed = _MARKDOWN.parse(text)
    return shown


def has_markdown(text: str) -> bool:
    """Is there anything but words and line breaks?"""
    return _MAYBE.search(text) is not None and any(
        token.type not in _PLAIN or any(child.type not in _PLAIN for child in token.children or ())
        for token in _MARKDOWN.parse(text)
    )


# What is Markdown here.


class _SafeMarkdown(MarkdownIt):
    """CommonMark without HTML, images and definitions of links, with strike-through and tables."""

    def __init__(self) -> None:
        super().__init__("commonmark", {"html": False})
        self.enable(["strikethrough", "table"]).disable(["image", "html_block", "html_inline", "reference"])
        self.block.ruler.at("blockquote", _shallow(blockquote), {"alt": ["paragraph", "blockquote", "list"]})
        self.block.ruler.at("list", _shallow(list_block), {"alt": ["paragraph", "blockquote"]})
        self.block.ruler.at("table", _whole_table, {"alt": ["paragraph"]})
        self.inline.ruler.at("link", _link)
        self.add_render_rule("link_open", _link_open)

    def validateLink(self, url: str) -> bool:  # noqa: N802 - markdown-it's own name
        return is_safe_link(url)


BlockRule = Callable[[StateBlock, int, int, bool], bool]


def _shallow(rule: BlockRule) -> BlockRule:
    """The rule, but not where it is so deep that markdown-it would leave the rest out."""

    def bounded(state: StateBlock, start: int, end: int, silent: bool) -> bool:
        return state.level < MAX_LEVELS and rule(state, start, end, silent)

    return bounded


def _whole_table(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A table, unless a row has more cells than the head: the ones too many would not be shown."""
    before = len(state.tokens)
    if not table(state, start, end, silent):
        return False
    if not silent:
        columns = sum(token.type == "th_open" for token in state.tokens[before:])
        if any(_cells(getLine(state, line)) > columns for line in range(start + 2, state.line)):
            del state.tokens[before:]
            state.line = start
            return False
    return True


def _cells(row: str) -> int:
    cells = escapedSplit(row.strip())
    return len(cells) - (cells[0] == "") - (len(cells) > 1 and cells[-1] == "")


def _link(state: StateInline, silent: bool) -> bool:
    """A link that leads somewhere. `handlers[i]()` is none, and what no address follows is not searched for one."""
    if state.src[state.pos] != "[" or state.pos > _last_address(state):
        return False
    label_end = state.md.helpers.parseLinkLabel(state, state.pos, True)
    if label_end < 0 or not _ADDRESS.match(state.src, label_end + 1):
        return False
    return link(state, silent)


def _last_address(state: StateInline) -> int:
    """Where the last `](` stands; looked for once in a text."""
    found = state.env.get("last_address")
    if found is None or found[0] is not state.src:
        found = state.env["last_address"] = (state.src, state.src.rfind("]("))
    return int(found[1])


# How it is shown.


def _tamed(token: Token) -> Token:
    """The page's own headings stay above the text's; alignment is a class (the policy allows no style)."""
    if token.type in ("heading_open", "heading_close"):
        token.tag = f"h{min(6, int(token.tag[1]) + 2)}"
    if token.block and token.nesting == 1 and token.tag not in ("thead", "tbody", "tr"):
        token.attrSet("dir", "auto")  # Arabic and Hebrew run from the right, whatever the page is in
    style = token.attrs.pop("style", None)
    if style is not None:
        token.attrJoin("class", str(style).removeprefix("text-align:"))
    return token


def _link_open(self: RendererHTML, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
    return f"<a{link_attributes(str(tokens[idx].attrGet('href') or ''))}>"


_MARKDOWN = _SafeMarkdown()


@cache
def _terminal_markdown() -> "type[Markdown]":
    from rich.markdown import Markdown, TableElement  # noqa: PLC0415 - a server without a terminal starts without Rich
    from rich.table import Table  # noqa: PLC0415

    class FoldedTable(TableElement):
        """Rich cuts a word that is longer than its column; here it goes on below."""

        def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
            for shown in super().__rich_console__(console, options):
                if isinstance(shown, Table):
                    for column in shown.columns:
                        column.overflow = "fold"
                yield shown

    class WholeMarkdown(Markdown):
        elements = {**Markdown.elements, "table_open": FoldedTable}  # noqa: RUF012 - as Rich declares it

    return WholeMarkdown
