"""Whether this machine's clock is synchronized, by the kernel: it only knows whether somebody claims to do it."""

import ctypes
import time
from datetime import UTC, datetime
from pathlib import Path

import demo
from demo.findings import Finding, maybe, no, ok

STA_UNSYNC = 0x40
DAY_SEC = 86_400.0
REMEDY = "synchronize it (timedatectl set-ntp true) if the system or its container engine runs on another machine"


class _Timex(ctypes.Structure):
    """The beginning of Linux's `struct timex`, and room for the rest."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


def clock(made: float | None = None) -> Finding:
    """Check the clock. One that is not synchronized is a warning: a show's dates are off then, its durations are not.

    `made`: when this program was built, in seconds of the epoch; by default the date of its file.
    """
    now = time.time()
    if now < (Path(demo.__file__).stat().st_mtime if made is None else made) - DAY_SEC:
        return no(
            "clock",
            f"{_format_moment(now)} is earlier than the date of this program",
            "set the clock (timedatectl set-ntp true)",
        )
    status = _read_status()
    if status is None:
        return maybe("clock", f"{_format_moment(now)}; the kernel does not say whether it is synchronized", REMEDY)
    if status & STA_UNSYNC:
        return maybe("clock", f"{_format_moment(now)}; not synchronized, says the kernel", REMEDY)
    return ok("clock", f"{_format_moment(now)}, synchronized")


def _read_status() -> int | None:
    """Return the kernel's status bits, or None if it does not tell; asking needs no privilege and changes nothing."""
    timex = _Timex(modes=0)
    try:
        returned = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex))
    except (OSError, AttributeError):
        return None
    return int(timex.status) if returned >= 0 else None


def _format_moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
