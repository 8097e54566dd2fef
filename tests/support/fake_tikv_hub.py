"""The fake cluster behind a hub that containers reach: `tikv_containers.py` runs it as a process of its own.

`python -m tests.support.fake_tikv_hub PACE` prints its ports as a line of JSON, and ends when its standard input does.
Alone in its process, it keeps its times whatever the tests are busy with, and their files are not its connections.
"""

import asyncio
import contextlib
import functools
import ipaddress
import json
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

from tests.support.containers import docker
from tests.support.fake_pd import Cluster
from tests.support.tcp_gate import close_listener, until_one_ends

PARTS = ("pd0", "pd1", "pd2", "tikv0", "tikv1", "tikv2")
SILENT_SEC = 0.4
ELECT_SEC = 1.5


class FakeTikvHub:
    """A fake cluster, and the hub that containers reach it by. In use from the `with` on."""

    def __init__(self, pace: float = 0.4) -> None:
        self.cluster = Cluster(pace=pace)
        self.ports: dict[str, int] = {}
        self._heard: dict[str, float] = {}
        self._lost: dict[str, float] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="hub", daemon=True)
        self._servers: list[asyncio.Server] = []
        self._watching: asyncio.Future[None] | None = None

    def __enter__(self) -> "FakeTikvHub":
        self.cluster.__enter__()
        self._thread.start()
        self._await(self._open())
        return self

    def __exit__(self, *error: object) -> None:
        self._await(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
        self.cluster.__exit__(*error)

    def _await(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    async def _open(self) -> None:
        for advertised, address in self.cluster.addresses.items():
            self.ports[advertised] = await self._serve(functools.partial(_relay, int(address.rpartition(":")[2])))
        self.ports["heartbeat"] = await self._serve(self._listen)
        self._watching = asyncio.ensure_future(self._watch())

    async def _serve(self, answer: Callable[..., Coroutine[Any, Any, None]]) -> int:
        async def enter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await answer(reader, writer)
            writer.transport.abort()

        server = await asyncio.start_server(enter, hub(), 0)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def _listen(self, reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        while name := (await reader.readline()).decode().strip():
            if name in PARTS:
                self._heard[name] = time.monotonic()

    async def _watch(self) -> None:
        """Notice which nodes die and return, and hold the elections that follow."""
        while True:
            await asyncio.sleep(0.05)
            now = time.monotonic()
            for name, heard in self._heard.items():
                if now - heard > SILENT_SEC and name not in self._lost:
                    self._lost[name] = now
                    await asyncio.to_thread(self.cluster.kill, name)
                elif now - heard <= SILENT_SEC and name in self._lost:
                    del self._lost[name]
                    await asyncio.to_thread(self.cluster.revive, name)
            self._elect(now)

    def _elect(self, now: float) -> None:
        if any(lost > now - ELECT_SEC for lost in self._lost.values()):
            return
        state = self.cluster.state
        self.cluster.elect()
        alive = [name for name, pd in state.pds.items() if pd.is_running]
        if state.pd_leader is None and len(alive) > 1:
            self.cluster.elect_pd(alive[0])

    async def _close(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait([self._watching])
        for server in self._servers:
            await close_listener(server)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


@functools.cache
def hub() -> str:
    """An address of this machine that containers of every network reach, and nobody from outside does."""
    subnet = docker("network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Subnet}}")
    return str(ipaddress.ip_network(subnet)[1])


async def _relay(port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    back, forth = await asyncio.open_connection("127.0.0.1", port)
    try:
        await until_one_ends(_pump(reader, forth), _pump(back, writer))
    finally:
        forth.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(65536):
        writer.write(chunk)
        await writer.drain()


def main() -> None:
    with FakeTikvHub(float(sys.argv[1])) as fake:
        print(json.dumps(fake.ports), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
