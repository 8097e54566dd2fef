"""The screen that a program's output is drawn on: pyte's, fed with drawing sequences only, read as rows of spans."""

import unicodedata
from collections.abc import Callable, Mapping
from itertools import groupby

import pyte
from pyte.screens import Char
from rich.cells import get_character_cell_size

from demo.panels.colours import colour_word
from demo.panels.control_sequences import SequenceParser, TerminalToken
from demo.panels.picture import PanelRow, StyledText, Word

MAX_COMBINING = 4
"""Accents that one character can carry."""

HIDDEN = "•"


class PanelScreen:
    """Draws output on `rows` × `columns` cells. A line that is longer is cut, never wrapped.

    `is_terminal`: the output came through a terminal, so a line feed does not return to the first column by itself.
    `find_secrets` returns the places of secrets in a text, each as start and end.
    """

    def __init__(
        self,
        rows: int,
        columns: int,
        *,
        is_terminal: bool = False,
        find_secrets: Callable[[str], list[tuple[int, int]]] = lambda text: [],
    ) -> None:
        self._rows, self._columns, self._is_terminal = rows, columns, is_terminal
        self._find_secrets = find_secrets
        self._parser = SequenceParser()
        self._screen = _Screen(columns, rows)
        self._owes_line_feed = False

    def clear(self) -> None:
        """Begin anew with a blank screen."""
        self._parser = SequenceParser()
        self._screen = _Screen(self._columns, self._rows)
        self._owes_line_feed = False

    def begin_run(self) -> None:
        """Begin a new line below what is shown, in plain letters, wherever the cursor is."""
        self._parser = SequenceParser()
        self._owes_line_feed = False
        screen = self._screen
        shown = [y for y in range(self._rows) if screen.cells(y)]
        screen.set_margins()
        screen.select_graphic_rendition(0)
        screen.cursor_position(shown[-1] + 1 if shown else 0, 1)
        if shown:
            screen.next_line()

    def begin_sequence(self) -> None:
        """Forget the beginning of a control sequence whose end is left out."""
        self._parser = SequenceParser()

    def draw(self, text: str) -> None:
        """Draw text with its control sequences."""
        for token in self._parser.parse(text):
            if self._owes_line_feed:
                self._owes_line_feed = False
                self._feed_line()
            if token.kind == "text":
                self._screen.draw(token.text)
            elif token.kind == "\n":
                # Only when something comes after it: at the bottom, it would cost the topmost line for a blank one.
                self._owes_line_feed = True
            else:
                self._carry_out(token)

    def _feed_line(self) -> None:
        if self._is_terminal:
            self._screen.linefeed()
        else:
            self._screen.next_line()

    def _carry_out(self, token: TerminalToken) -> None:
        if token.kind == "7":
            self._screen.savepoints.clear()  # a terminal remembers one place
        getattr(self._screen, _METHODS[token.kind])(*token.numbers[: _MOST_NUMBERS.get(token.kind)])

    def rows(self) -> tuple[PanelRow, ...]:
        """Return the rows down to the last one that is not blank."""
        cells = [self._screen.cells(y) for y in range(self._rows)]
        while cells and not cells[-1]:
            cells.pop()
        self._hide_secrets(cells)
        return tuple(map(_to_spans, cells))

    def _hide_secrets(self, cells: list[list[Char]]) -> None:
        """Hide what a secret's colours, or the end of a line, have cut into pieces: whole ones came masked."""
        places = [(y, x) for y, row in enumerate(cells) for x in range(len(row))]
        text = "".join(cells[y][x].data[:1] or " " for y, x in places)
        for start, end in self._find_secrets(text):
            for y, x in places[start:end]:
                cells[y][x] = cells[y][x]._replace(data=HIDDEN)


class _Screen(pyte.Screen):
    """pyte's screen with its own way to draw text: without wrapping, and much faster."""

    def draw(self, data: str) -> None:
        if data.isascii():
            self._draw_plain(data)
            return
        for is_plain, group in groupby(data, str.isascii):
            if is_plain:
                self._draw_plain("".join(group))
            else:
                for character in group:
                    self._draw_one(character)

    def _draw_plain(self, text: str) -> None:
        start, look = self.cursor.x, self.cursor.attrs[1:]
        end = min(self.columns, start + len(text))
        line = self.buffer[self.cursor.y]
        self._split_wide(start, end)
        for x, character in zip(range(start, end), text, strict=False):
            line[x] = Char(character, *look)
        self.cursor.x = end

    def _split_wide(self, start: int, end: int) -> None:
        """Blank the halves of wide characters that stay when cells from `start` to `end` are written over."""
        line = self.buffer[self.cursor.y]
        for half, other in ((start, start - 1), (end, end)):
            if 0 < half < self.columns and line[half].data == "":
                line[other] = line[other]._replace(data=" ")

    def _draw_one(self, character: str) -> None:
        line, x, width = self.buffer[self.cursor.y], self.cursor.x, get_character_cell_size(character)
        if width == 0 and unicodedata.combining(character) and 0 < x <= self.columns:
            at = x - 1 if line[x - 1].data else max(0, x - 2)
            if len(line[at].data) <= MAX_COMBINING:
                line[at] = line[at]._replace(data=unicodedata.normalize("NFC", line[at].data + character))
        if width < 1 or x + width > self.columns:
            return
        self._split_wide(x, x + width)
        line[x] = self.cursor.attrs._replace(data=character)
        if width == 2:
            line[x + 1] = self.cursor.attrs._replace(data="")
        self.cursor.x = x + width

    def next_line(self) -> None:
        self.carriage_return()
        self.linefeed()

    def cells(self, y: int) -> list[Char]:
        """Return the cells of a row up to the last that shows something."""
        line = self.buffer.get(y)
        if not line:
            return []
        end = max(line, default=-1) + 1
        while end and line[end - 1].data in (" ", "") and not _words(line[end - 1]):
            end -= 1
        return [line[x] for x in range(min(end, self.columns))]


def _to_spans(cells: list[Char]) -> PanelRow:
    return tuple(StyledText("".join(cell.data for cell in group), words) for words, group in groupby(cells, _words))


def _words(cell: Char) -> tuple[Word, ...]:
    """Return how a cell looks. On a coloured ground its text has the ground's own contrast, whatever its colour."""
    ground = cell.fg if cell.reverse else cell.bg
    words: list[Word] = []
    if cell.reverse or colour_word(ground, is_ground=True):
        word = colour_word(ground, is_ground=True)
        words += [word, "fill"] if word else ["fill"]
    elif word := colour_word(cell.fg):
        words.append(word)
    looks: tuple[tuple[bool, Word], ...] = (
        (cell.bold, "bold"),
        (cell.italics, "italic"),
        (cell.underscore, "underline"),
        (cell.strikethrough, "strike"),
    )
    return (*words, *(word for is_set, word in looks if is_set))


_METHODS: Mapping[str, str] = {
    "\t": "tab",
    "\n": "linefeed",
    "\v": "linefeed",
    "\f": "linefeed",
    "\r": "carriage_return",
    "\b": "backspace",
    "7": "save_cursor",
    "8": "restore_cursor",
    "D": "index",
    "E": "next_line",
    "M": "reverse_index",
    "c": "reset",
    "[@": "insert_characters",
    "[A": "cursor_up",
    "[B": "cursor_down",
    "[C": "cursor_forward",
    "[D": "cursor_back",
    "[E": "cursor_down1",
    "[F": "cursor_up1",
    "[G": "cursor_to_column",
    "[H": "cursor_position",
    "[J": "erase_in_display",
    "[K": "erase_in_line",
    "[L": "insert_lines",
    "[M": "delete_lines",
    "[P": "delete_characters",
    "[X": "erase_characters",
    "[a": "cursor_forward",
    "[d": "cursor_to_line",
    "[e": "cursor_down",
    "[f": "cursor_position",
    "[g": "clear_tab_stop",
    "[m": "select_graphic_rendition",
    "[r": "set_margins",
}
_MOST_NUMBERS: Mapping[str, int | None] = {
    kind: {"[m": None, "[H": 2, "[f": 2, "[r": 2}.get(kind, 1) for kind in _METHODS
}
