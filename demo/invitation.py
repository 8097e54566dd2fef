"""The invitation that pairs a device, as it is shown: a link, its QR symbol, and a code to type.

A symbol is drawn as half blocks in a terminal and as SVG on a page, always dark on light, with a quiet zone.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from demo.console_output import StyledLine

if TYPE_CHECKING:
    from segno import QRCode

QUIET = 4
"""Width of the quiet zone around a symbol in modules, as ISO/IEC 18004 requires."""

TERMINAL_QUIET = 2
"""The same in a terminal: narrower, so that the symbol fits."""

_BLACK_TEXT, _WHITE_BACKGROUND = "\x1b[38;5;16m", "\x1b[48;5;231m"
_RESET = "\x1b[0m"
_HALF_BLOCKS = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}


@dataclass(frozen=True, slots=True)
class Symbol:
    """The modules of one symbol, row by row, quiet zone included; True is dark."""

    rows: tuple[tuple[bool, ...], ...]

    @property
    def size(self) -> int:
        return len(self.rows)

    def halves(self) -> tuple[str, ...]:
        """Draw the symbol as lines of half blocks, two rows of modules in each line, without colours."""
        rows = [*self.rows, *[(False,) * self.size] * (self.size % 2)]
        return tuple(
            "".join(_HALF_BLOCKS[upper, lower] for upper, lower in zip(rows[y], rows[y + 1], strict=True))
            for y in range(0, len(rows), 2)
        )


def symbol(text: str, quiet: int = QUIET, correction: Literal["l", "m"] = "m") -> Symbol:
    """Encode `text` as a QR symbol. Raises `ValueError` for text that is too long for one."""
    rows = _encode(text, correction).matrix_iter(border=quiet)
    return Symbol(tuple(tuple(module == 1 for module in row) for row in rows))


def to_svg(text: str) -> str:
    """Return the symbol of `text` as an SVG element of the class `qr`, black on white. Raises `ValueError` as above."""
    return _encode(text, "m").svg_inline(border=QUIET, omitsize=True, light="#fff", svgclass="qr", lineclass=None)


def _encode(text: str, correction: Literal["l", "m"]) -> "QRCode":
    import segno  # noqa: PLC0415 - only where something is to be paired

    return segno.make(text, error=correction, micro=False, boost_error=False)


def for_terminal(text: str) -> list[str]:
    """Draw the symbol of `text` in black on white, whatever the terminal's own colours are."""
    return [f"{_BLACK_TEXT}{_WHITE_BACKGROUND}{line}{_RESET}" for line in symbol(text, TERMINAL_QUIET, "l").halves()]


@dataclass(frozen=True, slots=True)
class Invitation:
    """What pairs the next device: open `link`, whose fragment is a one-time secret, or type `code` on the page `place`.

    `others`: other URLs of that page, with their interfaces. `why_unreachable`: why no phone can reach any of them.
    """

    link: str
    place: str
    code: str
    others: tuple[str, ...] = ()
    why_unreachable: str = ""

    @property
    def other_addresses_text(self) -> str:
        """A text with the other addresses, for a phone that cannot reach `link`; empty where there are none."""
        return f"cannot be reached? {' · '.join(self.others)}" if self.others else ""

    def halves(self, height: int, width: int) -> tuple[str, ...]:
        """Draw the link's symbol as lines of half blocks; none where it does not fit, or the link leads nowhere."""
        for quiet in () if self.why_unreachable else (2, 1):
            lines = symbol(self.link, quiet, "l").halves()
            if len(lines) <= height and len(lines[0]) <= width:
                return lines
        return ()

    def lines(self, with_symbol: bool) -> list[str]:
        """Return the invitation as lines for a terminal, with the QR symbol or without."""
        if self.why_unreachable:
            return [f"phone      {self.why_unreachable}"]
        lines = [f"phone      {self.link}", f"           or type {self.code} on {self.place}"]
        lines += [f"           {self.other_addresses_text}"] if self.others else []
        return [*lines, "", *map(StyledLine, for_terminal(self.link)), ""] if with_symbol else lines
