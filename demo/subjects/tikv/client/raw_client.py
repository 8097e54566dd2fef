"""Raw reads and writes of TiKV, each with a timeout; elections are reported and counted, not hidden by retries."""

import asyncio
import math
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from demo.errors import InvalidValue
from demo.subjects.tikv.client.grpc_channels import Channels, NoAnswer, Resolve
from demo.subjects.tikv.client.pd_client import PdClient
from demo.subjects.tikv.client.region_cache import KeyRegion, Known, Peer, RegionRoute, peer_from
from demo.subjects.tikv.proto import raw_pb2 as wire

PUT = "/tikvpb.Tikv/RawPut"
GET = "/tikvpb.Tikv/RawGet"

WITHIN_SEC = 0.5
BACK_OFF_SEC = 0.05
MAX_REGIONS = 256

PD_SEC = 0.15
"""PD's timeout for a new route while the old one might still work: a write has little time in all."""

SILENT_SEC = 1.0
"""For so long after a missing answer a store is asked last: the region's other copies may know who leads."""

PD_AGAIN_SEC = 0.3
"""After so long without a route PD is asked again, by one request on behalf of all."""

RECENT_ANSWERS = 64
"""So many of PD's last answers are kept for requests that were already waiting when PD was asked."""

_MOVED = ("region_not_found", "key_not_in_region", "epoch_not_match", "stale_command")

_REFUSED_BEFORE = ("not_leader", "key_not_in_region", "epoch_not_match", "server_is_busy", "store_not_match")
"""Errors that TiKV returns before it proposes a write, or instead of applying it: the write has no effect."""

Answer = TypeVar("Answer", wire.RawPutResponse, wire.RawGetResponse)

Met = Callable[[bytes, RegionRoute], None]
"""Called after a key was read or written by this route, which proves that its store leads the region."""


class RawClient:
    """Asks PD for routes and the stores for the rest. Every method may raise `NoAnswer`.

    `pd_addresses` and the addresses that the cluster advertises are translated by `resolve`. `counts`: how often each
    of `election`, `unreachable`, `busy`, `refused`, `no_route` and `moved` was met. `met` is called at each answer.
    `known`: what another client of this cluster has learned, which is needed while PD has no leader.
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
        self._pd = PdClient(self._channels, pd_addresses, known.stores)
        self._routes = known.routes
        self._met = met
        self._lookup_lock = asyncio.Lock()
        self._asks_pd_from = 0.0
        self._recent_answers: deque[tuple[float, KeyRegion]] = deque(maxlen=RECENT_ANSWERS)
        self._silent_until: dict[int, float] = {}
        self.counts: Counter[str] = Counter()

    async def put(self, key: bytes, value: bytes, within_sec: float = WITHIN_SEC) -> bool:
        """Write; return once a majority has it. False: an earlier try of this write may still be applied, too."""

        def request(route: RegionRoute) -> wire.RawPutRequest:
            return wire.RawPutRequest(context=route.context(), key=key, value=value)

        return (await self._request_until_answered(key, PUT, request, wire.RawPutResponse, within_sec))[1]

    async def get(self, key: bytes, within_sec: float = WITHIN_SEC) -> bytes | None:
        """Read; None: there is no such key."""

        def request(route: RegionRoute) -> wire.RawGetRequest:
            return wire.RawGetRequest(context=route.context(), key=key)

        answer, _ = await self._request_until_answered(key, GET, request, wire.RawGetResponse, within_sec)
        return None if answer.not_found else answer.value

    async def regions(self, within_sec: float = 2.0, limit: int = MAX_REGIONS, start: bytes = b"") -> list[KeyRegion]:
        """Return PD's regions from the one that holds `start` on, at most `limit`."""
        return await self._pd.regions(start, limit, _now() + _positive(within_sec))

    async def close(self) -> None:
        await self._channels.close()

    async def __aenter__(self) -> "RawClient":
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    async def _request_until_answered(
        self, key: bytes, path: str, request: Callable[[RegionRoute], Any], answer: type[Answer], within_sec: float
    ) -> tuple[Answer, bool]:
        """Try until there is an answer; return it, and whether no earlier try can have had an effect."""
        if not key:
            raise InvalidValue("a key of TiKV cannot be empty")
        state = _Request(key, _now() + _positive(within_sec), within_sec)
        try:
            async with asyncio.timeout_at(state.until):
                while True:
                    response = await self._try(state, path, request, answer)
                    if response is not None:
                        return response, not state.is_doubtful
                    await asyncio.sleep(state.pause_sec)
        except TimeoutError:
            raise state.final_error() from None

    async def _try(
        self, state: "_Request", path: str, request: Callable[[RegionRoute], Any], answer: type[Answer]
    ) -> Answer | None:
        """Send the request once, by one route; None: not answered, try again with what `state` has learned."""
        state.pause_sec = BACK_OFF_SEC
        try:
            route = await self._route(state)
        except NoAnswer as trouble:
            self._record_error(state, trouble)
            return None
        began = _now()
        try:
            response = await self._channels.ask(route.address, path, request(route), answer, state.until - began)
        except NoAnswer as trouble:
            self._handle_no_answer(state, route, trouble, began)
            if trouble.reason == "refused":
                raise
            return None
        except asyncio.CancelledError:  # by the timeout of the whole request
            silence = f"{route.address} did not answer in {state.within_sec * 1000:.0f} ms"
            self._handle_no_answer(state, route, NoAnswer("unreachable", silence), began)
            raise
        if response.HasField("region_error"):
            await self._handle_region_error(state, route, response.region_error)
            return None
        if response.error:
            refusal = NoAnswer("refused", f"{route.address} refused: {response.error[:200]}")
            self._record_error(state, refusal)
            raise refusal
        if self._routes.find(state.key) is None:  # an untrusted route that turned out to be right
            self._routes.store(route)
        self._met(state.key, route)
        return response

    def _handle_no_answer(self, state: "_Request", route: RegionRoute, trouble: NoAnswer, began: float) -> None:
        """Mark the route as doubtful, so that PD is asked before another request waits for that store."""
        state.is_doubtful = True
        self._routes.mark_doubtful(route)
        state.avoided_stores.add(route.peer.store_id)
        self._silent_until[route.peer.store_id] = _now() + SILENT_SEC
        # A try that had little time left says less than the errors before it, so it does not replace them.
        was_cut_short = _now() >= state.until and _now() - began < state.within_sec / 2
        if not (was_cut_short and state.trouble):
            self._record_error(state, trouble)

    async def _route(self, state: "_Request") -> RegionRoute:
        """Return the trusted route, or PD's newest; while PD has none, the old one or one of its other copies."""
        route = self._trusted_route(state)
        if route is not None:
            return route
        waiting_from = _now()
        async with self._lookup_lock:  # one request asks PD, those that wait here use its answer
            route = self._trusted_route(state) or self._route_by_answer_since(waiting_from, state)
            if route is not None:
                return route
            old = self._routes.find_any(state.key)
            if old is None:
                return await self._ask_pd_for_route(state, state.until)
            if _now() >= self._asks_pd_from:
                try:
                    return await self._ask_pd_for_route(state, min(state.until, _now() + PD_SEC))
                except NoAnswer:
                    self._asks_pd_from = _now() + PD_AGAIN_SEC
            return self._detour(state, old)

    def _route_by_answer_since(self, waiting_from: float, state: "_Request") -> RegionRoute | None:
        """Return a route by what PD was asked and said for another request while this one waited.

        It is needed when a store failed many requests at once: they all avoid the store that is still trusted.
        """
        for asked_at, region in reversed(self._recent_answers):
            if asked_at < waiting_from:
                return None
            if region.holds(state.key):
                peer = state.choose(region)
                address = self._pd.known_address(peer.store_id)
                return None if address is None else RegionRoute(region, peer, address)
        return None

    async def _ask_pd_for_route(self, state: "_Request", until: float) -> RegionRoute:
        """Ask PD for the route, and keep it, together with the addresses of all copies."""
        asked_at = _now()
        region = await self._pd.region(state.key, until)
        self._recent_answers.append((asked_at, region))
        peer = state.choose(region)
        route = RegionRoute(region, peer, await self._pd.address(peer.store_id, until))
        if region.leader is None or peer == region.leader:
            self._routes.store(route)
        await self._pd.learn_addresses((one.store_id for one in region.peers), min(until, _now() + PD_SEC))
        return route

    def _detour(self, state: "_Request", old: RegionRoute) -> RegionRoute:
        """Choose a route while PD has none: the old one, then the region's other copies, which know who leads.

        Successive calls for one request take them in turn.
        """
        peers = [old.peer, *(peer for peer in old.region.peers if peer.store_id != old.peer.store_id)]
        candidates = [(peer, at) for peer in peers if (at := self._pd.known_address(peer.store_id))]
        if not candidates:
            raise NoAnswer("no_route", "PD names no route, and none is known of before")
        untried = [candidate for candidate in candidates if candidate[0].store_id not in state.avoided_stores]
        if not untried:
            state.avoided_stores.clear()
        responsive = [candidate for candidate in untried if self._silent_until.get(candidate[0].store_id, 0.0) < _now()]
        choice = responsive or untried or candidates
        peer, address = choice[state.detours % len(choice)]
        state.detours += 1
        return RegionRoute(old.region, peer, address)

    def _trusted_route(self, state: "_Request") -> RegionRoute | None:
        route = self._routes.find(state.key)
        return None if route is None or route.peer.store_id in state.avoided_stores else route

    async def _handle_region_error(self, state: "_Request", route: RegionRoute, error: wire.RegionError) -> None:
        self._routes.mark_doubtful(route)
        state.is_doubtful |= not any(error.HasField(field) for field in _REFUSED_BEFORE)
        if error.HasField("not_leader"):
            hint = error.not_leader.leader
            if not hint.store_id:
                self._record_error(state, NoAnswer("election", "the region has no leader: an election is going on"))
                return
            await self._follow_hint(state, route, peer_from(hint))
        elif error.HasField("server_is_busy"):
            self._record_error(state, NoAnswer("busy", f"{route.address} is busy"))
        elif any(error.HasField(field) for field in _MOVED):
            self._record_error(state, NoAnswer("no_route", "PD's route to the key is out of date"))
            state.pause_sec = 0.0 if self._is_first_turn(state) else BACK_OFF_SEC
        else:
            if error.HasField("store_not_match"):
                self._pd.forget_address(route.peer.store_id)
            self._record_error(state, NoAnswer("refused", f"{route.address} refused: {error.message[:200]}"))

    async def _follow_hint(self, state: "_Request", route: RegionRoute, hint: Peer) -> None:
        """Go to the leader that a follower names; at once, unless that was tried."""
        self.counts["moved"] += 1
        if hint.store_id in state.avoided_stores:
            state.avoided_stores.discard(hint.store_id)
        else:
            state.pause_sec = 0.0 if self._is_first_turn(state) else BACK_OFF_SEC
        try:
            address = await self._pd.address(hint.store_id, min(state.until, _now() + PD_SEC))
        except NoAnswer as trouble:
            self._record_error(state, trouble)
            return
        self._routes.store(RegionRoute(route.region, hint, address))

    def _is_first_turn(self, state: "_Request") -> bool:
        """Count a change of route, and return whether it is this request's first, which needs no pause."""
        state.turns += 1
        return state.turns == 1

    def _record_error(self, state: "_Request", trouble: NoAnswer) -> None:
        self.counts[trouble.reason] += 1
        state.trouble = trouble
        if trouble.reason == "election":
            state.election = trouble


class _Request:
    """One read or write until it is answered: its deadline, and what it has met so far.

    `avoided_stores`: stores that did not answer this request. `is_doubtful`: an earlier try may have had an effect.
    """

    def __init__(self, key: bytes, until: float, within_sec: float) -> None:
        self.key, self.until, self.within_sec = key, until, within_sec
        self.pause_sec = BACK_OFF_SEC
        self.avoided_stores: set[int] = set()
        self.turns = 0
        self.detours = 0
        self.is_doubtful = False
        self.trouble: NoAnswer | None = None
        self.election: NoAnswer | None = None

    def choose(self, region: KeyRegion) -> Peer:
        """Return the leader, unless it gave this request no answer; then another peer, which knows of an election."""
        wanted = [region.leader] if region.leader is not None else []
        able = [peer for peer in [*wanted, *region.peers] if peer.store_id not in self.avoided_stores]
        if not able:
            self.avoided_stores.clear()
        return (able or [*wanted, *region.peers])[0]

    def final_error(self) -> NoAnswer:
        """Return the error to raise: an election explains more than the last error."""
        silence = NoAnswer("no_route", f"PD did not answer in {self.within_sec * 1000:.0f} ms")
        return self.election or self.trouble or silence


def _now() -> float:
    return asyncio.get_running_loop().time()


def _positive(within_sec: float) -> float:
    if not (math.isfinite(within_sec) and within_sec > 0):
        raise InvalidValue(f"within_sec must be above 0, not {within_sec!r}")
    return within_sec
