"""Markdown for the terminal: columns side by side where there is room, code in colours, images as their words."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from markdown_it.token import Token

from demo.markup import columns
from demo.markup.code import colour_code, read_info, shown_lines, stands_out
from demo.markup.images import image_to_text
from demo.markup.markdown import parse_markdown

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
    from rich.markdown import Markdown
    from rich.text import Text

MIN_COLUMN = 24
"""Cells. Where a column would have fewer, columns stand one below the other."""

GAP = 3
"""Cells between two columns."""

_STYLES = {
    "comment": "italic #7f8790",
    "keyword": "bold #3b82d6",
    "string": "#0a9a8a",
    "number": "#bd7a00",
    "function": "#8f72dd",
    "type": "#3b82d6",
    "deleted": "#e5492d",
    "inserted": "#0a9a8a",
}
"""Mid tones, readable on light and on dark backgrounds."""

_DIM = "#7f8790"
"""For lines that do not stand out; not the terminal's own faint, which some show too dark to read."""

_LIT = "▌ "


def markdown_to_rich(text: str) -> "RenderableType":
    """Render a text; links show where they lead."""
    return _render(parse_markdown(text))


def _render(tokens: Sequence[Token]) -> "RenderableType":
    blocks = list(_split(tokens))
    return blocks[0] if len(blocks) == 1 else _stack(blocks)


def _split(tokens: Sequence[Token]) -> Iterator["RenderableType"]:
    """Yield what goes over the whole width, and columns, in their order; columns are not within one another."""
    flat: list[Token] = []
    inside: list[list[Token]] = []
    widths: list[int] = []
    for token in tokens:
        if token.type == columns.OPEN:
            if flat:
                yield _render_flat(flat)
            flat, inside, widths = [], [], []
        elif token.type == columns.COLUMN_OPEN:
            inside.append([])
            widths.append(token.meta["width"])
        elif token.type == columns.CLOSE:
            yield _columns_class()([_render_flat(column) for column in inside], widths)
            inside = []
        elif token.type != columns.COLUMN_CLOSE:
            (inside[-1] if inside else flat).append(token)
    if flat or not tokens:
        yield _render_flat(flat)


def _render_flat(tokens: Sequence[Token]) -> "RenderableType":
    shown = _markdown_class()("", hyperlinks=False)
    shown.parsed = [_without_images(token) for token in tokens]
    return shown


def _without_images(token: Token) -> Token:
    if token.children and any(child.type == "image" for child in token.children):
        children = [image_to_text(child) if child.type == "image" else child for child in token.children]
        return token.copy(children=children)
    return token


# What is made of Rich, which is imported when it is first needed: a server without a terminal starts without it.


@cache
def _markdown_class() -> "type[Markdown]":
    from rich.markdown import CodeBlock, Markdown, TableElement  # noqa: PLC0415
    from rich.padding import Padding  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    class FoldedTable(TableElement):
        """A table that wraps a word longer than its column: Rich would cut it."""

        def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
            for shown in super().__rich_console__(console, options):
                if isinstance(shown, Table):
                    for column in shown.columns:
                        column.overflow = "fold"
                yield shown

    class ColouredCode(CodeBlock):
        """Code in our colours, with a bar before the lines that stand out."""

        @classmethod
        def create(cls, markdown: "Markdown", token: Token) -> "ColouredCode":
            return cls(token.info or "", markdown.code_theme)

        def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
            yield Padding(_draw_code(str(self.text), self.lexer_name), (0, 0, 0, 2))

    class WholeMarkdown(Markdown):
        elements = {  # noqa: RUF012 - as Rich declares it
            **Markdown.elements,
            "table_open": FoldedTable,
            "fence": ColouredCode,
            "code_block": ColouredCode,
        }

    return WholeMarkdown


def _draw_code(code: str, info: str) -> "Text":
    from rich.text import Text  # noqa: PLC0415

    parsed = read_info(info)
    ranges, text = shown_lines(parsed), Text(overflow="fold")
    for number, line in enumerate(colour_code(code, parsed.language), 1):
        lit = stands_out(number, ranges)
        text.append("\n" if number > 1 else "")
        text.append((_LIT if lit else " " * len(_LIT)) if ranges else "")
        for piece, name in line:
            text.append(piece, _STYLES.get(name, "") if lit else _DIM)
    return text


@cache
def _columns_class() -> "Callable[[Sequence[RenderableType], Sequence[int]], RenderableType]":
    from rich.table import Table  # noqa: PLC0415

    @dataclass(frozen=True, slots=True)
    class SideBySide:
        """Columns, or one below the other where they would be too narrow."""

        inside: "Sequence[RenderableType]"
        widths: Sequence[int]

        def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
            room = options.max_width - GAP * (len(self.widths) - 1)
            if room * min(self.widths) < MIN_COLUMN * sum(self.widths):
                yield _stack(self.inside)
                return
            grid = Table.grid(padding=(0, GAP, 0, 0), pad_edge=False, expand=True)
            for width in self.widths:
                grid.add_column(ratio=width, overflow="fold")
            grid.add_row(*self.inside)
            yield grid

    return SideBySide


def _stack(blocks: Sequence["RenderableType"]) -> "RenderableType":
    """Return blocks one below the other, with a blank line between two."""
    from rich.console import Group  # noqa: PLC0415

    return Group(*[one for block in blocks for one in ("", block)][1:])
