"""The fake cluster's nodes in real containers: the packaged compose file, each part killed and healed for real.

No image of PD or TiKV can be loaded here. So a container holds busybox only, in the places of `/pd-server` and
`/tikv-server`: it relays its ports to the fake cluster (`fake_tikv_hub.py`), and tells it ten times a second
that it lives. Silence is its death: its regions lose their leader, and get another one after a while.
"""

import io
import json
import os
import subprocess
import sys
import tarfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from demo.processes.ports import claim, free_ports, is_free
from tests.support.containers import BUSYBOX, docker, missing
from tests.support.fake_tikv_hub import hub
from tests.support.servers import Server

ROOT = Path(__file__).parents[2]
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
  { while echo $name; do sleep 0.1; done; } | nc $hub $heartbeat
  sleep 0.1
done & wait
"""


@contextmanager
def fake_tikv_hub(pace: float) -> Iterator[dict[str, int]]:
    """The fake cluster in a process of its own: its node and port, as `tikv0:20160`, or `heartbeat` → a port here."""
    command = [sys.executable, "-m", "tests.support.fake_tikv_hub", str(pace)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.stdin.close()
            try:
                code = process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
            assert code == 0, "the fake cluster was used as a real one cannot be: see its output"


@contextmanager
def image(ports: Mapping[str, int]) -> Iterator[str]:
    """Of busybox, and where this hub is."""
    name = f"chaos-stage-test-tikv:{uuid.uuid4().hex[:12]}"
    told = [f"ENV {key.replace(':', '_')}={port}" for key, port in ports.items()] + [f"ENV hub={hub()}"]
    changes = [word for line in ("ENV PATH=/bin", *told) for word in ("--change", line)]
    docker("import", *changes, "-", name, given=_packed())
    try:
        yield name
    finally:
        subprocess.run(["docker", "rmi", "--force", name], capture_output=True, check=False)


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


class Project:
    """A compose project's name and ports, and what the engine says of it without any server."""

    def __init__(self, image: str) -> None:
        self.image = image
        self.name = f"chaos-stage-test-{uuid.uuid4().hex[:8]}"
        self.first_port = find_nine_free_ports()

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


def find_nine_free_ports() -> int:
    """The first of nine free ones in a row."""
    while True:
        first = free_ports(1)[0]
        if all(is_free(first + more) and claim(first + more) for more in range(1, 9)):
            return first


@contextmanager
def running_cluster(pace: float = 0.4) -> Iterator[Project]:
    """Skips where no engine answers, and fails there in CI; removes everything in the end."""
    if why := missing():
        assert not os.environ.get("CI"), why
        pytest.skip(f"NOT TRIED on real containers: {why}")
    with fake_tikv_hub(pace) as ports, image(ports) as imported:
        project = Project(imported)
        try:
            yield project
        finally:
            project.remove()
