"""Probes of one TiKV store on its status port: whether it is alive, and how many raw reads and writes it serves."""

import math
import re
import time
from collections import deque
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

from demo.probes.http_fetch import Session, fetch
from demo.probes.result import Reading

STATUS_TIMEOUT_SEC = 0.3
METRICS_TIMEOUT_SEC = 1.0
MAX_METRICS_BYTES = 8_000_000

SPAN_SEC = 3.0
"""TiKV updates its counters about once a second: a rate over less than two updates would jump."""

GAP_SEC = 5.0
"""After so long without a look the rate is measured anew."""

_FAMILIES = ("tikv_grpc_msg_duration_seconds_count", "tikv_storage_command_total")
"""The requests served; where that family is missing, the commands that the storage layer received."""

_KINDS = {"raw_get": "gets", "raw_put": "puts"}

_LINES = re.compile(rb"^(?:" + b"|".join(name.encode() for name in _FAMILIES) + rb")[{ \t][^\r\n]*", re.MULTILINE)


@dataclass(frozen=True)
class StatusProbe:
    """`GET /status`. Only an answer counts: the kernel accepts connections for a paused process, too."""

    session: Session
    url: str
    timeout_sec: float = STATUS_TIMEOUT_SEC

    async def read(self) -> Reading:
        response = await fetch(self.session, f"{self.url.rstrip('/')}/status", self.timeout_sec)
        if response.trouble:
            return Reading(trouble=response.trouble)
        if response.status != 200:
            return Reading(trouble=f"answered with status {response.status}")
        return Reading(took_ms=response.took_ms)


@dataclass
class QpsProbe:
    """`GET /metrics`, and the rates since an earlier look, at most about SPAN_SEC ago.

    The reading's data: `gets_per_sec`, `puts_per_sec`, `qps`; None each until the same counters were read twice: after
    a restart they begin at 0.
    """

    session: Session
    url: str
    timeout_sec: float = METRICS_TIMEOUT_SEC
    span_sec: float = SPAN_SEC
    _looks: deque[tuple[float, dict[str, float]]] = field(default_factory=deque, repr=False)

    async def read(self) -> Reading:
        url = f"{self.url.rstrip('/')}/metrics"
        response = await fetch(self.session, url, self.timeout_sec, max_bytes=MAX_METRICS_BYTES)
        if response.trouble:
            return Reading(trouble=response.trouble)
        if response.status != 200:
            return Reading(trouble=f"answered with status {response.status}")
        counters = read_counters(response.body)
        if counters is None:
            return Reading(trouble="answered, but without TiKV's counters")
        return Reading(self._compute_rates(counters, time.monotonic()), took_ms=response.took_ms)

    def _compute_rates(self, counters: dict[str, float], now: float) -> dict[str, float | None]:
        if self._looks and any(counters[name] < self._looks[-1][1][name] for name in counters):
            self._looks.clear()
        if self._looks and now - self._looks[-1][0] > GAP_SEC:
            self._looks.clear()  # a rate over that gap would not be the present one
        self._looks.append((now, counters))
        while len(self._looks) > 2 and self._looks[1][0] <= now - self.span_sec:
            self._looks.popleft()
        then, before = self._looks[0]
        if now <= then:
            return {"gets_per_sec": None, "puts_per_sec": None, "qps": None}
        rates = {name: (counters[name] - before[name]) / (now - then) for name in counters}
        return {"gets_per_sec": rates["gets"], "puts_per_sec": rates["puts"], "qps": sum(rates.values())}


def read_counters(body: bytes) -> dict[str, float] | None:
    """Return `gets` and `puts` from Prometheus' text; None when it holds neither family, or nonsense in it.

    In a family that is there, a kind that is missing has not been served yet: it counts as 0.
    """
    # Only the lines of these families are parsed: the whole text has megabytes, and parsing it all would block the
    # loop.
    lines = b"\n".join(_LINES.findall(body)).decode(errors="replace")
    totals: dict[str, dict[str, float]] = {}
    try:
        for family in text_string_to_metric_families(lines):
            for sample in family.samples:
                kinds = totals.setdefault(sample.name, dict.fromkeys(_KINDS.values(), 0.0))
                name = _KINDS.get(sample.labels["type"])
                if name is not None:
                    kinds[name] += float(sample.value)
    except (ValueError, LookupError, OverflowError):
        return None
    counters = next((totals[name] for name in _FAMILIES if name in totals), None)
    return counters if counters is not None and all(0 <= count < math.inf for count in counters.values()) else None
