"""Whether an accent colour can be read on the ground of its pages, by the contrast of WCAG 2.2."""

import colorsys
import re

GROUNDS = {"dark": "#0a0d13", "light": "#fdfcfa", "contrast": "#000000"}
"""The ground of the pages by the base of a theme, as in base.css and theme.css."""

MIN_CONTRAST = 4.5

_HEX = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})")
_STEPS = 200


def is_colour(text: str) -> bool:
    """Return whether a text is a colour like `#e85d04` or `#fa0`."""
    return _HEX.fullmatch(text) is not None


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, from 1 to 21."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def nearest_readable(colour: str, ground: str) -> str:
    """Return the colour of the same hue, as little lighter or darker as possible, that reads on this ground."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*_channels(colour))
    for step in range(_STEPS + 1):
        for sign in (1, -1):
            level = lightness + sign * step / _STEPS
            if 0 <= level <= 1:
                shade = "#" + "".join(
                    f"{round(part * 255):02x}" for part in colorsys.hls_to_rgb(hue, level, saturation)
                )
                if contrast(shade, ground) >= MIN_CONTRAST:
                    return shade
    return "#ffffff" if _luminance(ground) < 0.2 else "#000000"


def text_on(colour: str) -> str:
    """Return black or white, whichever reads better on this colour."""
    return max(("#000000", "#ffffff"), key=lambda text: contrast(text, colour))


def _channels(colour: str) -> tuple[float, float, float]:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    red, green, blue = (int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4))
    return red, green, blue


def _luminance(colour: str) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in _channels(colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
