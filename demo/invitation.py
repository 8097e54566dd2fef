"""What lets one more device in, as people are shown it: a link, its QR symbol, and a code to type."""

from dataclasses import dataclass

from demo.qr import for_terminal, symbol
from demo.voice import Drawn


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
        return [*words, "", *map(Drawn, for_terminal(self.link)), ""] if with_symbol else words
