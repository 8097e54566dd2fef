"""Which way a text runs, for texts within SVG: there the browser does not find out by itself (`dir="auto"`)."""

import unicodedata

_STRONG = {"L": False, "R": True, "AL": True}


def runs_right_to_left(text: str) -> bool:
    """Return whether the first letter with a direction of its own belongs to a script from right to left."""
    kinds = map(unicodedata.bidirectional, text)
    return next((_STRONG[kind] for kind in kinds if kind in _STRONG), False)


def direction_class(text: str) -> str:
    """Return " rtl", to append to the classes of an SVG text, or "" for a text from left to right."""
    return " rtl" if runs_right_to_left(text) else ""
