"""Real containers for tests: one small image of busybox, containers under a prefix of their own, removed at the end."""

import atexit
import functools
import io
import json
import os
import shutil
import subprocess
import tarfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

BUSYBOX = "/bin/busybox"
PORT = 8080
SERVES = f'trap "exit 0" TERM; mkdir -p /www; echo "$NAME" > /www/name; httpd -f -p {PORT} -h /www & wait'
"""Answers `/name` with its name, and ends on SIGTERM as PID 1 does not by itself."""

TIMEOUT_SEC = 60


def docker(*words: str, given: bytes | None = None) -> str:
    """The docker command; what it said. An assertion that it worked."""
    done = subprocess.run(["docker", *words], input=given, capture_output=True, timeout=TIMEOUT_SEC, check=False)
    assert done.returncode == 0, f"docker {' '.join(words)}: {done.stderr.decode()}"
    return done.stdout.decode().strip()


@functools.cache
def missing() -> str:
    """Empty where containers can be made, else what keeps them from it."""
    if shutil.which("docker") is None:
        return "there is no docker command"
    asked = subprocess.run(["docker", "info"], capture_output=True, text=True, timeout=TIMEOUT_SEC, check=False)
    if asked.returncode != 0:
        return f"no container engine answers: {asked.stderr.strip()[:200]}"
    return "" if Path(BUSYBOX).exists() else f"{BUSYBOX} is missing (busybox-static)"


@functools.cache
def image() -> str:
    """Made once in a test run: busybox, and nothing else."""
    name = f"chaos-stage-test:{uuid.uuid4().hex[:12]}"
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        tar.add(Path(BUSYBOX).resolve(), "bin/busybox")
        for word in ("sh", "httpd", "mkdir", "sleep"):
            link = tarfile.TarInfo(f"bin/{word}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
        folder = tarfile.TarInfo("tmp")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o1777
        tar.addfile(folder)
    docker("import", "--change", "ENV PATH=/bin", "-", name, given=packed.getvalue())
    atexit.register(subprocess.run, ["docker", "rmi", "--force", name], capture_output=True, check=False)
    return name


class ContainerGroup:
    """The containers and networks of one test, under a prefix of its own that completes their names."""

    def __init__(self) -> None:
        self.project = f"chaos-stage-test-{uuid.uuid4().hex[:8]}"
        self._networks: list[str] = []

    def name(self, short: str) -> str:
        return f"{self.project}-{short}"

    def network(self, short: str = "net", *options: str) -> str:
        docker("network", "create", *options, self.name(short))
        self._networks.append(self.name(short))
        return self.name(short)

    def run(
        self,
        short: str,
        *options: str,
        service: str | None = None,
        target: bool = True,
        labels: Mapping[str, str] | None = None,
        publish: int | None = None,
        command: Sequence[str] = ("sh", "-c", SERVES),
    ) -> str:
        """Start one that answers on its port; its id. `service` is its compose service, `short` unless told."""
        told = {"com.docker.compose.project": self.project, "com.docker.compose.service": service or short}
        told |= {"demo.target": "true"} if target else {}
        marks = [word for key, value in (told | dict(labels or {})).items() for word in ("--label", f"{key}={value}")]
        ports = ["--publish", f"127.0.0.1:{publish}:{PORT}"] if publish is not None else []
        named = ["--name", self.name(short), "--env", f"NAME={short}"]
        return docker("run", "--detach", *named, *marks, *ports, *options, image(), *command)

    def state(self, short: str) -> str:
        return str(self.inspect(short)["State"]["Status"])

    def inspect(self, short: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(docker("inspect", "--type", "container", self.name(short)))[0]
        return found

    def aliases(self, short: str) -> dict[str, set[str]]:
        """By network, without the short id that the engine adds."""
        told = self.inspect(short)
        return {
            name: set(endpoint["Aliases"] or ()) - {told["Id"][:12]}
            for name, endpoint in told["NetworkSettings"]["Networks"].items()
        }

    def remove(self) -> None:
        """All that carries the prefix."""
        mark = f"label=com.docker.compose.project={self.project}"
        if left := docker("ps", "--all", "--quiet", "--filter", mark).split():
            docker("rm", "--force", "--volumes", *left)
        for network in self._networks:
            subprocess.run(["docker", "network", "rm", network], capture_output=True, check=False)


@contextmanager
def container_group() -> Iterator[ContainerGroup]:
    """Skips where no engine answers, and fails there in CI: what was not tried must not look tried."""
    if why := missing():
        assert not os.environ.get("CI"), why
        pytest.skip(f"NOT TRIED on real containers: {why}")
    containers = ContainerGroup()
    try:
        yield containers
    finally:
        containers.remove()
