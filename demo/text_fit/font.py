"""How wide letters are: those of the stage's font by its table, those of other scripts by an estimate."""

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from demo.text_fit.font_widths import (
    LARGE_BOLD,
    LARGE_LIGHT,
    LETTERS,
    SIZES,
    SMALL_BOLD,
    SMALL_LIGHT,
    UNITS_PER_EM,
    WEIGHTS,
)

MONO_EM = 0.605
"""The width of a letter of code, in its own size: that by which the style sheet chooses the size."""

WIDE_EM = 1.06
"""Chinese, Japanese and Korean letters, and pictographs, in the fallback's size."""

OTHER_EM = 0.68
"""Letters of other scripts: a little more than the mean of Greek and Cyrillic ones in the fallback's size."""

MARGIN, MARGIN_OF_SMALL_BOLD = 1.01, 1.03
BOLD_FROM, SMALL_BELOW = 600, 28.0
"""By how much letters are taken for wider than they are: a browser on Linux sets them at whole pixels, and small bold
ones come out up to 3 % wider there than on other systems."""

_CORNERS = tuple(tuple(map(int, row.split())) for row in (SMALL_LIGHT, LARGE_LIGHT, SMALL_BOLD, LARGE_BOLD))
_PLACES = {chr(int(letter, 16)): place for place, letter in enumerate(LETTERS.split())}


@dataclass(frozen=True, slots=True)
class Letters:
    """How letters are set: their size in px, their weight, the space after each in px, and whether they are code's."""

    size: float
    weight: int = 400
    spacing: float = 0.0
    is_mono: bool = False


@lru_cache(maxsize=8192)
def letter_width(letter: str, letters: Letters) -> float:
    """Return the width of one letter in px, with the space after it."""
    is_small_bold = letters.weight >= BOLD_FROM and letters.size < SMALL_BELOW
    margin = 1.0 if letters.is_mono else MARGIN_OF_SMALL_BOLD if is_small_bold else MARGIN
    return _em(letter, letters) * letters.size * margin + letters.spacing


def _em(letter: str, letters: Letters) -> float:
    place = _PLACES.get(letter)
    if letters.is_mono:
        is_wide = place is None and unicodedata.east_asian_width(letter) in "WF"
        return MONO_EM * (2 if is_wide else 1)
    if place is None:
        return _estimated_em(letter)
    small_light, large_light, small_bold, large_bold = (row[place] for row in _CORNERS)
    optical = _share(letters.size, SIZES)
    bold = _share(letters.weight, WEIGHTS)
    light = small_light + (large_light - small_light) * optical
    heavy = small_bold + (large_bold - small_bold) * optical
    return (light + (heavy - light) * bold) / UNITS_PER_EM


def _share(value: float, ends: tuple[int, int]) -> float:
    """Return where a value lies between both ends, from 0 to 1."""
    return (min(max(value, ends[0]), ends[1]) - ends[0]) / (ends[1] - ends[0])


def _estimated_em(letter: str) -> float:
    if unicodedata.combining(letter) or unicodedata.category(letter) in ("Mn", "Cf", "Me"):
        return 0.0
    return WIDE_EM if unicodedata.east_asian_width(letter) in "WF" else OTHER_EM
