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
}
_BARS = " ▁▂▃▄▅▆▇█"


def mark(state: str) -> tuple[str, str]:
    """Return shape and style of a state; one that this version does not know looks like `unknown`."""
    return _MARKS.get(state, ("◌", "dim"))


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


def spark(values: Sequence[float | None], width: int, faulty: Sequence[bool] = (), rows: int = 1) -> list[Text]:
    """Draw the newest `width` values, one a second, the newest at the right.

    Bars begin at zero: cut off, a small change would look dramatic.
    """
    shown = list(values[-width:]) if width > 0 else []
    bad = list(faulty[-width:]) if faulty else [False] * len(shown)
    top = max([value for value in shown if value is not None], default=0.0) or 1.0
    levels = [None if v is None else max(1, round(max(0.0, min(1.0, v / top)) * rows * 8)) for v in shown]
    drawn = []
    for row in reversed(range(rows)):
        text = Text(" " * (width - len(shown)) if shown else "", no_wrap=True)
        for level, broken in zip(levels, bad, strict=True):
            bar = " " if level is None else _BARS[max(0, min(8, level - row * 8))]
            text.append(bar, VERMILION if broken else BLUE)
        drawn.append(text)
    return drawn
