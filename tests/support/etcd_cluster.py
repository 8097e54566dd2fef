"""A real etcd cluster in containers for tests: an image of the installed etcd, and a project of each test's own."""

import functools
import os
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from demo.processes.ports import claim, free_ports, is_free
from tests.support.containers import docker, missing
from tests.support.servers import Server, wait_for

ROOT = Path(__file__).parents[2]
FILE = ROOT / "demo/subjects/etcd/compose.yaml"
IMAGE = "chaos-stage-etcd:test"
UP_SEC = 40.0


@functools.cache
def image() -> str:
    """Made once in a test run."""
    if why := missing() or ("" if shutil.which("etcd") else "there is no etcd (etcd-server)"):
        assert not os.environ.get("CI"), why
        pytest.skip(f"NOT TRIED on real containers: {why}")
    done = subprocess.run([ROOT / "scripts/etcd-image", IMAGE], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return IMAGE


def three_ports() -> int:
    """The first of three free ones in a row."""
    while True:
        first = free_ports(1)[0]
        if all(is_free(first + more) and claim(first + more) for more in (1, 2)):
            return first


class Project:
    """A compose project's name and ports, and what the engine says of it past any server."""

    def __init__(self) -> None:
        self.name = f"chaos-stage-test-{uuid.uuid4().hex[:8]}"
        self.first_port = three_ports()

    def options(self, *more: str) -> tuple[str, ...]:
        """What `demo serve` takes."""
        return ("etcd", "-o", f"project={self.name}", "-o", f"base-port={self.first_port}", *more)

    def states(self) -> dict[str, str]:
        """Service → state."""
        asked = '{{.Label "com.docker.compose.service"}} {{.State}}'
        said = docker("ps", "--all", "--filter", f"label=com.docker.compose.project={self.name}", "--format", asked)
        return dict(line.split() for line in said.splitlines())

    def container(self, service: str) -> str:
        """The id of its container."""
        mine = ("--filter", f"label=com.docker.compose.project={self.name}")
        return docker("ps", "--all", "--quiet", *mine, "--filter", f"label=com.docker.compose.service={service}")

    def compose(self, *words: str, file: Path = FILE, **environ: str) -> None:
        """As a user would by hand."""
        ports = {f"DEMO_PORT_{place}": str(self.first_port + place) for place in range(3)}
        told = {**os.environ, "DEMO_ETCD_IMAGE": image(), **ports, **environ}
        done = subprocess.run(
            ["docker-compose", "-p", self.name, "-f", str(file), *words],
            env=told,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def remove(self) -> None:
        mine = ("--filter", f"label=com.docker.compose.project={self.name}")
        if left := docker("ps", "--all", "--quiet", *mine).split():
            docker("rm", "--force", "--volumes", *left)
        for network in docker("network", "ls", "--quiet", *mine).split():
            docker("network", "rm", network)


@contextmanager
def project() -> Iterator[Project]:
    """Removed at the end, whatever a server left of it."""
    image()
    made = Project()
    try:
        yield made
    finally:
        made.remove()


def show(made: Project, *more: str, **how: Any) -> Server:
    """A server on it, not yet all up."""
    return Server(*made.options(*more), env={"DEMO_ETCD_IMAGE": image()}, **how)


def until_up(server: Server) -> dict[str, Any]:
    return server.until(lambda state: bool(state["health"] and not state["health"]["has_issues"]), UP_SEC)


def node(state: dict[str, Any], ident: str) -> dict[str, Any]:
    found: dict[str, Any] = next(node for node in state["health"]["nodes"] if node["id"] == ident)
    return found


def fault(state: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(fault for fault in state["chaos"] if fault["name"] == name)
    return found


def step(server: Server, number: int, limit: float = 60.0) -> dict[str, Any]:
    """Advance, and wait until chapter `number` stands with its action over."""
    assert server.client.post("/advance").status_code == 200
    return server.until(
        lambda state: state["chapter"]["number"] == number and state["chapter"]["status"] in ("idle", "done", "failed"),
        limit,
    )


def until_states(made: Project, condition: Callable[[dict[str, str]], bool], limit: float = 20.0) -> dict[str, str]:
    def look() -> dict[str, str] | None:
        states = made.states()
        return states if condition(states) else None

    return wait_for(look, limit, lambda: str(made.states()))
