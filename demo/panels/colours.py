"""The colours of output as one of the seven that every theme shows legibly."""

import colorsys
import re
from functools import lru_cache

from demo.panels.picture import Word

_NAMED: dict[str, Word] = {
    "red": "red",
    "green": "green",
    "brown": "yellow",
    "yellow": "yellow",
    "blue": "blue",
    "magenta": "magenta",
    "bfightmagenta": "magenta",  # so spelt in pyte 0.8.2
    "cyan": "cyan",
    "black": "grey",
}
_HEX = re.compile(r"[0-9a-f]{6}")
_HUES: tuple[tuple[float, Word], ...] = (
    (20, "red"),
    (70, "yellow"),
    (165, "green"),
    (200, "cyan"),
    (262, "blue"),
    (335, "magenta"),
    (361, "red"),
)
"""Up to which degree of the colour circle a hue has this name."""

MIN_SATURATION = 0.25
DARK = 0.15
BRIGHT = 0.72


@lru_cache(maxsize=1024)
def colour_word(colour: str, is_ground: bool = False) -> Word | None:
    """Return the name of one of pyte's colours; None for the colour of text, or of the page where `is_ground`."""
    named = colour.removeprefix("bright")
    if is_ground and named in ("black", "default"):
        return None
    if named in _NAMED:
        return _NAMED[named]
    if not _HEX.fullmatch(colour):
        return "grey" if is_ground and named == "white" else None
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4))
    hue, lightness, saturation = colorsys.rgb_to_hls(red, green, blue)
    if saturation < MIN_SATURATION or not DARK < lightness < 0.95:
        is_plain = lightness <= DARK * 1.5 if is_ground else lightness >= BRIGHT
        return None if is_plain else "grey"
    return next(word for most, word in _HUES if hue * 360 < most)
