"""The PDs and stores of a cluster: what each is called, by whom, and how it is asked."""

import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

import aiohttp

from demo.probes.http_fetch import UNKNOWN_NAME
from demo.probes.pd import NONSENSE, PdProbe
from demo.probes.periodic import Pulse
from demo.probes.result import Reading
from demo.probes.tikv import QpsProbe, StatusProbe
from demo.subjects.cluster.members import EVERY_SEC, Member

PD_PORT, KV_PORT, STATUS_PORT = 2379, 20160, 20180
PD_EVERY_SEC = 0.5
QPS_EVERY_SEC = 1.5

MANY_STORES = 40
"""Of more, each is looked at more rarely, and none is asked how much it serves, which is a megabyte a time: both
would be a load of their own. Prometheus may tell it."""

Session = Callable[[], aiohttp.ClientSession]


@dataclass(frozen=True)
class PdInfo:
    """`name`: what PD itself calls it, `advertised`: where PD says that clients reach it, `host:port`."""

    member: Member
    name: str
    advertised: str


@dataclass(frozen=True)
class TikvStoreInfo:
    """`advertised`, `status`: its addresses, by which PD knows it; `qps`: how much it serves, on a slower beat."""

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
    """All that are known. `asks_qps` is False while somebody else tells how much the stores serve."""

    def __init__(self, session: Session) -> None:
        self.pds: list[PdInfo] = []
        self.stores: list[TikvStoreInfo] = []
        self.asks_qps: Callable[[], bool] = lambda: True
        self.changed: Callable[[], None] = lambda: None
        self._session = session

    def add_pd(self, ident: str, name: str, advertised: str) -> Member:
        host, port = split(advertised)

        def asks_word(named: str) -> bool:
            return named == name or not self.is_reached(named)

        def probe_at(at: str) -> PdProbe:
            return PdProbe(self._session, f"http://{at}", asks_word=asks_word)

        member = Member(ident, "pd", port, probe_at, host, PD_EVERY_SEC)
        self.pds = sorted([*self.pds, PdInfo(member, name, advertised)], key=lambda pd: in_order(pd.member.id))
        return member

    def is_reached(self, name: str) -> bool:
        """Whether the PD of that name would be heard here, if it led: then no follower needs to be asked instead."""
        pulses = [pd.member.pulse for pd in self.pds if pd.name == name and pd.member.address]
        troubles = [pulse.reading.trouble for pulse in pulses]
        return any(said != UNKNOWN_NAME and not said.startswith(NONSENSE) for said in troubles)

    def add_store(self, ident: str, advertised: str, status: str) -> Member:
        host, kv_port = split(advertised)
        _, port = split(status)
        every_sec = EVERY_SEC * max(1.0, (len(self.stores) + 1) / MANY_STORES)
        member = Member(ident, "tikv", port, lambda at: StatusProbe(self._session, f"http://{at}"), host, every_sec)
        qps = Pulse(self._qps_of(member), QPS_EVERY_SEC, self._stir)
        store = TikvStoreInfo(member, advertised, status, kv_port, qps)
        self.stores = sorted([*self.stores, store], key=lambda store: in_order(store.member.id))
        return member

    def _stir(self) -> None:
        self.changed()

    def _qps_of(self, member: Member) -> Callable[[], Awaitable[Reading]]:
        probes: dict[str, QpsProbe] = {}

        async def look() -> Reading:
            if not (member.address and self.asks_qps()) or len(self.stores) > MANY_STORES:
                return Reading(trouble="not asked")
            if member.address not in probes:
                probes.clear()
                probes[member.address] = QpsProbe(self._session, f"http://{member.address}")
            return await probes[member.address].look()

        return look

    def store_at(self, advertised: str | None) -> TikvStoreInfo | None:
        return next((store for store in self.stores if store.advertised == advertised), None)

    def port_of(self, member: Member) -> int:
        """Where it listens for clients, on a cluster whose parts are reached as they advertise."""
        store = next((store for store in self.stores if store.member is member), None)
        return store.kv_port if store is not None else member.port

    def endpoints(self, _: Iterable[Member]) -> list[str]:
        """As the client process takes them: PDs and stores, each as it is advertised and where it is reached."""
        pds = [("pd", pd.advertised, pd.member.places.get(split(pd.advertised)[1], "")) for pd in self.pds]
        stores = [("store", store.advertised, store.member.places.get(store.kv_port, "")) for store in self.stores]
        return [" ".join(line) for line in (*pds, *stores) if all(line)]


def split(address: str) -> tuple[str, int]:
    """`pd0:2379` → its two halves; port 0 where there is none."""
    host, _, port = address.rpartition(":")
    return (host.strip("[]"), int(port)) if port.isdecimal() and len(port) <= 5 else (address, 0)


def in_order(ident: str) -> tuple[tuple[str, int], ...]:
    """Sorts `store-4` before `store-10`."""
    return tuple((text, int(digits or 0)) for text, digits in re.findall(r"([^0-9]*)([0-9]*)", ident))


def names(count: int, kind: str) -> Sequence[str]:
    return [f"{kind}{place}" for place in range(count)]
