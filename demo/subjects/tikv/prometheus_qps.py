"""The requests per second of each store, from a Prometheus that watches the cluster; its failures become notices."""

from collections.abc import Callable

from demo.probes.periodic import Pulse
from demo.probes.prometheus import PrometheusProbe
from demo.probes.result import Reading
from demo.subjects.tikv.topology import Session

EVERY_SEC = 2.0
# PingCAP's Prometheus scrapes every 15 s: a shorter range often holds one sample only, which makes no rate.
QUERY = 'sum by (instance) (rate(tikv_grpc_msg_duration_seconds_count{type=~"raw_get|raw_put"}[1m]))'


class PrometheusQps:
    """Values by Prometheus instance. While Prometheus fails, the stores themselves are asked."""

    def __init__(self, session: Session, url: str, changed: Callable[[], None]) -> None:
        self._probe = PrometheusProbe(session, url, QUERY)
        self._trouble = ""
        self.tell: Callable[[str], None] = lambda text: None
        self.pulse = Pulse(self._look, EVERY_SEC, changed)

    @property
    def is_missing(self) -> bool:
        return not self.pulse.reading.ok

    async def _look(self) -> Reading:
        reading = await self._probe.read()
        if reading.ok and not reading.data["values"]:
            reading = Reading(trouble="has no data on TiKV's reads and writes")
        if reading.trouble != self._trouble:
            self._trouble = reading.trouble
            self.tell(
                f"Prometheus: {reading.trouble}; operations a second are read from the stores instead"
                if reading.trouble
                else "operations a second are read from Prometheus"
            )
        return reading
