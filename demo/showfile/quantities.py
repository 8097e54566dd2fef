"""Quantities as they are written in a show file: durations, rates, sizes and shares, each with its unit."""

import re
from collections.abc import Mapping

from demo.errors import InvalidValue

_SECONDS: Mapping[str, float] = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|min|s|m|h)")
_CLOCK = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{2})")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_RATE = re.compile(r"(\d+(?:\.\d+)?)\s*/\s*(s|m|min|h)")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]+)")
_BYTES: Mapping[str, int] = {
    "B": 1,
    "KB": 10**3,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "KiB": 1 << 10,
    "MiB": 1 << 20,
    "GiB": 1 << 30,
}
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
        raise InvalidValue(f"{written!r} is not a valid duration: write it like 300ms, 5s, 1m30s or 1h")
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
    raise InvalidValue(f"{written!r} is not a valid rate: write it like 50/s or 600/m")


def parse_size(text: str) -> int:
    """Return bytes for `500B`, `10KB` (10,000) or `1MiB`. Raises `InvalidValue` for a number without a unit."""
    written = text.strip()
    if _NUMBER.fullmatch(written):
        raise InvalidValue(f"{written!r} has no unit: write {written}B for bytes or {written}KB for kilobytes")
    found = _SIZE.fullmatch(written)
    if not found:
        raise InvalidValue(f"{written!r} is not a valid size: write it like 500B, 10KB or 1MiB")
    if found[2] not in _BYTES:
        raise InvalidValue(f"{found[2]!r} is not a unit of size: write {', '.join(_BYTES)}")
    return round(float(found[1]) * _BYTES[found[2]])


def parse_bandwidth(text: str) -> int:
    """Return bytes a second for `100KB/s`. Raises `InvalidValue` where the unit is missing or counts bits."""
    written = text.strip()
    size, slash, second = (part.strip() for part in written.partition("/"))
    if _NUMBER.fullmatch(written):
        raise InvalidValue(f"{written!r} has no unit: write {written}KB/s for so many kilobytes a second")
    if (slash and second != "s") or re.search(r"[0-9\s](bit|[KMGkmg]b)", written):
        raise InvalidValue(f"{written!r} is not a valid bandwidth: it is written in bytes a second, like 100KB/s")
    if not slash:
        raise InvalidValue(f"{written!r} is a size: write {written}/s for so much a second")
    return parse_size(size)


def parse_time_or_zero(text: str) -> float:
    """Return seconds for a duration, or 0 for `0`, which needs no unit."""
    return 0.0 if text.strip() == "0" else parse_duration(text)


def parse_time_or_now(text: str) -> float:
    """Return seconds for a duration, or 0 for `now` and `0`."""
    return 0.0 if text.strip() in ("0", "now") else parse_duration(text)


def parse_count(text: str) -> float:
    """Return seconds for a countdown: `3`, or a duration. Nobody takes the 3 of a countdown for milliseconds."""
    return float(text) if _NUMBER.fullmatch(text.strip()) else parse_duration(text)


def parse_share(text: str) -> float:
    """Return 0.25 for `0.25` and for `25%`. Raises `InvalidValue` for anything else."""
    written = text.strip()
    number = written.removesuffix("%").rstrip()
    if not _NUMBER.fullmatch(number):
        raise InvalidValue(f"{written!r} is not a valid share: write it like 0.25 or 25%")
    return float(number) / 100 if written.endswith("%") else float(number)


def describe_duration(seconds: float) -> str:
    """Return it as one would write it: `300ms`, `5s`, `1m30s`."""
    if seconds < 1:
        return f"{seconds * 1000:g}ms"
    minutes, rest = divmod(seconds, 60)
    return f"{minutes:g}m{f'{rest:g}s' if rest else ''}" if minutes else f"{rest:g}s"
