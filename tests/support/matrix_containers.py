"""The matrix on containers of a real engine: its cells, the containers of all of them, and an engine that is away."""

import contextlib
import json
import subprocess
import time
from collections.abc import Callable
from typing import Any

import httpx

from demo.processes.ports import free_ports
from tests.support import fetch
from tests.support.containers import ContainerGroup, docker
from tests.support.engine_proxy import EngineProxy, engine_proxy
from tests.support.matrix import HEALERS, SCENARIOS, Cell, CellRun, inject, reap, stopped_at_exit, until_whole
from tests.support.self_killing_containers import FAULTS, SERVICES
from tests.support.self_killing_subject import STEPS
from tests.support.servers import wait_for

AWAY_SEC = 6.0
"""Longer than an answer may take."""
NETWORKS = ("front", "back")


class ContainerSystem:
    """Three web servers, each on a port and on two networks."""

    faults_replacing_target = ("kill", "stop")
    late_sec = 0.0

    def __init__(self) -> None:
        self.containers = ContainerGroup()
        self.ports = dict(zip(SERVICES, free_ports(len(SERVICES)), strict=True))
        self.own_scenarios = OWN_SCENARIOS
        for network in NETWORKS:
            self.containers.network(network)
        for service in SERVICES:
            self._make(service)
        until_whole(self)

    def _make(self, service: str) -> None:
        front, back = map(self.containers.name, NETWORKS)
        self.containers.run(
            service, "--network", front, "--network-alias", f"{service}.front", publish=self.ports[service]
        )
        docker("network", "connect", "--alias", f"{service}.back", back, self.containers.name(service))

    @property
    def serve_args(self) -> tuple[str, ...]:
        ports = [word for port in self.ports.values() for word in ("-o", f"ports={port}")]
        return ("tests.support.self_killing_containers:Three", "-o", f"project={self.containers.project}", *ports)

    def list_broken(self) -> list[str]:
        """As the docker command and a client of theirs see them."""
        found = []
        for service, told in self._inspected().items():
            networks = {name: set(e["Aliases"] or ()) for name, e in told["NetworkSettings"]["Networks"].items()}
            wanted = {self.containers.name(network): f"{service}.{network}" for network in NETWORKS}
            names = [name for name, alias in wanted.items() if alias not in networks.get(name, ())]
            found += [f"{service} is {told['State']['Status']}"] if told["State"]["Status"] != "running" else []
            found += [f"{service} is not on {', '.join(names)}"] if names else []
            found += [] if self._answers(service) else [f"{service} does not answer"]
        return found

    def _inspected(self) -> dict[str, dict[str, Any]]:
        names = {self.containers.name(service): service for service in SERVICES}
        said = subprocess.run(["docker", "inspect", *names], capture_output=True, timeout=60, check=False).stdout
        told = {names[container["Name"].lstrip("/")]: container for container in json.loads(said)}
        missing = {"State": {"Status": "missing"}, "NetworkSettings": {"Networks": {}}}
        return {service: told.get(service, missing) for service in SERVICES}

    def _answers(self, service: str) -> bool:
        with contextlib.suppress(httpx.HTTPError), fetch.client(timeout=1.0, trust_env=False) as client:
            return client.get(f"http://127.0.0.1:{self.ports[service]}/name").text.strip() == service
        return False

    def target_identity(self, fault: str) -> tuple[str, str]:
        told = self.containers.inspect(FAULTS[fault][1])
        return told["Id"], told["State"]["StartedAt"]

    def replace(self, fault: str) -> None:
        """By a new container of the same name."""
        service = FAULTS[fault][1]
        docker("rm", "--force", self.containers.name(service))
        self._make(service)

    def repair(self) -> None:
        for fault in FAULTS:
            self.replace(fault)
        until_whole(self)

    def end(self) -> None:
        self.containers.remove()


def engine_away(
    run: CellRun,
    *,
    gone: Callable[[EngineProxy], None] = EngineProxy.cut,
    back: Callable[[EngineProxy], None] = EngineProxy.restore,
) -> None:
    """It does not answer while the server heals: that is no heal, and is made up for when it is back."""
    with engine_proxy() as proxy:
        run.env["DOCKER_HOST"] = proxy.url
        with stopped_at_exit(run.serve()) as server:
            inject(server, run.cell.fault)
            gone(proxy)
            server.client.post(f"/chaos/{run.cell.fault}/heal")
            _is_left_alone(run)
            back(proxy)
            until_whole(run.system)
            run.until_settled()
            server.until(lambda state: all(f["state"] == "idle" for f in state["chaos"]))
        run.until_unwatched()


def engine_hangs(run: CellRun) -> None:
    engine_away(run, gone=EngineProxy.hang, back=EngineProxy.resume)


def engine_away_and_killed(run: CellRun) -> None:
    """The same for the watchdog."""
    with engine_proxy() as proxy:
        run.env["DOCKER_HOST"] = proxy.url
        server = run.serve()
        inject(server, run.cell.fault)
        proxy.cut()
        server.process.kill()
        reap(server)
        _is_left_alone(run)
        proxy.restore()
        until_whole(run.system)
        run.until_settled()
        run.until_unwatched()


def _is_left_alone(run: CellRun) -> None:
    """For some seconds, it stays broken and is never noted as healed."""
    until = time.monotonic() + AWAY_SEC
    wait_for(lambda: time.monotonic() > until or not run.pending(), AWAY_SEC + 1)
    assert run.pending(), "noted as healed while nobody could know"
    assert run.system.list_broken()


OWN_SCENARIOS = {
    "engine-away": engine_away,
    "engine-hangs": engine_hangs,
    "engine-away-and-killed": engine_away_and_killed,
}

CELLS = tuple(
    [Cell(fault, step, healer) for step in STEPS for healer in HEALERS for fault in FAULTS]
    + [Cell(fault, end) for end in (*SCENARIOS, *OWN_SCENARIOS) for fault in FAULTS]
)

_KINDS = [(step, HEALERS[place % 2]) for place, step in enumerate(STEPS)] + [
    (end, "") for end in (*SCENARIOS, *OWN_SCENARIOS)
]

SAMPLE = tuple(Cell(tuple(FAULTS)[place % len(FAULTS)], *kind) for place, kind in enumerate(_KINDS))
"""Each step and each end once; faults and healers take turns."""
