"""Numbers in large figures: three rows of half blocks, or five of whole ones, for what a room must read first."""

from demo.clean import clean

SMALL_ROWS, LARGE_ROWS = 3, 5
"""The two heights of a large number."""

# Five rows of three dots each, from the top.
_DOTS = {
    "0": ("###", "# #", "# #", "# #", "###"),
    "1": ("## ", " # ", " # ", " # ", "###"),
    "2": ("###", "  #", "###", "#  ", "###"),
    "3": ("###", "  #", "###", "  #", "###"),
    "4": ("# #", "# #", "###", "  #", "  #"),
    "5": ("###", "#  ", "###", "  #", "###"),
    "6": ("###", "#  ", "###", "# #", "###"),
    "7": ("###", "  #", "  #", "  #", "  #"),
    "8": ("###", "# #", "###", "# #", "###"),
    "9": ("###", "# #", "###", "  #", "###"),
    ".": (" ", " ", " ", " ", "#"),
    ",": (" ", " ", " ", " ", "#"),
    "–": ("   ", "   ", "###", "   ", "   "),
    "-": ("   ", "   ", "###", "   ", "   "),
}
_HALVES = {"  ": " ", "# ": "▀", " #": "▄", "##": "█"}


def enlarge(text: str, rows: int) -> list[str]:
    """Return a number in large figures, `rows` lines (3 or 5) of one width; empty where a character has none."""
    characters = clean(text)
    if not characters or any(one not in _DOTS for one in characters):
        return []
    lines = [" ".join(_DOTS[one][row] for one in characters) for row in range(5)]
    if rows == LARGE_ROWS:
        return ["".join("██" if dot == "#" else "  " for dot in line) for line in lines]
    pairs = ((lines[0], lines[1]), (lines[2], lines[3]), (lines[4], " " * len(lines[4])))
    return ["".join(_HALVES[a + b] for a, b in zip(above, below, strict=True)) for above, below in pairs]
