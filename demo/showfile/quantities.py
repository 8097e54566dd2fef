"""Quantities as they are written in a show file: durations, rates, sizes and shares, each with its unit."""

import re
from collections.abc import Mapping

from demo.errors import InvalidValue

_SECONDS: Mapping[str, float] = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|min|s|m|h)")
_CLOCK = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{2})")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_RATE = re.compile(r"(\d+(?:\.\d+)?)\s*/\s*(s|m|min|h)")
MAX_SECONDS = 7 * 86400.0


def parse_duration(text: str) -> float:
    """Return seconds for `300ms`, `5s`, `1m30s`, `1h` or `1:30`. Raises `InvalidValue` for a number without a unit."""
    written = text.strip()
    if clock := _CLOCK.fullmatch(written):
        hours, minutes, seconds = (int(part or 0) for part in clock.groups())
        return _bounded(hours * 3600.0 + minutes * 60.0 + seconds, written)
    if _NUMBER.fullmatch(written):
        raise InvalidValue(f"{written!r} has no unit: write {written}ms, {written}s or {written}min")
    parts = _PART.findall(written)
    if not parts or "".join(map("".join, parts)) != written:
        raise InvalidValue(f"{written!r} is no duration: write it like 300ms, 5s, 1m30s or 1h")
    return _bounded(sum(float(number) * _SECONDS[unit] for number, unit in parts), written)


def _bounded(seconds: float, written: str) -> float:
    if seconds > MAX_SECONDS:
        raise InvalidValue(f"{written!r} is longer than 7 days")
    return seconds


def parse_rate(text: str) -> float:
    """Return arrivals a second for `50/s` or `600/m`. Raises `InvalidValue` for a number without a unit."""
    written = text.strip()
    if found := _RATE.fullmatch(written):
        return float(found[1]) / _SECONDS[found[2]]
    if _NUMBER.fullmatch(written):
        raise InvalidValue(f"{written!r} has no unit: write {written}/s for so many a second")
    raise InvalidValue(f"{written!r} is no rate: write it like 50/s or 600/m")


def parse_count(text: str) -> float:
    """Return seconds for a countdown: `3`, or a duration. Nobody takes the 3 of a countdown for milliseconds."""
    return float(text) if _NUMBER.fullmatch(text.strip()) else parse_duration(text)


def parse_share(text: str) -> float:
    """Return 0.25 for `0.25` and for `25%`. Raises `InvalidValue` for anything else."""
    written = text.strip()
    number = written.removesuffix("%").rstrip()
    if not _NUMBER.fullmatch(number):
        raise InvalidValue(f"{written!r} is no share: write it like 0.25 or 25%")
    return float(number) / 100 if written.endswith("%") else float(number)


def describe_duration(seconds: float) -> str:
    """Return it as one would write it: `300ms`, `5s`, `1m30s`."""
    if seconds < 1:
        return f"{seconds * 1000:g}ms"
    minutes, rest = divmod(seconds, 60)
    return f"{minutes:g}m{f'{rest:g}s' if rest else ''}" if minutes else f"{rest:g}s"
