"""What lets one more device in, as people are shown it: a link, its QR symbol, and a code to type."""

from dataclasses import dataclass

from demo.qr import for_terminal, symbol
from demo.voice import Drawn


@dataclass(frozen=True, slots=True)
class Invitation:
    """`link` holds the one-time secret in its fragment; `code` is typed on `place` instead."""

    link: str
    place: str
    code: str

    def halves(self, height: int, width: int) -> tuple[str, ...]:
        """The symbol of the link in lines of half blocks, dark on light; none where there is no room for it."""
        for quiet in (2, 1):
            lines = symbol(self.link, quiet, "l").halves()
            if len(lines) <= height and len(lines[0]) <= width:
                return lines
        return ()

    def lines(self, with_symbol: bool) -> list[str]:
        """For a terminal; the symbol only where somebody can see it."""
        words = [f"phone      {self.link}", f"           or type {self.code} on {self.place}"]
        return [*words, "", *map(Drawn, for_terminal(self.link)), ""] if with_symbol else words
