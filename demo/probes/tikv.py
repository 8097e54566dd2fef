"""Probes of one store of TiKV over its status port: is it alive, and how many raw reads and writes it serves."""

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
MOST_METRICS_BYTES = 8_000_000

SPAN_SEC = 3.0
"""TiKV adds to its counters about once a second: a rate over less than two of its steps would jump."""

GAP_SEC = 5.0
"""Who was not looked at for so long begins anew."""

_FAMILIES = ("tikv_grpc_msg_duration_seconds_count", "tikv_storage_command_total")
"""What is served, and, where that is missing, what storage was told to do."""

_KINDS = {"raw_get": "gets", "raw_put": "puts"}

_LINES = re.compile(rb"^(?:" + b"|".join(name.encode() for name in _FAMILIES) + rb")[{ \t][^\r\n]*", re.MULTILINE)


@dataclass(frozen=True)
class StatusProbe:
    """`GET /status`: a paused process's kernel still takes connections, only an answer counts."""

    session: Session
    url: str
    deadline_sec: float = STATUS_TIMEOUT_SEC

    async def look(self) -> Reading:
        found = await fetch(self.session, f"{self.url.rstrip('/')}/status", self.deadline_sec)
        if found.trouble:
            return Reading(trouble=found.trouble)
        if found.status != 200:
            return Reading(trouble=f"answered with status {found.status}")
        return Reading(took_ms=found.took_ms)


@dataclass
class QpsProbe:
    """`GET /metrics`, and the rate since an earlier look, up to SPAN_SEC ago.

    The reading's data: `gets_per_sec`, `puts_per_sec`, `qps`; None each until there are two looks at the same
    counters: after a restart they begin anew.
    """

    session: Session
    url: str
    deadline_sec: float = METRICS_TIMEOUT_SEC
    span_sec: float = SPAN_SEC
    _looks: deque[tuple[float, dict[str, float]]] = field(default_factory=deque, repr=False)

    async def look(self) -> Reading:
        url = f"{self.url.rstrip('/')}/metrics"
        found = await fetch(self.session, url, self.deadline_sec, most_bytes=MOST_METRICS_BYTES)
        if found.trouble:
            return Reading(trouble=found.trouble)
        if found.status != 200:
            return Reading(trouble=f"answered with status {found.status}")
        counters = read_counters(found.body)
        if counters is None:
            return Reading(trouble="answered without TiKV's counters")
        return Reading(self._rates(counters, time.monotonic()), took_ms=found.took_ms)

    def _rates(self, counters: dict[str, float], now: float) -> dict[str, float | None]:
        if self._looks and any(counters[name] < self._looks[-1][1][name] for name in counters):
            self._looks.clear()
        if self._looks and now - self._looks[-1][0] > GAP_SEC:
            self._looks.clear()  # a rate over a gap would be none of now
        self._looks.append((now, counters))
        while len(self._looks) > 2 and self._looks[1][0] <= now - self.span_sec:
            self._looks.popleft()
        then, before = self._looks[0]
        if now <= then:
            return {"gets_per_sec": None, "puts_per_sec": None, "qps": None}
        rates = {name: (counters[name] - before[name]) / (now - then) for name in counters}
        return {"gets_per_sec": rates["gets"], "puts_per_sec": rates["puts"], "qps": sum(rates.values())}


def read_counters(body: bytes) -> dict[str, float] | None:
    """`gets` and `puts` in Prometheus' text; None when it holds neither family, or nonsense in it.

    A family that is there without a kind has not served one yet.
    """
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
    found = next((totals[name] for name in _FAMILIES if name in totals), None)
    return found if found is not None and all(0 <= count < math.inf for count in found.values()) else None
