"""The PDs and stores of a cluster: their names, addresses, and probes."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

import aiohttp

from demo.probes.http_fetch import UNKNOWN_NAME
from demo.probes.pd import NONSENSE, PdProbe
from demo.probes.periodic import Pulse
from demo.probes.result import Reading
from demo.probes.tikv import QpsProbe, StatusProbe
from demo.subjects.cluster.members import EVERY_SEC, Member, natural_key

PD_PORT, KV_PORT, STATUS_PORT = 2379, 20160, 20180
PD_EVERY_SEC = 0.5
QPS_EVERY_SEC = 1.5

MANY_STORES = 40
"""If there are more, each is probed less often, and none is asked for its metrics, a megabyte each: both would be a
considerable load. Prometheus can provide them."""

Session = Callable[[], aiohttp.ClientSession]


@dataclass(frozen=True)
class PdInfo:
    """`name`: its name in PD; `advertised`: the `host:port` that PD gives to clients."""

    member: Member
    name: str
    advertised: str


@dataclass(frozen=True)
class TikvStoreInfo:
    """`advertised`, `status`: its addresses in PD; `qps`: its requests per second, probed less often."""

    member: Member
    advertised: str
    status: str
    kv_port: int
    qps: Pulse

    @property
    def labels(self) -> tuple[str, ...]:
        """What Prometheus may call it as an instance."""
        return (self.status, self.member.address)


class Topology:
    """All known PDs and stores. `asks_qps` returns False while Prometheus provides the stores' requests per second."""

    def __init__(self, session: Session) -> None:
        self.pds: list[PdInfo] = []
        self.stores: list[TikvStoreInfo] = []
        self.asks_qps: Callable[[], bool] = lambda: True
        self.changed: Callable[[], None] = lambda: None
        self._session = session

    def add_pd(self, ident: str, name: str, advertised: str) -> Member:
        host, port = split(advertised)

        def asks_word(named: str) -> bool:
            # The leader is asked about the cluster; a follower only if the leader cannot be asked from here.
            return named == name or not self.is_reached(named)

        def probe_at(at: str) -> PdProbe:
            return PdProbe(self._session, f"http://{at}", asks_word=asks_word)

        member = Member(ident, "pd", port, probe_at, host, PD_EVERY_SEC)
        self.pds = sorted([*self.pds, PdInfo(member, name, advertised)], key=lambda pd: natural_key(pd.member.id))
        return member

    def is_reached(self, name: str) -> bool:
        """Return whether the PD of that name, if it leads, can be asked from here, so that no follower need be."""
        pulses = [pd.member.pulse for pd in self.pds if pd.name == name and pd.member.address]
        troubles = [pulse.reading.trouble for pulse in pulses]
        return any(trouble != UNKNOWN_NAME and not trouble.startswith(NONSENSE) for trouble in troubles)

    def add_store(self, ident: str, advertised: str, status: str) -> Member:
        host, kv_port = split(advertised)
        _, port = split(status)
        every_sec = EVERY_SEC * max(1.0, (len(self.stores) + 1) / MANY_STORES)
        member = Member(ident, "tikv", port, lambda at: StatusProbe(self._session, f"http://{at}"), host, every_sec)
        qps = Pulse(self._qps_probe_of(member), QPS_EVERY_SEC, self._notify_changed)
        store = TikvStoreInfo(member, advertised, status, kv_port, qps)
        self.stores = sorted([*self.stores, store], key=lambda store: natural_key(store.member.id))
        return member

    def _notify_changed(self) -> None:
        self.changed()

    def _qps_probe_of(self, member: Member) -> Callable[[], Awaitable[Reading]]:
        probes: dict[str, QpsProbe] = {}

        async def look() -> Reading:
            if not (member.address and self.asks_qps()) or len(self.stores) > MANY_STORES:
                return Reading(trouble="not asked")
            if member.address not in probes:
                probes.clear()
                probes[member.address] = QpsProbe(self._session, f"http://{member.address}")
            return await probes[member.address].read()

        return look

    def store_at(self, advertised: str | None) -> TikvStoreInfo | None:
        return next((store for store in self.stores if store.advertised == advertised), None)

    def port_of(self, member: Member) -> int:
        """Return the port on which a member listens for clients, if the advertised addresses are reachable directly."""
        store = next((store for store in self.stores if store.member is member), None)
        return store.kv_port if store is not None else member.port

    def endpoints(self, _: Iterable[Member]) -> list[str]:
        """Return what the client process needs: for each PD and store, the advertised address and the reachable one."""
        pds = [("pd", pd.advertised, pd.member.places.get(split(pd.advertised)[1], "")) for pd in self.pds]
        stores = [("store", store.advertised, store.member.places.get(store.kv_port, "")) for store in self.stores]
        return [" ".join(line) for line in (*pds, *stores) if all(line)]


def split(address: str) -> tuple[str, int]:
    """Split `pd0:2379` into host and port; port 0 where there is none."""
    host, _, port = address.rpartition(":")
    return (host.strip("[]"), int(port)) if port.isdecimal() and len(port) <= 5 else (address, 0)


def names(count: int, kind: str) -> Sequence[str]:
    return [f"{kind}{place}" for place in range(count)]
