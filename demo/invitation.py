"""What lets one more device in, as people are shown it: a link, its QR symbol, and a code to type.

A symbol is half blocks in a terminal and a path on a page; always dark on light, with a quiet zone.
"""

from dataclasses import dataclass
from typing import Literal

from demo.console_output import StyledLine

QUIET = 4
"""Light modules around the symbol, as the standard asks."""

TERMINAL_QUIET = 2

_INK, _PAPER = "\x1b[38;5;16m", "\x1b[48;5;231m"
_PLAIN = "\x1b[0m"
_HALVES = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}


@dataclass(frozen=True, slots=True)
class Symbol:
    """The modules of one symbol, row by row, quiet zone included; True is dark."""

    rows: tuple[tuple[bool, ...], ...]

    @property
    def size(self) -> int:
        return len(self.rows)

    @property
    def path(self) -> str:
        """Outlines of the dark runs for an SVG path, one unit a module."""
        runs = []
        for y, row in enumerate(self.rows):
            x = 0
            while x < len(row):
                length = 1
                while x + length < len(row) and row[x + length] == row[x]:
                    length += 1
                if row[x]:
                    runs.append(f"M{x} {y}h{length}v1h-{length}z")
                x += length
        return "".join(runs)

    def halves(self) -> tuple[str, ...]:
        """Two rows of modules in each line of text, without colours."""
        rows = [*self.rows, *[(False,) * self.size] * (self.size % 2)]
        return tuple(
            "".join(_HALVES[upper, lower] for upper, lower in zip(rows[y], rows[y + 1], strict=True))
            for y in range(0, len(rows), 2)
        )


def symbol(text: str, quiet: int = QUIET, correction: Literal["l", "m"] = "m") -> Symbol:
    """The symbol of `text`. Raises `ValueError` for text that no symbol can hold."""
    import segno  # noqa: PLC0415 - only where something is to be paired

    code = segno.make(text, error=correction, micro=False, boost_error=False)
    return Symbol(tuple(tuple(module == 1 for module in row) for row in code.matrix_iter(border=quiet)))


def for_terminal(text: str) -> list[str]:
    """The symbol of `text` in black on white, whatever the terminal's own colours are."""
    return [f"{_INK}{_PAPER}{line}{_PLAIN}" for line in symbol(text, TERMINAL_QUIET, "l").halves()]


@dataclass(frozen=True, slots=True)
class Invitation:
    """`link` holds the one-time secret in its fragment; `code` is typed on `place` instead.

    `others`: where else the same page is, in words. `lacking`: why no phone gets to any of them.
    """

    link: str
    place: str
    code: str
    others: tuple[str, ...] = ()
    lacking: str = ""

    @property
    def way_around(self) -> str:
        """For a phone that does not get there; empty where there is no other address."""
        return f"no way there? {' · '.join(self.others)}" if self.others else ""

    def halves(self, height: int, width: int) -> tuple[str, ...]:
        """The symbol of the link in lines of half blocks, dark on light; none where there is no room for it."""
        for quiet in () if self.lacking else (2, 1):
            lines = symbol(self.link, quiet, "l").halves()
            if len(lines) <= height and len(lines[0]) <= width:
                return lines
        return ()

    def lines(self, with_symbol: bool) -> list[str]:
        """For a terminal; the symbol only where somebody can see it."""
        if self.lacking:
            return [f"phone      {self.lacking}"]
        words = [f"phone      {self.link}", f"           or type {self.code} on {self.place}"]
        words += [f"           {self.way_around}"] if self.others else []
        return [*words, "", *map(StyledLine, for_terminal(self.link)), ""] if with_symbol else words
