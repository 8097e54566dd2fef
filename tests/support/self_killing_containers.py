"""Three web servers in containers that run by themselves, with faults that crash: see `self_killing_subject.py`."""

import asyncio
import contextlib
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from demo.container_engine import Engine, Selector
from demo.faults.container import ContainerFault, Fixed
from demo.subjects.none import NoSystem
from demo.types import ChaosConfig, ChaosType
from tests.support.container_faults import probe
from tests.support.self_killing_subject import Crashing, after, die

SERVICES = ("one", "two", "three")
FAULTS = {
    "kill": (ChaosType.CONTAINER_KILL, "one"),
    "stop": (ChaosType.CONTAINER_STOP, "two"),
    "pause": (ChaosType.CONTAINER_PAUSE, "three"),
    "disconnect": (ChaosType.NETWORK_DISCONNECT, "one"),
}
INTERVAL_SEC = 0.25


class Poller:
    """Asks each of them its name."""

    def __init__(self, subject: "Three") -> None:
        self._subject = subject
        self._health: dict[str, Any] | None = None
        self._ended = asyncio.Event()

    async def run(self) -> None:
        while not self._ended.is_set():
            up = await asyncio.gather(*(self._subject.is_up(service) for service in SERVICES))
            nodes = [
                {"id": service, "name": service, "type": "container", "health": "up" if is_up else "down"}
                for service, is_up in zip(SERVICES, up, strict=True)
            ]
            told = {"last_updated": datetime.now(UTC), "interval_sec": INTERVAL_SEC}
            self._health = {"nodes": nodes, "has_issues": not all(up), **told}
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(INTERVAL_SEC):
                    await self._ended.wait()

    def get_health(self) -> dict[str, Any] | None:
        return self._health

    def stop(self) -> None:
        self._ended.set()


class Three(NoSystem):
    name = "three"

    def __init__(self, project: str, ports: Sequence[int]) -> None:
        self._probes = {service: probe(port) for service, port in zip(SERVICES, ports, strict=True)}
        self._engine = Engine()
        self._poller = Poller(self)
        duration = float(os.environ.get("CRASH_DURATION", "60"))
        self._faults = tuple(
            Crashing(
                ContainerFault(
                    ChaosConfig(name, deed, name, duration),
                    Fixed(Selector(service=service)),
                    self._engine,
                    self.is_up,
                    project=project,
                )
            )
            for name, (deed, service) in FAULTS.items()
        )

    @property
    def poller(self) -> Poller:
        return self._poller

    @property
    def faults(self) -> Sequence[Any]:
        return self._faults

    async def is_up(self, service: str) -> bool:
        return await self._probes[service](service)

    async def stop(self) -> None:
        await self._engine.close()


def install_crash_points() -> None:
    """The engine has done it, and the driver does not know yet; of several networks, the first is left."""
    for name in FAULTS:
        after(Engine, name, lambda *told, name=name: die(name, "half-applied"))


install_crash_points()
