"""Columns of a chapter's text: `<!-- column_layout: [2, 1] -->`, `<!-- column: 0 -->`, `<!-- reset_layout -->`."""

from dataclasses import dataclass

from demo.errors import InvalidValue
from demo.showfile.markdown.directives import Directive, parse_comment
from demo.showfile.markdown.scan import MarkdownScan

NAMES = ("column_layout", "column", "reset_layout")


@dataclass(frozen=True, slots=True)
class TextBlock:
    """A part of a chapter's text: over the whole width (`widths` is empty, one text), or a text for each column."""

    texts: tuple[str, ...]
    widths: tuple[int, ...] = ()


class ColumnOrder:
    """Checks that comments about columns come in an order that makes sense."""

    def __init__(self) -> None:
        self.widths: tuple[int, ...] = ()

    def take(self, directive: Directive) -> None:
        """Take the next one of a chapter. Raises `InvalidValue` if it cannot stand here."""
        if directive.name == "column_layout":
            self.widths = directive.numbers
        elif directive.name == "reset_layout":
            self.widths = ()
        elif directive.name == "column":
            if not self.widths:
                raise InvalidValue(
                    "there are no columns here: write <!-- column_layout: [2, 1] --> before the first one"
                )
            if directive.numbers[0] >= len(self.widths):
                count = len(self.widths)
                raise InvalidValue(
                    f"there is no column {directive.numbers[0]}: the layout has {count}, from 0 to {count - 1}"
                )


def split_columns(text: str) -> tuple[TextBlock, ...]:
    """Cut a chapter's text, one page or several joined by blank lines, into blocks in reading order; never raises."""
    lines = text.split("\n")
    splitter, position = _Splitter(), 0
    for comment in MarkdownScan(lines, "").comments:
        try:
            directive = parse_comment(comment.text)
        except InvalidValue:
            continue  # told when the file was read
        if directive.name in NAMES and comment.line >= position:
            splitter.add(lines[position : comment.line])
            splitter.take(directive)
            position = comment.end_line + 1
    splitter.add(lines[position:])
    splitter.end_block()
    return tuple(splitter.blocks)


class _Splitter:
    """Collects lines; `column` is None where they go over the whole width."""

    def __init__(self) -> None:
        self.blocks: list[TextBlock] = []
        self.widths: tuple[int, ...] = ()
        self.parts: list[list[str]] = [[]]
        self.column: int | None = None

    def add(self, lines: list[str]) -> None:
        self.parts[self.column or 0] += lines

    def take(self, directive: Directive) -> None:
        if directive.name != "column":
            self.end_block()
            self.widths = directive.numbers
        elif directive.numbers[0] < len(self.widths):
            if self.column is None:
                self.end_block()
                self.parts = [[] for _ in self.widths]
            self.column = directive.numbers[0]

    def end_block(self) -> None:
        texts = tuple("\n".join(part).strip("\n") for part in self.parts)
        if any(text.strip() for text in texts):
            self.blocks.append(TextBlock(texts, () if self.column is None else self.widths))
        self.parts, self.column = [[]], None
