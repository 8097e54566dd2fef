"""Is this machine's clock kept right? Asked of the kernel, which only says whether somebody keeps it."""

import ctypes
import time
from datetime import UTC, datetime
from pathlib import Path

import demo
from demo.findings import Finding, maybe, no, ok

STA_UNSYNC = 0x40
DAY_SEC = 86_400.0
REMEDY = "have it kept (timedatectl set-ntp true) if what you break, or an engine, runs on another machine"


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
    """Not kept is a warning: what a show dates is off then; what it measures is not.

    `made`: when this program was, in seconds of the epoch; else as its file says.
    """
    now = time.time()
    if now < (Path(demo.__file__).stat().st_mtime if made is None else made) - DAY_SEC:
        return no("clock", f"{_moment(now)} is before this program was made", "set the clock")
    status = _status()
    if status is None:
        return maybe("clock", f"{_moment(now)}; nobody says whether it is kept right", REMEDY)
    if status & STA_UNSYNC:
        return maybe("clock", f"{_moment(now)}; the kernel knows of nobody who keeps it right", REMEDY)
    return ok("clock", f"{_moment(now)}, kept right")


def _status() -> int | None:
    """The kernel's word; asking needs no right and changes nothing."""
    told = _Timex(modes=0)
    try:
        answer = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(told))
    except (OSError, AttributeError):
        return None
    return int(told.status) if answer >= 0 else None


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
