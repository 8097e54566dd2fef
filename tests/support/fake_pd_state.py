"""What is true in the fake cluster, and what PD believes: data and rules, no sockets."""

import itertools
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

BodyRewrite = Callable[[str, bytes], bytes]
"""Changes a body on its way out: given the path and the right body."""

FRESH = (b"r\0\0\0", b"r\0\0\1", b"x\0\0\0", b"x\0\0\1")
"""Where a new cluster of v8.5 splits itself within seconds: five regions, for its default keyspace."""

LEASE_SEC = 5.0
"""While the lease of a dead leader lasts, the others send everything to it."""

WAIT_SEC = 3.0
"""Then they wait so long for a new one; and each ping of `/health` takes as long where nothing answers."""

BEAT_SEC = 10.0
DISCONNECT_SEC = 20.0
RAN_SEC = 200.0
"""A cluster has run for so long when it begins here, and PD has kept no heartbeat on disk since then."""


@dataclass
class Node:
    """A PD or a store. `mode`: how its HTTP answers end: whole, cut off in the middle, or never."""

    name: str
    ident: int
    is_up: bool = True
    is_paused: bool = False
    delay_sec: float = 0.0
    rewrite: BodyRewrite | None = None
    mode: str = "whole"
    forced_state: str | None = None
    busy: bool = False
    gone_at: float | None = None
    beats_from: float = 0.0
    beats_until: float = math.inf
    has_no_heartbeat: bool = False
    """A store that has registered, and sent no heartbeat yet; a PD that was started anew and knows no leader."""

    calls: Counter[str] = field(default_factory=Counter)

    @property
    def is_running(self) -> bool:
        return self.is_up and not self.is_paused


@dataclass
class Group:
    """A region. `leader`: the true one's store; `followers_leader`: the one followers name; `reported_leader`: PD's."""

    ident: int
    start: bytes
    end: bytes
    peers: dict[int, int]
    leader: int | None
    followers_leader: int | None
    reported_leader: int | None
    version: int = 1
    conf_ver: int = 5

    def holds(self, key: bytes) -> bool:
        return self.start <= key and (not self.end or key < self.end)


class State:
    """Everything behind the TCP gates; `lock` guards it, and waits on it wake when it changes."""

    def __init__(self, store_ids: Sequence[int], cuts: Sequence[bytes], pace: float) -> None:
        self.lock = threading.Condition(threading.RLock())
        self.cluster_id = 7_412_345_678_901_234_567
        self.pace = pace
        self.began = time.time() - RAN_SEC * pace
        self.pds = {f"pd{n}": Node(f"pd{n}", 13_156_394_451_279_123_456 + n) for n in range(3)}
        self.stores = {f"tikv{n}": Node(f"tikv{n}", ident) for n, ident in enumerate(store_ids)}
        for store in self.stores.values():
            store.beats_from = self.began
        self.pd_leader: str | None = "pd0"
        self.reported_pd_leader = "pd0"
        """Whom the PDs name as their leader: a dead one until there is another."""

        self.lost_at = 0.0
        """When the last leader of PD was lost (`time.monotonic`)."""

        self.term_from = self.began
        """Since when this leader of PD leads: what it heard before is on disk, if it was kept."""

        self.hangs = False
        """A follower that sends on to a dead leader hangs, instead of answering 500 at once."""

        self.is_bootstrapped = True
        self.asked: Counter[str] = Counter()
        """How often each path of PD was asked for, by anybody."""

        self.refuses_in_header = False
        self.health_delay_sec = 0.0
        """What a PD takes for its word on all PDs' health: it asks each of them, the dead ones too."""

        self.reached: dict[str, str] = {}
        """What a node advertises, where that is not its own name: `pd0:2379` → another address."""

        self.data: dict[bytes, bytes] = {}
        self.groups: dict[int, Group] = {}
        self._ids = 2
        edges = [b"", *cuts, b""]
        for n, (start, end) in enumerate(itertools.pairwise(edges)):
            leader = store_ids[n % len(store_ids)]
            self._add(start, end, leader)

    def _add(self, start: bytes, end: bytes, leader: int | None) -> Group:
        ident = self._ids
        peers = {store.ident: ident + n for n, store in enumerate(self.stores.values(), 1)}
        self._ids += 1 + len(peers)
        self.groups[ident] = Group(ident, start, end, peers, leader, leader, leader)
        return self.groups[ident]

    def at(self, node: Node, port: int) -> str:
        """Where this node says that it is."""
        own = f"{node.name}:{port}"
        return self.reached.get(own, own)

    def node(self, name: str) -> Node:
        return self.pds[name] if name in self.pds else self.stores[name]

    def store(self, ident: int) -> Node | None:
        return next((store for store in self.stores.values() if store.ident == ident), None)

    def group_of(self, key: bytes) -> Group | None:
        return next((group for group in self.groups.values() if group.holds(key)), None)

    def lose(self, name: str, noticed: bool) -> None:
        """What a death or a freeze means for those who are left."""
        node = self.node(name)
        node.gone_at = node.gone_at or time.time()
        if name in self.pds:
            if self.pd_leader == name and not node.is_paused:
                self.pd_leader, self.lost_at = None, time.monotonic()
            return
        for group in self.groups.values():
            if group.leader == node.ident:
                group.leader = None
                group.followers_leader = None if noticed else group.followers_leader

    def has_quorum(self, group: Group) -> bool:
        running = [store for store in map(self.store, group.peers) if store is not None and store.is_running]
        return len(running) * 2 > len(group.peers)

    def elect(self, ident: int | None, to: str | None) -> None:
        """A leader for this region, or for each that has none; among the stores that run."""
        for place, group in enumerate(self.groups.values()):
            if ident == group.ident or (ident is None and group.leader is None):
                able = [store.ident for store in self.stores.values() if store.is_running and to in (None, store.name)]
                if able and self.has_quorum(group):
                    chosen = able[place % len(able)]
                    group.leader = group.followers_leader = group.reported_leader = chosen

    def split(self, at: bytes) -> None:
        """The region around `at` becomes two: old routes to it are wrong."""
        group = self.group_of(at)
        assert group is not None
        right = self._add(at, group.end, group.leader)
        group.end = at
        group.version += 1
        right.version = group.version

    # PD's leader.

    def elect_pd(self, name: str) -> None:
        """It knows of no heartbeat that was not kept on disk, until the next."""
        assert self.pds[name].is_running
        if name != self.pd_leader:
            self.term_from = time.time()
        self.pd_leader = self.reported_pd_leader = name
        for pd in self.pds.values():
            pd.has_no_heartbeat = False
        self.lock.notify_all()

    @property
    def has_pd_majority(self) -> bool:
        return sum(pd.is_running for pd in self.pds.values()) * 2 > len(self.pds)

    @property
    def is_in_lease(self) -> bool:
        return time.monotonic() - self.lost_at < LEASE_SEC * self.pace

    # PD's word, which lags.

    def heard(self, store: Node) -> float:
        """When PD's leader had the last heartbeat, seconds of the epoch; 0: never."""
        if store.has_no_heartbeat:
            return 0.0
        last = self._last_beat(store, min(time.time(), store.gone_at or math.inf, store.beats_until))
        return last if last >= self.term_from else self.began

    def _last_beat(self, store: Node, until: float) -> float:
        beat = BEAT_SEC * self.pace
        return store.beats_from + max(0.0, until - store.beats_from) // beat * beat

    def get_pd_state(self, store: Node) -> str:
        if store.forced_state is not None:
            return store.forced_state
        if store.has_no_heartbeat:
            return "Down"
        silent = time.time() - self.heard(store)
        return "Disconnected" if silent > DISCONNECT_SEC * self.pace else "Up"
