"""How high a chapter's text is in a place of some width: paragraphs, lists, tables, code, columns and images.

The numbers are those of `demo/static/base.css`, `content.css` and `stage.css`. All lengths are in px.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from demo.text_fit.font import MONO_EM, Letters
from demo.text_fit.lines import Broken, Piece, break_lines, least_width, most_width
from demo.text_fit.markup import Element

LINE_HEIGHT = 1.34
CODE_LINE_HEIGHT = 1.3
CODE_EM = 0.88
LEAST_CODE_EM = 0.7
STRONG, BOLD = 680, 700

_BLOCKS = frozenset({"p", "ul", "ol", "li", "blockquote", "pre", "table", "div", "hr", "h3", "h4", "h5", "h6"})
_HEADINGS = frozenset({"h3", "h4", "h5", "h6"})
_SPACES = {"": 0.6, "column": 0.7, "li": 0.35}
"""What is between blocks, in em: those of the whole text, of a column, and list items."""

_INDENTS = {"li": 1.2, "blockquote": 1.0}
_TAB = 4


@dataclass(frozen=True, slots=True)
class BlockStyle:
    """How blocks are set. `images`: the greatest height of an image. `fills`: an image is always that high."""

    letters: Letters
    line_height: float = LINE_HEIGHT
    images: float = 0.0
    fills: bool = False

    @property
    def size(self) -> float:
        return self.letters.size

    def scaled(self, factor: float, weight: int | None = None) -> "BlockStyle":
        size = self.letters.size * factor
        letters = replace(self.letters, size=size, weight=self.letters.weight if weight is None else weight)
        return replace(self, letters=letters)


@dataclass(slots=True)
class Blocks:
    """Measures blocks. `lines`: how many of text there were; `too_wide`: by how much the widest table does not fit."""

    lines: int = 0
    too_wide: float = 0.0

    @property
    def _measures(self) -> Mapping[str, Callable[[Element, float, BlockStyle], float]]:
        return {"pre": self._code, "table": self._table, "hr": lambda *_: 2.0}

    def narration(self, root: Element, width: float, style: BlockStyle) -> float:
        """Return the height of a whole text."""
        return self._stack(root, width, style, "")

    def _stack(self, parent: Element, width: float, style: BlockStyle, kind: str) -> float:
        """Return the height of what is in an element, one below the other; lines of text between blocks are one."""
        height, is_first, loose = 0.0, True, list[Element | str]()
        for child in [*parent.children, None]:
            if child is not None and not (isinstance(child, Element) and child.tag in _BLOCKS):
                loose.append(child)
                continue
            if loose:
                height += self._text(loose, width, style)
                loose = []
            if isinstance(child, Element):
                own = style.scaled(_scale(child.tag), BOLD if child.tag in _HEADINGS else None)
                space = 0.0 if is_first else _SPACES.get("li" if child.tag == "li" else kind, 0.0) * own.size
                height += space + self._block(child, width, own)
                is_first = False
        return height

    def _block(self, block: Element, width: float, style: BlockStyle) -> float:
        measure = self._measures.get(block.tag)
        if measure is not None:
            return measure(block, width, style)
        if "columns" in block.classes:
            return self._columns(block, width, style)
        inner = width - _INDENTS.get(block.tag, 0.0) * style.size
        return self._stack(block, inner, style, "column" if "column" in block.classes else "inside")

    def _text(self, inside: Sequence[Element | str], width: float, style: BlockStyle) -> float:
        images = [child for child in inside if isinstance(child, Element) and child.tag == "img"]
        words = list(pieces(inside, style.letters))
        broken = break_lines(words, width)
        self.lines += broken.count
        if images and not broken.count:
            # An image that is alone is a block; several stand in one line, each at most 8 em high.
            alone = len(images) == 1
            most = style.images if alone else 8 * style.size
            return max(_image_height(image, width, most, alone and style.fills) for image in images)
        height = broken.count * (style.line_height * style.size + (1 if any(p.letters.is_mono for p in words) else 0))
        return height + 8 * style.size * bool(images)

    def _code(self, block: Element, width: float, style: BlockStyle) -> float:
        columns = max((int(found[1]) for name in block.classes if (found := re.match(r"upto-(\d+)", name))), default=80)
        wanted = width / (columns * MONO_EM + 2.2)
        size = min(max(LEAST_CODE_EM * style.size, wanted), style.size)
        lines = [line.text().removesuffix("\n") for line in block.find("span") if "line" in line.classes]
        count = sum(_code_lines(line.expandtabs(_TAB), width - 1.82 * size, size) for line in lines)
        self.lines += count
        return count * CODE_LINE_HEIGHT * size + 1.2 * style.size

    def _table(self, table: Element, width: float, style: BlockStyle) -> float:
        rows = [
            [
                list(pieces(cell.children, replace(style.letters, weight=BOLD) if cell.tag == "th" else style.letters))
                for cell in row.elements()
            ]
            for row in table.find("tr")
        ]
        edge = 0.8 * style.size
        widths = _column_widths(rows, width, edge)
        self.too_wide = max(self.too_wide, sum(widths) - edge - width)
        height = 0.0
        for row in rows:
            lines = max(
                (break_lines(cell, column - edge + 0.01).count for cell, column in zip(row, widths, strict=False)),
                default=1,
            )
            self.lines += lines
            height += max(1, lines) * style.line_height * style.size + 0.3 * style.size + 1
        return height

    def _columns(self, block: Element, width: float, style: BlockStyle) -> float:
        columns = list(block.elements())
        weights = [_weight(column) for column in columns]
        room = width - 1.4 * style.size * (len(columns) - 1)
        before, most, heights = self.lines, 0, [0.0]
        for column, weight in zip(columns, weights, strict=True):
            self.lines = before
            heights.append(self._stack(column, room * weight / sum(weights), style, "column"))
            most = max(most, self.lines - before)
        self.lines = before + most
        return max(heights)


def _scale(tag: str) -> float:
    return 1.1 if tag in _HEADINGS else CODE_EM if tag == "pre" else 1.0


def _weight(column: Element) -> int:
    return max((int(name[7:]) for name in column.classes if name.startswith("weight-")), default=1)


def pieces(inside: Sequence[Element | str], letters: Letters) -> Iterator[Piece]:
    """Yield text in its letters; images have none."""
    for child in inside:
        if isinstance(child, str):
            yield Piece(child, letters)
        elif child.tag == "br":
            yield Piece(None, letters)
        elif child.tag == "code":
            of_code = replace(letters, size=letters.size * CODE_EM, is_mono=True)
            yield Piece(child.text(), of_code, 0.35 * of_code.size)
        elif child.tag == "p":
            yield from pieces(child.children, letters)
        elif child.tag != "img":
            bolder = STRONG if child.tag == "strong" else letters.weight
            yield from pieces(child.children, replace(letters, weight=max(letters.weight, bolder)))


def _image_height(image: Element, width: float, most: float, fills: bool) -> float:
    if fills:
        return most
    wide, high = image.size
    return high * min(1.0, max(width, 0.0) / max(wide, 1.0), most / max(high, 1.0))


def _code_lines(text: str, width: float, size: float) -> int:
    """Return how many lines a line of code takes: those after the first begin two letters further in."""
    letter = MONO_EM * size
    first = max(3.0, width / letter)
    count, room, at = 1, first, 0
    for word, spaces in re.findall(r"(\S+|^)(\s*)", text):
        left = len(word)
        while left and at + left > room:
            if not at:  # wider than a line: it is broken anywhere
                left -= int(room)
            count, room, at = count + 1, first - 2, 0
        at += left + len(spaces)
    return count


def _column_widths(rows: Sequence[Sequence[Sequence[Piece]]], width: float, edge: float) -> list[float]:
    """Return how wide each column is: as wide as its text wants, or each its share of what there is."""
    count = max(map(len, rows), default=0)
    columns = [[row[place] for row in rows if place < len(row)] for place in range(count)]
    least = [max(map(least_width, column)) + edge for column in columns]
    most = [max(map(most_width, column)) + edge for column in columns]
    if sum(most) <= width:
        return most
    spare, wanted = max(0.0, width - sum(least)), sum(most) - sum(least)
    return [low + (high - low) * (spare / wanted if wanted else 0.0) for low, high in zip(least, most, strict=True)]


def text_lines(text: str, width: float, letters: Letters) -> Broken:
    """Return how many lines a plain text takes."""
    return break_lines([Piece(text, letters)], width)
