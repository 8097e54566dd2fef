"""The last seconds of a process's requests, as its health shows them: rates, errors and latency."""

import math
import time
from collections import deque
from typing import Any, Literal

from demo.probes.numbers import rounded

SPAN_SEC = 2.0

Outcome = Literal["ok", "limited", "failed"]


class RollingStats:
    """Counts requests by outcome: in the last SPAN_SEC, and in total."""

    def __init__(self) -> None:
        self._events: deque[tuple[float, float, Outcome]] = deque()
        self._started = time.monotonic()
        self.totals: dict[str, int] = {"ok": 0, "limited": 0, "failed": 0}

    def add(self, outcome: Outcome, took_sec: float) -> None:
        now = time.monotonic()
        self._events.append((now, took_sec, outcome))
        self.totals[outcome] += 1
        self._drop_old(now)

    def summary(self) -> dict[str, float | None]:
        """Return rates, error share and p99 of the last SPAN_SEC.

        None is what is not known: everything in the first SPAN_SEC, and ratios and latency while there are no requests.
        """
        now = time.monotonic()
        self._drop_old(now)
        if now - self._started < SPAN_SEC:
            return dict.fromkeys(("per_sec", "limited_per_sec", "error_percent", "p99_ms"))
        count = {"ok": 0, "limited": 0, "failed": 0}
        for _, _, outcome in self._events:
            count[outcome] += 1
        total = len(self._events)
        took = sorted(took for _, took, outcome in self._events if outcome != "failed")
        return {
            "per_sec": total / SPAN_SEC,
            "limited_per_sec": count["limited"] / SPAN_SEC,
            "error_percent": 100 * count["failed"] / total if total else None,
            "p99_ms": 1000 * took[max(0, math.ceil(0.99 * len(took)) - 1)] if took else None,
        }

    def _drop_old(self, now: float) -> None:
        while self._events and self._events[0][0] < now - SPAN_SEC:
            self._events.popleft()


def metric(name: str, label: str, value: object, unit: str, role: str) -> dict[str, Any]:
    """Return one number of the whole system as a health sample lists it; its curve is drawn from them."""
    return {"name": name, "label": label, "value": rounded(value), "unit": unit, "role": role}
