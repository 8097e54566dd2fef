"""Raw reads and writes of TiKV, each within its deadline; elections are seen and counted, not hidden."""

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from demo.errors import InvalidValue
from demo.subjects.tikv.client.grpc_channels import Channels, NoAnswer, Resolve
from demo.subjects.tikv.client.pd_client import PdClient
from demo.subjects.tikv.client.region_cache import KeyRegion, Known, Peer, Route, peer_from
from demo.subjects.tikv.proto import raw_pb2 as wire

PUT = "/tikvpb.Tikv/RawPut"
GET = "/tikvpb.Tikv/RawGet"

WITHIN_SEC = 0.5
BACK_OFF_SEC = 0.05
MOST_REGIONS = 256

PD_SEC = 0.15
"""What PD gets to name a new route where the old one may do: the write has only so much time."""

SILENT_SEC = 1.0
"""A store that did not answer is asked last for so long, where its region's other copies may tell who leads."""

PD_AGAIN_SEC = 0.3
"""A PD that did not name one is asked again after so long, by one write for all."""

_MOVED = ("region_not_found", "key_not_in_region", "epoch_not_match", "stale_command")

_REFUSED_BEFORE = ("not_leader", "key_not_in_region", "epoch_not_match", "server_is_busy", "store_not_match")
"""Said before anything is proposed, or instead of applying it: after these nothing can come of a write."""

Answer = TypeVar("Answer", wire.RawPutResponse, wire.RawGetResponse)

Met = Callable[[bytes, Route], None]
"""A key was read or written, by this route: that store leads its region."""


class RawClient:
    """Speaks to PD for routes and to the stores for the rest. Every method may raise `NoAnswer`.

    `pd_addresses` and what the cluster advertises go through `resolve`. `counts` says what was met on the way:
    `election`, `unreachable`, `busy`, `refused`, `no_route`, `moved`. `met` is called at each answer. `known`: what
    another client of this cluster has learned; while PD has no leader, nobody else tells.
    """

    def __init__(
        self,
        pd_addresses: Sequence[str],
        resolve: Resolve | None = None,
        met: Met = lambda key, route: None,
        known: Known | None = None,
    ) -> None:
        if not pd_addresses:
            raise InvalidValue("a client of TiKV needs at least one address of PD")
        self._channels = Channels(resolve)
        known = known or Known()
        self._placement = PdClient(self._channels, pd_addresses, known.stores)
        self._routes = known.routes
        self._met = met
        self._looking_up = asyncio.Lock()
        self._asks_pd_from = 0.0
        self._silent_until: dict[int, float] = {}
        self.counts: Counter[str] = Counter()

    async def put(self, key: bytes, value: bytes, within_sec: float = WITHIN_SEC) -> bool:
        """Write, and return once a majority has it: False when an earlier try of it may yet be made, too."""

        def request(route: Route) -> wire.RawPutRequest:
            return wire.RawPutRequest(context=route.context(), key=key, value=value)

        return (await self._reach(key, PUT, request, wire.RawPutResponse, within_sec))[1]

    async def get(self, key: bytes, within_sec: float = WITHIN_SEC) -> bytes | None:
        """Read; None: there is no such key."""

        def request(route: Route) -> wire.RawGetRequest:
            return wire.RawGetRequest(context=route.context(), key=key)

        answer, _ = await self._reach(key, GET, request, wire.RawGetResponse, within_sec)
        return None if answer.not_found else answer.value

    async def regions(self, within_sec: float = 2.0, most: int = MOST_REGIONS, start: bytes = b"") -> list[KeyRegion]:
        """The regions from the one that holds `start` on, as PD knows them; no more than `most`."""
        return await self._placement.regions(start, most, _now() + _positive(within_sec))

    async def close(self) -> None:
        await self._channels.close()

    async def __aenter__(self) -> "RawClient":
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    async def _reach(
        self, key: bytes, path: str, request: Callable[[Route], Any], answer: type[Answer], within_sec: float
    ) -> tuple[Answer, bool]:
        """The answer, and whether no earlier try can have had an effect."""
        if not key:
            raise InvalidValue("a key of TiKV cannot be empty")
        errand = _Request(key, _now() + _positive(within_sec), within_sec)
        try:
            async with asyncio.timeout_at(errand.until):
                while True:
                    found = await self._try(errand, path, request, answer)
                    if found is not None:
                        return found, not errand.is_doubtful
                    await asyncio.sleep(errand.patience_sec)
        except TimeoutError:
            raise errand.why() from None

    async def _try(
        self, errand: "_Request", path: str, request: Callable[[Route], Any], answer: type[Answer]
    ) -> Answer | None:
        """One way to the region's leader; None: `errand` has learned why not, try again."""
        errand.patience_sec = BACK_OFF_SEC
        try:
            route = await self._route(errand)
        except NoAnswer as trouble:
            self._note(errand, trouble)
            return None
        began = _now()
        try:
            found = await self._channels.ask(route.address, path, request(route), answer, errand.until - began)
        except NoAnswer as trouble:
            self._lost(errand, route, trouble, began)
            if trouble.reason == "refused":
                raise
            return None
        except asyncio.CancelledError:  # its time is over
            silence = f"{route.address} did not answer in {errand.within_sec * 1000:.0f} ms"
            self._lost(errand, route, NoAnswer("unreachable", silence), began)
            raise
        if found.HasField("region_error"):
            await self._learn(errand, route, found.region_error)
            return None
        if found.error:
            refusal = NoAnswer("refused", f"{route.address} refused: {found.error[:200]}")
            self._note(errand, refusal)
            raise refusal
        if self._routes.find(errand.key) is None:  # a detour that has led there
            self._routes.keep(route)
        self._met(errand.key, route)
        return found

    def _lost(self, errand: "_Request", route: Route, trouble: NoAnswer, began: float) -> None:
        """PD is asked before anybody waits here again, as long as it answers."""
        errand.is_doubtful = True
        self._routes.doubt(route)
        errand.shunned.add(route.peer.store_id)
        self._silent_until[route.peer.store_id] = _now() + SILENT_SEC
        was_cut_short = _now() >= errand.until and _now() - began < errand.within_sec / 2
        if not (was_cut_short and errand.trouble):
            self._note(errand, trouble)

    async def _route(self, errand: "_Request") -> Route:
        """The trusted route, or PD's newest; the old one and its copies while PD has none."""
        route = self._known(errand)
        if route is not None:
            return route
        async with self._looking_up:  # what one has learned, the others need not ask
            route = self._known(errand)
            if route is not None:
                return route
            old = self._routes.last(errand.key)
            if old is None:
                return await self._newest(errand, errand.until)
            if _now() >= self._asks_pd_from:
                try:
                    return await self._newest(errand, min(errand.until, _now() + PD_SEC))
                except NoAnswer:
                    self._asks_pd_from = _now() + PD_AGAIN_SEC
            return self._detour(errand, old)

    async def _newest(self, errand: "_Request", until: float) -> Route:
        """PD's; kept, with the addresses of all its copies."""
        region = await self._placement.region(errand.key, until)
        peer = errand.choose(region)
        route = Route(region, peer, await self._placement.address(peer.store_id, until))
        if region.leader is None or peer == region.leader:
            self._routes.keep(route)
        await self._placement.learn_addresses((one.store_id for one in region.peers), min(until, _now() + PD_SEC))
        return route

    def _detour(self, errand: "_Request", old: Route) -> Route:
        """While PD names no other: the old route, then the region's other copies, which know who leads. In turn."""
        peers = [old.peer, *(peer for peer in old.region.peers if peer.store_id != old.peer.store_id)]
        known = [(peer, at) for peer in peers if (at := self._placement.known_address(peer.store_id))]
        if not known:
            raise NoAnswer("no_route", "PD names no route, and none is known of before")
        able = [one for one in known if one[0].store_id not in errand.shunned]
        if not able:
            errand.shunned.clear()
        heard = [one for one in able if self._silent_until.get(one[0].store_id, 0.0) < _now()]
        choice = heard or able or known
        peer, address = choice[errand.detours % len(choice)]
        errand.detours += 1
        return Route(old.region, peer, address)

    def _known(self, errand: "_Request") -> Route | None:
        route = self._routes.find(errand.key)
        return None if route is None or route.peer.store_id in errand.shunned else route

    async def _learn(self, errand: "_Request", route: Route, error: wire.RegionError) -> None:
        self._routes.doubt(route)
        errand.is_doubtful |= not any(error.HasField(field) for field in _REFUSED_BEFORE)
        if error.HasField("not_leader"):
            hint = error.not_leader.leader
            if not hint.store_id:
                self._note(errand, NoAnswer("election", "the region has no leader: an election is going on"))
                return
            await self._follow(errand, route, peer_from(hint))
        elif error.HasField("server_is_busy"):
            self._note(errand, NoAnswer("busy", f"{route.address} is busy"))
        elif any(error.HasField(field) for field in _MOVED):
            self._note(errand, NoAnswer("no_route", "PD's route to the key is out of date"))
            errand.patience_sec = 0.0 if self._is_first(errand) else BACK_OFF_SEC
        else:
            if error.HasField("store_not_match"):
                self._placement.forget_address(route.peer.store_id)
            self._note(errand, NoAnswer("refused", f"{route.address} refused: {error.message[:200]}"))

    async def _follow(self, errand: "_Request", route: Route, hint: Peer) -> None:
        """A follower names the leader: go there, at once unless that was tried."""
        self.counts["moved"] += 1
        if hint.store_id in errand.shunned:
            errand.shunned.discard(hint.store_id)
        else:
            errand.patience_sec = 0.0 if self._is_first(errand) else BACK_OFF_SEC
        try:
            address = await self._placement.address(hint.store_id, min(errand.until, _now() + PD_SEC))
        except NoAnswer as trouble:
            self._note(errand, trouble)
            return
        self._routes.keep(Route(route.region, hint, address))

    def _is_first(self, errand: "_Request") -> bool:
        errand.turns += 1
        return errand.turns == 1

    def _note(self, errand: "_Request", trouble: NoAnswer) -> None:
        self.counts[trouble.reason] += 1
        errand.trouble = trouble
        if trouble.reason == "election":
            errand.election = trouble


class _Request:
    """One read or write on its way: until when, and what it met."""

    def __init__(self, key: bytes, until: float, within_sec: float) -> None:
        self.key, self.until, self.within_sec = key, until, within_sec
        self.patience_sec = BACK_OFF_SEC
        self.shunned: set[int] = set()
        self.turns = 0
        self.detours = 0
        self.is_doubtful = False
        self.trouble: NoAnswer | None = None
        self.election: NoAnswer | None = None

    def choose(self, region: KeyRegion) -> Peer:
        """The leader, unless it could not be reached just now; then another peer, which knows of an election."""
        wanted = [region.leader] if region.leader is not None else []
        able = [peer for peer in [*wanted, *region.peers] if peer.store_id not in self.shunned]
        if not able:
            self.shunned.clear()
        return (able or [*wanted, *region.peers])[0]

    def why(self) -> NoAnswer:
        """An election seen on the way explains more than what came last."""
        silence = NoAnswer("no_route", f"PD did not answer in {self.within_sec * 1000:.0f} ms")
        return self.election or self.trouble or silence


def _now() -> float:
    return asyncio.get_running_loop().time()


def _positive(within_sec: float) -> float:
    if not (math.isfinite(within_sec) and within_sec > 0):
        raise InvalidValue(f"within_sec must be above 0, not {within_sec!r}")
    return within_sec
