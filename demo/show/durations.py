"""Durations as the audience reads them."""

from demo.texts import localize_number, translate


def in_tenths(sec: float) -> str:
    """Return seconds with one decimal, and "less than 0.1 s" for what would read as no time at all."""
    return f"{localize_number(f'{sec:.1f}')} s" if sec >= 0.05 else translate("less than 0.1 s")
