"""The fake cluster's answers: PD over HTTP and gRPC, a store's status port, a store's raw reads and writes."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import grpc
from aiohttp import web
from google.protobuf.message import Message

from demo.subjects.tikv.proto import raw_pb2 as wire
from tests.support.fake_pd_shapes import member, metrics, pd_body
from tests.support.fake_pd_state import WAIT_SEC, Group, Node, State

BASE = "/pd/api/v1"
FLOOD_CHUNKS = 16_384
CHECK_INTERVAL_SEC = 0.02
ALLOW = "PD-Allow-follower-handle"
REDIRECT = "[PD:apiutil:ErrRedirect]redirect failed\n"
NOT_BOOTSTRAPPED = "[PD:cluster:ErrNotBootstrapped]"

ENDLESS = ("/stats/region",)
"""Of a cluster whose regions are an exact multiple of 1,000 PD never ends to count: nobody may ask for it."""

OF_CLUSTER = ("/stores", "/regions", "/regions/count")
"""What there is only once a store has come."""


def pd_app(state: State, pd: Node) -> web.Application:
    async def answer(request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix(BASE)
        if not request.path.startswith(BASE):
            raise web.HTTPNotFound
        state.asked[path] += 1
        if path in ENDLESS:
            await asyncio.Event().wait()
        is_local = ALLOW in request.headers
        if path == "/ping":
            return await _send(request, pd, path, b"", "text/plain")
        if path == "/leader" and is_local:
            return await _send(request, pd, path, json.dumps(_named(state, pd)).encode(), "application/json")
        if path == "/health":
            await _ping_in_turn(state)
        elif refusal := await _forwarded(state, pd, waits=is_local):
            return refusal
        if path in OF_CLUSTER and not state.is_bootstrapped:
            return web.json_response(f"{NOT_BOOTSTRAPPED}TiKV cluster not bootstrapped", status=500)
        with state.lock:
            body = pd_body(state, path)
        if body is None:
            raise web.HTTPNotFound
        return await _send(request, pd, path, json.dumps(body).encode(), "application/json")

    return _app(answer)


def _named(state: State, pd: Node) -> Any:
    return None if pd.has_no_heartbeat else member(state, state.pds[state.reported_pd_leader])


async def _ping_in_turn(state: State) -> None:
    """Every member, one after the other: who does not even refuse costs the whole wait."""
    for pd in state.pds.values():
        if pd.is_paused:
            await asyncio.sleep(WAIT_SEC * state.pace)


async def _forwarded(state: State, pd: Node, *, waits: bool) -> web.Response | None:
    """A follower's answer is the leader's: it hangs with that, and refuses without. `waits`: it looks for itself."""
    until = time.monotonic() + WAIT_SEC * state.pace
    while state.pd_leader != pd.name and state.pd_leader and state.pds[state.pd_leader].is_paused:  # noqa: ASYNC110
        await asyncio.sleep(CHECK_INTERVAL_SEC)
    while state.pd_leader is None:
        is_over = time.monotonic() > until
        if not waits and (not state.has_pd_majority or state.is_in_lease):
            if not state.hangs:
                return web.Response(status=500, text=REDIRECT)
        elif is_over:
            return web.Response(status=500 if waits else 503, text="no leader\n")
        await asyncio.sleep(CHECK_INTERVAL_SEC)
    return None


def status_app(state: State, store: Node) -> web.Application:
    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path not in ("/status", "/metrics"):
            raise web.HTTPNotFound
        with state.lock:
            body = b"" if request.path == "/status" else metrics(store).encode()
        return await _send(request, store, request.path, body, "text/plain")

    return _app(answer)


def _app(answer: Callable[[web.Request], Any]) -> web.Application:
    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    return app


async def _send(request: web.Request, node: Node, path: str, body: bytes, kind: str) -> web.StreamResponse:
    await asyncio.sleep(node.delay_sec)
    if node.rewrite is not None:
        body = node.rewrite(path, body)
    if node.mode == "whole":
        return web.Response(body=body, content_type=kind)
    response = web.StreamResponse()
    if node.mode == "cut":
        response.content_length = len(body) + 1000
    await response.prepare(request)
    await response.write(body)
    for _ in range(FLOOD_CHUNKS if node.mode == "flood" else 0):
        await response.write(b" " * 65536)
    if request.transport is not None:
        request.transport.abort()
    return response


class PdService:
    """`pdpb.PD`, as one member answers it."""

    def __init__(self, state: State, pd: Node) -> None:
        self.state, self.pd = state, pd

    def get_members(self, _: wire.GetMembersRequest, context: grpc.ServicerContext) -> wire.GetMembersResponse:
        """It asks etcd, which hangs without a leader; and names the old one as long as there is no other."""
        _hold(self.pd, context)
        state = self.state
        with state.lock:
            wait = min(WAIT_SEC * state.pace, context.time_remaining() or 0.0)
            if not state.lock.wait_for(lambda: state.pd_leader is not None, timeout=wait):
                context.abort(grpc.StatusCode.UNKNOWN, "etcdserver: no leader")
        members = [_member(state, pd) for pd in state.pds.values()]
        return wire.GetMembersResponse(
            header=self._header(), members=members, leader=_member(state, state.pds[state.reported_pd_leader])
        )

    def get_region(self, request: wire.GetRegionRequest, context: grpc.ServicerContext) -> wire.GetRegionResponse:
        refusal = self._refusal(request.header, context)
        if refusal is not None:
            return wire.GetRegionResponse(header=refusal)
        self.pd.calls["region"] += 1
        group = self.state.group_of(request.region_key)
        if group is None:
            return wire.GetRegionResponse(header=self._header())
        leader = None if group.reported_leader is None else _peer(group, group.reported_leader)
        return wire.GetRegionResponse(header=self._header(), region=_region(group), leader=leader)

    def scan_regions(self, request: wire.ScanRegionsRequest, context: grpc.ServicerContext) -> wire.ScanRegionsResponse:
        refusal = self._refusal(request.header, context)
        if refusal is not None:
            return wire.ScanRegionsResponse(header=refusal)
        assert request.limit > 0, "it has no limit without one"
        self.pd.calls["scan"] += 1
        groups = sorted(self.state.groups.values(), key=lambda group: group.start)
        found = [group for group in groups if not group.end or group.end > request.start_key][: request.limit]
        leaders = [None if group.reported_leader is None else _peer(group, group.reported_leader) for group in found]
        scanned = [wire.ScannedRegion(region=_region(g), leader=at) for g, at in zip(found, leaders, strict=True)]
        return wire.ScanRegionsResponse(header=self._header(), regions=scanned)

    def get_store(self, request: wire.GetStoreRequest, context: grpc.ServicerContext) -> wire.GetStoreResponse:
        refusal = self._refusal(request.header, context)
        if refusal is not None:
            return wire.GetStoreResponse(header=refusal)
        store = self.state.store(request.store_id)
        if store is None:
            said = f"invalid store ID {request.store_id}, not found"
            return wire.GetStoreResponse(header=wire.ResponseHeader(error=wire.PdError(type=1, message=said)))
        found = wire.Store(
            id=store.ident, address=self.state.at(store, 20160), status_address=self.state.at(store, 20180)
        )
        return wire.GetStoreResponse(header=self._header(), store=found)

    def _header(self) -> wire.ResponseHeader:
        return wire.ResponseHeader(cluster_id=self.state.cluster_id)

    def _refusal(self, header: wire.RequestHeader, context: grpc.ServicerContext) -> wire.ResponseHeader | None:
        _hold(self.pd, context)
        if self.state.pd_leader != self.pd.name:
            if not self.state.refuses_in_header:
                context.abort(grpc.StatusCode.UNAVAILABLE, "not leader")
            return wire.ResponseHeader(error=wire.PdError(type=1, message="is not leader"))
        if header.cluster_id != self.state.cluster_id:
            said = f"mismatch cluster id, need {self.state.cluster_id} but got {header.cluster_id}"
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, said)
        if not self.state.is_bootstrapped:
            return wire.ResponseHeader(error=wire.PdError(type=2, message="TiKV cluster not bootstrapped"))
        return None

    def handlers(self) -> grpc.GenericRpcHandler:
        return grpc.method_handlers_generic_handler(
            "pdpb.PD",
            {
                "GetMembers": _unary(self.get_members, wire.GetMembersRequest),
                "GetRegion": _unary(self.get_region, wire.GetRegionRequest),
                "ScanRegions": _unary(self.scan_regions, wire.ScanRegionsRequest),
                "GetStore": _unary(self.get_store, wire.GetStoreRequest),
            },
        )


class StoreService:
    """`tikvpb.Tikv`, as one store answers it."""

    def __init__(self, state: State, store: Node) -> None:
        self.state, self.store = state, store

    def put(self, request: wire.RawPutRequest, context: grpc.ServicerContext) -> wire.RawPutResponse:
        self.store.calls["put"] += 1
        wrong = self._wrong(request.context, request.key, context)
        if wrong is None:
            self.state.data[request.key] = request.value
        return wire.RawPutResponse(region_error=wrong, error="" if request.cf in ("", "default") else "bad cf")

    def get(self, request: wire.RawGetRequest, context: grpc.ServicerContext) -> wire.RawGetResponse:
        self.store.calls["get"] += 1
        wrong = self._wrong(request.context, request.key, context)
        value = self.state.data.get(request.key)
        if wrong is not None or value is None:
            return wire.RawGetResponse(region_error=wrong, not_found=wrong is None)
        return wire.RawGetResponse(value=value)

    def _wrong(self, asked: wire.Context, key: bytes, context: grpc.ServicerContext) -> wire.RegionError | None:
        _hold(self.store, context)
        group = self.state.groups.get(asked.region_id)
        if asked.peer.store_id != self.store.ident:
            return wire.RegionError(message="store not match", store_not_match=wire.Present())
        if group is None:
            return wire.RegionError(message="region not found", region_not_found=wire.Present())
        misplaced = self._misplaced(group, asked.region_epoch, key)
        if misplaced is not None:
            return misplaced
        with self.state.lock:  # a write without a majority waits, as raft does
            enough = self.state.lock.wait_for(lambda: self.state.has_quorum(group), timeout=context.time_remaining())
        if not enough:
            context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "no majority")
        return None

    def _misplaced(self, group: Group, epoch: wire.RegionEpoch, key: bytes) -> wire.RegionError | None:
        if group.leader != self.store.ident:
            leader = None if group.followers_leader is None else _peer(group, group.followers_leader)
            return wire.RegionError(not_leader=wire.NotLeader(region_id=group.ident, leader=leader))
        if (epoch.version, epoch.conf_ver) != (group.version, group.conf_ver):
            return wire.RegionError(message="epoch not match", epoch_not_match=wire.Present())
        if not group.holds(key):
            return wire.RegionError(message="key not in region", key_not_in_region=wire.Present())
        return wire.RegionError(message="busy", server_is_busy=wire.Present()) if self.store.busy else None

    def handlers(self) -> grpc.GenericRpcHandler:
        return grpc.method_handlers_generic_handler(
            "tikvpb.Tikv",
            {"RawPut": _unary(self.put, wire.RawPutRequest), "RawGet": _unary(self.get, wire.RawGetRequest)},
        )


def _unary(
    handle: Callable[[Any, grpc.ServicerContext], Message], request: type[Message]
) -> "grpc.RpcMethodHandler[Any, Any]":
    return grpc.unary_unary_rpc_method_handler(handle, request.FromString, lambda answer: answer.SerializeToString())


def _hold(node: Node, context: grpc.ServicerContext) -> None:
    if node.delay_sec:
        time.sleep(min(node.delay_sec, context.time_remaining() or 0.0))


def _member(state: State, pd: Node) -> wire.Member:
    return wire.Member(name=pd.name, member_id=pd.ident, client_urls=[f"http://{state.at(pd, 2379)}"])


def _peer(group: Group, store: int) -> wire.Peer:
    return wire.Peer(id=group.peers[store], store_id=store)


def _region(group: Group) -> wire.Region:
    return wire.Region(
        id=group.ident,
        start_key=group.start,
        end_key=group.end,
        region_epoch=wire.RegionEpoch(conf_ver=group.conf_ver, version=group.version),
        peers=[_peer(group, store) for store in group.peers],
    )
