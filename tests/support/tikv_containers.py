"""The contract cluster's nodes in real containers: the packaged compose file, each part killed and healed for real.

No image of PD or TiKV can be loaded here. So a container holds busybox only, in the places of `/pd-server` and
`/tikv-server`: it relays its ports to the contract cluster in the test's process, and tells it ten times a second
that it lives. Silence is its death: its regions lose their leader, and get another one after a while.
"""

import asyncio
import contextlib
import functools
import io
import ipaddress
import os
import subprocess
import tarfile
import threading
import time
import uuid
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from demo.processes.ports import claim, free_ports, is_free
from tests.support.containers import BUSYBOX, docker, missing
from tests.support.fake_pd import Cluster
from tests.support.servers import Server

ROOT = Path(__file__).parents[2]
PARTS = ("pd0", "pd1", "pd2", "tikv0", "tikv1", "tikv2")
SILENT_SEC = 0.4
ELECT_SEC = 1.5
UP_SEC = 40.0
APPLETS = ("sh", "nc", "sleep", "echo", "printf", "cat")

SERVER = r"""#!/bin/sh
trap 'exit 0' TERM
for word in "$@"; do case $word in
  --name=*) name=${word#*=}; ports=2379;;
  --advertise-addr=*) name=${word#*=}; name=${name%:*}; ports="20160 20180";;
esac; done
for port in $ports; do
  eval "there=\$${name}_$port"
  nc -ll -p $port -e nc $hub $there &
done
while :; do
  { while echo $name; do sleep 0.1; done; } | nc $hub $heart
  sleep 0.1
done & wait
"""


class Stand:
    """A contract cluster, and the hub that containers reach it by. In use from the `with` on."""

    def __init__(self, pace: float = 0.4) -> None:
        self.cluster = Cluster(pace=pace)
        self.ports: dict[str, int] = {}
        self._heard: dict[str, float] = {}
        self._lost: dict[str, float] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="hub", daemon=True)
        self._servers: list[asyncio.Server] = []
        self._watching: asyncio.Future[None] | None = None

    def __enter__(self) -> "Stand":
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
        self.ports["heart"] = await self._serve(self._listen)
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
        """Deaths and returns, and the elections that follow."""
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
            server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    @contextmanager
    def image(self) -> Iterator[str]:
        """Of busybox, and where this hub is."""
        name = f"chaos-stage-test-tikv:{uuid.uuid4().hex[:12]}"
        told = [f"ENV {key.replace(':', '_')}={port}" for key, port in self.ports.items()] + [f"ENV hub={hub()}"]
        changes = [word for line in ("ENV PATH=/bin", *told) for word in ("--change", line)]
        docker("import", *changes, "-", name, given=_packed())
        try:
            yield name
        finally:
            subprocess.run(["docker", "rmi", "--force", name], capture_output=True, check=False)


@functools.cache
def hub() -> str:
    """An address of this machine that containers of every network reach, and nobody from outside does."""
    subnet = docker("network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Subnet}}")
    return str(ipaddress.ip_network(subnet)[1])


def _packed() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        tar.add(Path(BUSYBOX).resolve(), "bin/busybox")
        for word in APPLETS:
            link = tarfile.TarInfo(f"bin/{word}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
        folder = tarfile.TarInfo("tmp")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o1777
        tar.addfile(folder)
        for name in ("pd-server", "tikv-server"):
            program = tarfile.TarInfo(name)
            program.size, program.mode = len(SERVER), 0o755
            tar.addfile(program, io.BytesIO(SERVER.encode()))
    return packed.getvalue()


async def _relay(port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    back, forth = await asyncio.open_connection("127.0.0.1", port)
    ways = [asyncio.ensure_future(_pump(reader, forth)), asyncio.ensure_future(_pump(back, writer))]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        forth.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(65536):
        writer.write(chunk)
        await writer.drain()


class Project:
    """A compose project's name and ports, and what the engine says of it past any server."""

    def __init__(self, image: str) -> None:
        self.image = image
        self.name = f"chaos-stage-test-{uuid.uuid4().hex[:8]}"
        self.first_port = nine_ports()

    @property
    def environ(self) -> dict[str, str]:
        return {"DEMO_PD_IMAGE": self.image, "DEMO_TIKV_IMAGE": self.image}

    def show(self, *more: str, **how: Any) -> Server:
        own = ("-o", f"project={self.name}", "-o", f"base-port={self.first_port}")
        return Server("tikv", *own, *more, env=self.environ, **how)

    def compose(self, *words: str) -> None:
        """As a user would by hand, with ports of the default file's own choice moved away."""
        names = [*(f"PD{n}" for n in range(3)), *(f"{kind}{n}" for n in range(3) for kind in ("TIKV", "STATUS"))]
        ports = {f"DEMO_PORT_{name}": str(self.first_port + place) for place, name in enumerate(names)}
        file = ROOT / "demo/subjects/tikv/compose.yaml"
        command = ["docker-compose", "-p", self.name, "-f", str(file), *words]
        told = {**os.environ, **self.environ, **ports}
        done = subprocess.run(command, env=told, capture_output=True, text=True, timeout=90, check=False)
        assert done.returncode == 0, done.stderr

    def states(self) -> dict[str, str]:
        """Service → state."""
        asked = '{{.Label "com.docker.compose.service"}} {{.State}}'
        said = docker("ps", "--all", "--filter", f"label=com.docker.compose.project={self.name}", "--format", asked)
        return dict(line.split() for line in said.splitlines())

    def remove(self) -> None:
        mine = ("--filter", f"label=com.docker.compose.project={self.name}")
        if left := docker("ps", "--all", "--quiet", *mine).split():
            docker("rm", "--force", "--volumes", *left)
        for network in docker("network", "ls", "--quiet", *mine).split():
            docker("network", "rm", network)


def nine_ports() -> int:
    """The first of nine free ones in a row."""
    while True:
        first = free_ports(1)[0]
        if all(is_free(first + more) and claim(first + more) for more in range(1, 9)):
            return first


@contextmanager
def on_stage(pace: float = 0.4) -> Iterator[tuple[Stand, Project]]:
    """Skips where no engine answers, and fails there in CI; removes everything in the end."""
    if why := missing():
        assert not os.environ.get("CI"), why
        pytest.skip(f"NOT TRIED on real containers: {why}")
    with Stand(pace) as stand, stand.image() as image:
        project = Project(image)
        try:
            yield stand, project
        finally:
            project.remove()
