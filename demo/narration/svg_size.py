"""The size of an SVG image, from the attributes of its first element; nothing else of it is read."""

import re

from demo.errors import InvalidValue

MAX_HEAD = 20_000
"""Bytes in which the element `<svg …>` must stand."""

_ROOT = re.compile(
    r"(?:\ufeff)?\s*(?:<\?xml[^>]*>\s*)?(?:<!--(?:(?!-->).)*-->\s*|<!DOCTYPE[^>\[]*(?:\[[^\]]*\]\s*)?>\s*)*"
    r"<svg(?=[\s>/])((?:[^>\"']|\"[^\"]*\"|'[^']*')*)>",
    re.DOTALL | re.IGNORECASE,
)
_ATTRIBUTE = re.compile(r"""\s(width|height|viewBox)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_LENGTH = re.compile(r"\s*\+?(\d{1,7}(?:\.\d+)?|\.\d+)(px|pt|pc|cm|mm|in|q|em|ex|rem)?\s*", re.IGNORECASE)
_PIXELS = {"px": 1, "pt": 4 / 3, "pc": 16, "cm": 96 / 2.54, "mm": 9.6 / 2.54, "in": 96, "q": 2.4 / 2.54}
_PIXELS |= {"em": 16, "ex": 8, "rem": 16}
_SHARE = re.compile(r"[\s,]+")


def read_svg_size(body: bytes) -> tuple[int, int]:
    """Return width and height in CSS pixels, by `width` and `height` or else by `viewBox`. Raises `InvalidValue`."""
    root = _ROOT.match(body[:MAX_HEAD].decode("utf-8", "replace"))
    if root is None:
        raise InvalidValue("this is not an SVG image: it does not begin with <svg …>")
    given = {found[1]: found[2] if found[2] is not None else found[3] for found in _ATTRIBUTE.finditer(root[1])}
    width, height = _read_length(given.get("width", "")), _read_length(given.get("height", ""))
    box = _read_box(given.get("viewBox", ""))
    if box is not None:
        ratio = box[0] / box[1]
        if width is None and height is None:
            width, height = box
        width = width if width is not None else (height or 0) * ratio
        height = height if height is not None else width / ratio
    if width is None or height is None or round(width) < 1 or round(height) < 1:
        raise InvalidValue(
            "this SVG image does not say how large it is: write width and height, or viewBox, into <svg>"
        )
    return round(width), round(height)


def _read_length(text: str) -> float | None:
    """Return a length in CSS pixels; None for a share of what is around it, and for what is none."""
    found = _LENGTH.fullmatch(text)
    return None if found is None else float(found[1]) * _PIXELS[(found[2] or "px").lower()]


def _read_box(text: str) -> tuple[float, float] | None:
    try:
        _, _, width, height = map(float, _SHARE.split(text.strip()))
    except ValueError:
        return None
    return (width, height) if 0 < width < float("inf") and 0 < height < float("inf") else None
