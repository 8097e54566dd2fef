"""Fake PDs and stores, three of each: their HTTP and gRPC on loopback ports, driven through a kill.

`python -m tests.support.fake_pd` prints its addresses as a line of JSON, then takes commands from standard input, one a
line: `kill tikv1`, `elect`, `revive tikv1`. With `--here` the nodes advertise the addresses that are printed.
"""

import asyncio
import json
import math
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import grpc
from aiohttp import web

from tests.support.fake_pd_answers import ENDLESS, PdService, StoreService, pd_app, status_app
from tests.support.fake_pd_state import FRESH, BodyRewrite, Node, State
from tests.support.tcp_gate import HOST, TcpGate

T = TypeVar("T")

TIMEOUT_SEC = 20.0
WORKERS = 16


class Cluster:
    """Serves from the `with` on, in threads of its own; every method may be called from any thread.

    Names are `pd0` to `pd2` and `tikv0` to `tikv2`. The regions lie between the `cuts`, led in turn by the stores:
    five of them in a fresh cluster, so all three lead.
    """

    def __init__(
        self,
        store_ids: Sequence[int] = (1, 4, 5),
        cuts: Sequence[bytes] = FRESH,
        pace: float = 1.0,
        advertises_names: bool = True,
    ) -> None:
        """`pace`: how long PD's own times last (its lease, its waits, heartbeats, "Disconnected"), 1 as in life.

        Without `advertises_names` the nodes tell where they are reached from here.
        """
        self.state = State(store_ids, cuts, pace)
        self._advertises_names = advertises_names
        self.addresses: dict[str, str] = {}
        """What the nodes call themselves (`tikv0:20160`) → where they are reached from here."""
        self._gates: dict[str, list[TcpGate]] = {}
        self._runners: list[web.AppRunner] = []
        self._servers: list[grpc.Server] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fake cluster", daemon=True)

    def __enter__(self) -> "Cluster":
        self._place = Path(tempfile.mkdtemp(prefix="pd-"))
        self._thread.start()
        self._await(self._start())
        if not self._advertises_names:
            self.state.reached = self.addresses
        return self

    def __exit__(self, *error: object) -> None:
        self._await(self._stop())
        for ended in [server.stop(0) for server in self._servers]:
            ended.wait(TIMEOUT_SEC)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(TIMEOUT_SEC)
        self._loop.close()
        shutil.rmtree(self._place, ignore_errors=True)
        asked = {path: self.state.asked[path] for path in ENDLESS if self.state.asked[path]}
        assert not asked, f"this never ends in a real PD: {asked}"

    def url(self, address: str) -> str:
        """`pd0:2379` or `tikv0:20180`, as reached from here."""
        return f"http://{self.addresses[address]}"

    @property
    def pd_urls(self) -> dict[str, str]:
        return {name: self.url(f"{name}:2379") for name in self.state.pds}

    @property
    def status_urls(self) -> dict[str, str]:
        return {name: self.url(f"{name}:20180") for name in self.state.stores}

    def kill(self, name: str, noticed: bool = True) -> None:
        """Its ports refuse, its regions have no leader. Not `noticed`: the others still name the dead one."""
        with self.state.lock:
            self.state.node(name).is_up = False
            self.state.node(name).is_paused = False
            self.state.lose(name, noticed)
        for gate in self._gates[name]:
            self._await(gate.shut())

    def revive(self, name: str) -> None:
        """Killed or paused, it runs again, as a follower; a killed one counts from 0."""
        with self.state.lock:
            node = self.state.node(name)
            if not node.is_up:
                node.calls.clear()
                node.has_no_heartbeat = name in self.state.pds and self.state.pd_leader is None
            node.is_up, node.is_paused, node.gone_at, node.beats_from = True, False, None, time.time()
            self.state.lock.notify_all()
        for gate in self._gates[name]:
            self._await(gate.open())

    def pause(self, name: str, noticed: bool = True, keep_old_silent: bool = False) -> None:
        """It takes connections and never answers. `keep_old_silent`: those open now stay silent even after `revive`."""
        with self.state.lock:
            self.state.node(name).is_paused = True
            self.state.lose(name, noticed)
        for gate in self._gates[name]:
            self._await(gate.freeze_existing_connections() if keep_old_silent else gate.pause())

    def elect(self, region: int | None = None, to: str | None = None) -> None:
        """A new leader for this region, or for every one without, and PD learns of it."""
        with self.state.lock:
            self.state.elect(region, to)

    def elect_pd(self, name: str) -> None:
        """A failover: the new leader has no heartbeat yet."""
        with self.state.lock:
            self.state.elect_pd(name)

    def register(self, name: str) -> None:
        """PD knows this store from now on, and has had no heartbeat of it: it says Down."""
        self.state.stores[name].has_no_heartbeat = True

    def beat(self, *names: str) -> None:
        """These stores, or all of them, send a heartbeat now."""
        for name in names or tuple(self.state.stores):
            store = self.state.stores[name]
            store.has_no_heartbeat, store.beats_from, store.beats_until = False, time.time(), math.inf

    def stop_heartbeats(self) -> None:
        """No store sends one from now on, until `beat`."""
        for store in self.state.stores.values():
            store.beats_until = time.time()

    def force_state(self, name: str, state: str | None) -> None:
        """What PD calls this store from now on; None: by its own clock."""
        self.state.stores[name].forced_state = state

    def slow(self, name: str, seconds: float) -> None:
        self.state.node(name).delay_sec = seconds

    def rewrite_body(self, name: str, rewrite: BodyRewrite | None) -> None:
        """Change this node's HTTP bodies on their way out."""
        self.state.node(name).rewrite = rewrite

    def mode(self, name: str, mode: str) -> None:
        """How this node's HTTP answers end: `whole`, `cut` off in the middle, or a `flood` of a gigabyte."""
        self.state.node(name).mode = mode

    def split(self, at: bytes) -> None:
        with self.state.lock:
            self.state.split(at)

    def _await(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(TIMEOUT_SEC)

    async def _start(self) -> None:
        for pd in self.state.pds.values():
            http, rpc = await self._http(pd_app(self.state, pd), pd), self._grpc(PdService(self.state, pd), pd)
            await self._open(pd, "2379", TcpGate(http, rpc))
        for store in self.state.stores.values():
            await self._open(store, "20160", TcpGate(None, self._grpc(StoreService(self.state, store), store)))
            await self._open(store, "20180", TcpGate(await self._http(status_app(self.state, store), store), None))

    async def _open(self, node: Node, port: str, gate: TcpGate) -> None:
        await gate.open()
        self._gates.setdefault(node.name, []).append(gate)
        self.addresses[f"{node.name}:{port}"] = f"{HOST}:{gate.port}"

    async def _http(self, app: web.Application, node: Node) -> Path:
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        place = self._place / f"{node.name}.http"
        await web.UnixSite(runner, str(place)).start()
        self._runners.append(runner)
        return place

    def _grpc(self, service: PdService | StoreService, node: Node) -> Path:
        server = grpc.server(ThreadPoolExecutor(WORKERS, thread_name_prefix=node.name))
        server.add_generic_rpc_handlers((service.handlers(),))
        place = self._place / f"{node.name}.grpc"
        server.add_insecure_port(f"unix:{place}")
        server.start()
        self._servers.append(server)
        return place

    async def _stop(self) -> None:
        for gate in [gate for gates in self._gates.values() for gate in gates]:
            await gate.remove()
        for runner in self._runners:
            await runner.cleanup()


def truncated(_: str, body: bytes) -> bytes:
    """JSON that ends in the middle."""
    return body[: len(body) // 2]


def html(_: str, __: bytes) -> bytes:
    return b"<!doctype html><title>502 Bad Gateway</title>"


def without(*keys: str) -> BodyRewrite:
    """Leaves these keys out, at any depth."""

    def strip(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: strip(inner) for key, inner in value.items() if key not in keys}
        return [strip(inner) for inner in value] if isinstance(value, list) else value

    return lambda _, body: json.dumps(strip(json.loads(body))).encode()


def strange(_: str, body: bytes) -> bytes:
    """Keys that nobody has heard of, at every depth."""

    def add(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: add(inner) for key, inner in value.items()} | {"from_the_future": {"id": [None, 1.5, "?"]}}
        return [add(inner) for inner in value] if isinstance(value, list) else value

    found = add(json.loads(body))
    return json.dumps(found).encode()


def main() -> None:
    with Cluster(advertises_names="--here" not in sys.argv) as cluster:
        print(json.dumps(cluster.addresses), flush=True)
        for line in sys.stdin:
            verb, *names = line.split()
            if verb in ("kill", "revive", "pause", "elect", "elect_pd", "force_state"):
                getattr(cluster, verb)(*names)
                print("done", flush=True)


if __name__ == "__main__":
    main()
