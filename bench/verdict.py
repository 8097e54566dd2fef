"""What a phase of the soak measured, against its bound; and the straight line through a server's memory. No I/O."""

from collections.abc import Sequence
from dataclasses import dataclass

MEMORY_MOST_KB_MIN = 102.4
"""1 MB in ten minutes."""

MIN_MEMORY_SEC = 120.0
"""A slope over less is noise: it is told, and not judged."""


@dataclass(frozen=True)
class Check:
    """`ok` is None for what is told and has no bound here."""

    phase: str
    what: str
    measured: str
    bound: str = ""
    ok: bool | None = None

    def __str__(self) -> str:
        word = {True: "ok ", False: "NOT", None: "  –"}[self.ok]
        return f"{word}  {self.phase}: {self.what}: {self.measured}" + (
            f"  (bound: {self.bound})" if self.bound else ""
        )


@dataclass(frozen=True)
class Sample:
    """`at` in seconds since the phase began."""

    at: float
    rss_kb: float


def slope_kb_min(samples: Sequence[Sample]) -> float:
    """Least squares; 0 of fewer than two."""
    count = len(samples)
    if count < 2:
        return 0.0
    middle_at = sum(one.at for one in samples) / count
    middle_kb = sum(one.rss_kb for one in samples) / count
    spread = sum((one.at - middle_at) ** 2 for one in samples)
    tilt = sum((one.at - middle_at) * (one.rss_kb - middle_kb) for one in samples)
    return tilt / spread * 60 if spread else 0.0


def memory(phase: str, samples: Sequence[Sample]) -> Check:
    """Judged over the second half: in the first one caches still fill."""
    half = [one for one in samples if one.at >= samples[-1].at / 2]
    slope, lasts = slope_kb_min(half), half[-1].at - half[0].at
    begun, ended = samples[0].rss_kb / 1024, samples[-1].rss_kb / 1024
    measured = f"{slope:+.1f} KB/min over the last {lasts:.0f} s, {begun:.0f} to {ended:.0f} MB"
    if lasts < MIN_MEMORY_SEC:
        return Check(phase, "memory", f"{measured}; too short to judge")
    return Check(phase, "memory", measured, f"< {MEMORY_MOST_KB_MIN:.0f} KB/min", slope < MEMORY_MOST_KB_MIN)
