"""Which store leads the region of a key: PD's answer, used until it proves wrong, and kept even then. No I/O."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field

from demo.subjects.tikv.proto import raw_pb2 as wire

MOST_ROUTES = 10_000


@dataclass(frozen=True)
class Peer:
    """A copy of a region on a store."""

    ident: int
    store_id: int


@dataclass(frozen=True)
class KeyRegion:
    """Keys from `start` up to `end`, exclusive; an empty `end` means no limit. `leader`: according to PD."""

    ident: int
    start: bytes
    end: bytes
    conf_ver: int
    version: int
    peers: tuple[Peer, ...]
    leader: Peer | None

    def holds(self, key: bytes) -> bool:
        return self.start <= key and (not self.end or key < self.end)

    def key(self, suffix: bytes) -> bytes | None:
        """Return a key of our own in this region, the same at every call; None when there is no room for one."""
        key = self.start + b"\0" + suffix
        return key if self.holds(key) else None


@dataclass(frozen=True)
class RegionRoute:
    """Which peer to ask for the keys of a region, and its store's address."""

    region: KeyRegion
    peer: Peer
    address: str

    def context(self) -> wire.Context:
        region = self.region
        return wire.Context(
            region_id=region.ident,
            region_epoch=wire.RegionEpoch(conf_ver=region.conf_ver, version=region.version),
            peer=wire.Peer(id=self.peer.ident, store_id=self.peer.store_id),
        )


def region_from(message: wire.Region, leader: wire.Peer | None) -> KeyRegion:
    """Convert PD's answer."""
    return KeyRegion(
        ident=message.id,
        start=message.start_key,
        end=message.end_key,
        conf_ver=message.region_epoch.conf_ver,
        version=message.region_epoch.version,
        peers=tuple(peer_from(peer) for peer in message.peers),
        leader=None if leader is None or not leader.store_id else peer_from(leader),
    )


def peer_from(message: wire.Peer) -> Peer:
    return Peer(message.id, message.store_id)


class RegionCache:
    """The known routes, by the first key of their region.

    A route that has failed is doubted, not forgotten: while PD has no leader no other route can be had, and a store
    that was slow once may still lead.
    """

    def __init__(self) -> None:
        self._starts: list[bytes] = []
        self._routes: dict[bytes, RegionRoute] = {}
        self._doubted: set[bytes] = set()

    def find(self, key: bytes) -> RegionRoute | None:
        """Return the route for a key, if it is trusted."""
        route = self.find_any(key)
        return None if route is None or route.region.start in self._doubted else route

    def find_any(self, key: bytes) -> RegionRoute | None:
        """Return the last known route for a key, trusted or not."""
        at = bisect_right(self._starts, key)
        route = self._routes[self._starts[at - 1]] if at else None
        return route if route is not None and route.region.holds(key) else None

    def store(self, route: RegionRoute) -> None:
        """Mark this route as trusted, and replace whatever was known of its keys."""
        if len(self._routes) >= MOST_ROUTES:
            self._starts, self._routes, self._doubted = [], {}, set()
        start, end = route.region.start, route.region.end
        start_index = bisect_left(self._starts, start)
        end_index = bisect_left(self._starts, end) if end else len(self._starts)
        for replaced in self._starts[start_index:end_index]:
            del self._routes[replaced]
            self._doubted.discard(replaced)
        self._starts[start_index:end_index] = [start]
        self._routes[start] = route

    def mark_doubtful(self, route: RegionRoute) -> None:
        """Stop trusting this route, unless another one has replaced it."""
        if self._routes.get(route.region.start) is route:
            self._doubted.add(route.region.start)

    def leaders(self) -> Mapping[int, int]:
        """Map each region to the store last used for it."""
        return {route.region.ident: route.peer.store_id for route in self._routes.values()}


@dataclass
class Known:
    """What clients of one cluster can share and pass on. `stores`: store id → the address it advertises."""

    routes: RegionCache = field(default_factory=RegionCache)
    stores: dict[int, str] = field(default_factory=dict)
