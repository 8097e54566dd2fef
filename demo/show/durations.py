"""Durations as the audience reads them."""


def in_tenths(sec: float) -> str:
    """Return seconds with one decimal, and "less than 0.1 s" for what would read as no time at all."""
    return f"{sec:.1f} s" if sec >= 0.05 else "less than 0.1 s"
