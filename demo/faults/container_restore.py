"""What a container was before a fault, kept in the plan, and how it is brought back to that."""

import shlex
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from demo.container_engine import Container, Engine, EngineRefused
from demo.types import ChaosType, Plan

ENDED = ("exited", "dead", "restarting", "removing")


@dataclass(frozen=True)
class ContainerState:
    """It was running. `engine` is the engine's identity; `networks`, `settings`, `addresses` as in `Container`."""

    engine: str
    id: str
    name: str
    started_at: str
    networks: Mapping[str, Sequence[str]]
    settings: Mapping[str, Mapping[str, Any]]
    addresses: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, container: Container, engine: str) -> "ContainerState":
        networks = {name: list(aliases) for name, aliases in container.networks.items()}
        known = (networks, container.settings, container.addresses)
        return cls(engine, container.id, container.name, container.started_at, *known)

    @classmethod
    def planned(cls, plan: Plan) -> "ContainerState":
        return cls(**plan.undo)

    def undo(self) -> dict[str, Any]:
        """As plain JSON."""
        return asdict(self)

    def is_back(self, container: Container) -> bool:
        """Running, and on all its networks under all its names."""
        return container.is_running and not self.lost(container)

    def lost(self, container: Container) -> list[str]:
        """The networks that it is not on any more, or not under all its names."""
        now = container.networks
        return [
            name for name, aliases in self.networks.items() if name not in now or not set(aliases) <= set(now[name])
        ]

    def shows(self, deed: ChaosType, container: Container) -> bool:
        """That the deed was done to it, and is over. One that was started since then had ended."""
        if deed is ChaosType.CONTAINER_PAUSE:
            return container.state == "paused"
        if deed is ChaosType.NETWORK_DISCONNECT:
            return bool(self.networks) and next(reversed(tuple(self.networks))) not in container.networks
        return container.state in ENDED or container.started_at != self.started_at

    def by_hand(self, deed: ChaosType) -> str:
        """The command that a person types."""
        if deed is ChaosType.CONTAINER_PAUSE:
            return shlex.join(["docker", "unpause", self.name])
        if deed is ChaosType.NETWORK_DISCONNECT:
            return " && ".join(shlex.join(self._connecting(network)) for network in self.networks)
        return shlex.join(["docker", "start", self.name])

    def _connecting(self, network: str) -> list[str]:
        options = [word for alias in self.networks[network] for word in ("--alias", alias)]
        address = (self.settings.get(network, {}).get("IPAMConfig") or {}).get("IPv4Address")
        options += ["--ip", address] if address else []
        return ["docker", "network", "connect", *options, network, self.name]


async def bring_back(engine: Engine, before: ContainerState, container: Container) -> None:
    """Whatever was done to it meanwhile: unpaused, on its networks, started. Raises `EngineError`."""
    if container.state == "paused":
        await _unless(lambda now: now.state != "paused", engine, before, engine.unpause(before.id))
        container = await engine.look(before.id) or container
    for network in before.lost(container):
        await _connect(engine, before, container, network)
    if not container.is_running:
        await _unless(lambda now: now.is_running, engine, before, engine.start(before.id))


async def _connect(engine: Engine, before: ContainerState, container: Container, network: str) -> None:
    """Names of an endpoint cannot be changed: one that has lost some is made anew, and keeps those it has got."""
    aliases = dict.fromkeys((*before.networks[network], *container.networks.get(network, ())))
    if network in container.networks:
        await engine.disconnect(network, before.id)
    if container.is_running and await _has_old_address(engine, before, network, list(aliases)):
        return
    connecting = engine.connect(network, before.id, list(aliases), before.settings.get(network))
    await _unless(lambda now: network not in before.lost(now), engine, before, connecting)


async def _has_old_address(engine: Engine, before: ContainerState, network: str, aliases: Sequence[str]) -> bool:
    """Who knew it by its address finds it again. Docker gives one only in networks whose subnet a person has chosen.

    Not for one that does not run: an address that is taken by then would keep it from starting.
    """
    settings, address = before.settings.get(network) or {}, before.addresses.get(network)
    if not address or "IPAMConfig" in settings:
        return False
    try:
        await engine.connect(network, before.id, aliases, {**settings, "IPAMConfig": {"IPv4Address": address}})
    except EngineRefused:
        return False
    return True


async def _unless(
    done: Callable[[Container], bool], engine: Engine, before: ContainerState, deed: Coroutine[Any, Any, None]
) -> None:
    """What the engine refuses because somebody has done it already, or removed the container, is no failure."""
    try:
        await deed
    except EngineRefused:
        now = await engine.look(before.id)
        if now is not None and not done(now):
            raise
