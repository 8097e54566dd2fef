"""Shapes, colours and small texts of the terminal. Mid tones, readable on light and on dark backgrounds."""

from collections.abc import Sequence

from rich.text import Text

from demo.clean import clean

TEAL, VERMILION, AMBER, BLUE = "#0a9a8a", "#e5492d", "#bd7a00", "#3b82d6"

_MARKS = {
    "up": ("●", TEAL),
    "degraded": ("▲", AMBER),
    "down": ("✗", VERMILION),
    "offline": ("✗", VERMILION),
    "starting": ("◌", BLUE),
    "unknown": ("◌", "dim"),
    "stale": ("◌", "dim"),
    "live": ("●", TEAL),
    "info": ("◇", BLUE),
    "halt": ("■", AMBER),
}
_VERDICTS = {"up": ("✓", TEAL), "down": ("✗", VERMILION), "quiet": ("?", AMBER), "degraded": ("?", AMBER)}
_BARS = " ▁▂▃▄▅▆▇█"


def mark(state: str) -> tuple[str, str]:
    """Return shape and style of a state; one that this version does not know looks like `unknown`."""
    return _MARKS.get(state, ("◌", "dim"))


def verdict_mark(state: str) -> tuple[str, str]:
    """Return shape and style of a verdict: Confirmed, Refuted, Not seen; of a prediction as long as there is none."""
    return _VERDICTS.get(state, ("◇", BLUE))


def parts(*pairs: tuple[str, str]) -> Text:
    """Join texts, each in a style of its own; each is cleaned, for it may come from elsewhere."""
    text = Text()
    for words, style in pairs:
        text.append(clean(words), style)
    return text


def marked(state: str, word: str) -> Text:
    """Return shape and word in the state's colour."""
    shape, style = mark(state)
    return parts((f"{shape} {word}", style if style == "dim" else f"bold {style}"))


def age_text(seconds: float) -> str:
    """Format an age in whole units, so that it does not flicker: <1 s, 7 s, 3 min."""
    if seconds < 1:
        return "<1 s"
    return f"{int(seconds)} s" if seconds < 120 else f"{int(seconds // 60)} min"


def left_text(seconds: float) -> str:
    """Format the rest of a countdown, rounded up: it says 0 s only when it has ended."""
    return f"{max(0, -int(-seconds // 1))} s"


def column_bars(values: Sequence[float | None], top: float, rows: int = 1) -> list[list[str]]:
    """Return `rows` rows of cells that draw each value as a bar from zero to `top`; a blank where there is no value.

    A bar of zero is the thinnest one: it was measured.
    """
    levels = [None if v is None else max(1, round(max(0.0, min(1.0, v / (top or 1.0))) * rows * 8)) for v in values]
    return [
        [" " if level is None else _BARS[max(0, min(8, level - row * 8))] for level in levels]
        for row in reversed(range(rows))
    ]
