"""The state of a container before a fault, stored in the plan, and how the container is restored to it."""

import shlex
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from demo.container_engine import Container, Engine, EngineRefused
from demo.types import ChaosType, Plan

ENDED = ("exited", "dead", "restarting", "removing")


@dataclass(frozen=True)
class ContainerState:
    """A container that was running. `engine`: the engine's identity; `networks` and what follows: as in `Container`."""

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
        """Return it as plain JSON data, for the plan."""
        return asdict(self)

    def is_back(self, container: Container) -> bool:
        """Check that it is running, and connected to all its networks under all its aliases."""
        return container.is_running and not self.lost(container)

    def lost(self, container: Container) -> list[str]:
        """Return the networks that it has left, or where it lacks one of its aliases."""
        now = container.networks
        return [
            name for name, aliases in self.networks.items() if name not in now or not set(aliases) <= set(now[name])
        ]

    def shows(self, chaos_type: ChaosType, container: Container) -> bool:
        """Return whether the container shows that the fault was applied completely.

        A container with a new start time was down in between. After a disconnect the last network of the list decides.
        """
        if chaos_type is ChaosType.CONTAINER_PAUSE:
            return container.state == "paused"
        if chaos_type is ChaosType.NETWORK_DISCONNECT:
            return bool(self.networks) and next(reversed(tuple(self.networks))) not in container.networks
        return container.state in ENDED or container.started_at != self.started_at

    def manual_command(self, chaos_type: ChaosType) -> str:
        """Return the shell command with which a person undoes this fault."""
        if chaos_type is ChaosType.CONTAINER_PAUSE:
            return shlex.join(["docker", "unpause", self.name])
        if chaos_type is ChaosType.NETWORK_DISCONNECT:
            return " && ".join(shlex.join(self._connect_command(network)) for network in self.networks)
        return shlex.join(["docker", "start", self.name])

    def _connect_command(self, network: str) -> list[str]:
        options = [word for alias in self.networks[network] for word in ("--alias", alias)]
        address = (self.settings.get(network, {}).get("IPAMConfig") or {}).get("IPv4Address")
        options += ["--ip", address] if address else []
        return ["docker", "network", "connect", *options, network, self.name]


async def restore_container(engine: Engine, before: ContainerState, container: Container) -> None:
    """Unpause the container, reconnect its networks and start it, whatever was done to it. Raises `EngineError`."""
    # Before all else: the engine does not start a container that is paused.
    if container.state == "paused":
        await _run_unless_done(lambda now: now.state != "paused", engine, before, engine.unpause(before.id))
        container = await engine.inspect(before.id) or container
    for network in before.lost(container):
        await _connect(engine, before, container, network)
    # Last, so that a container that starts finds all its networks.
    if not container.is_running:
        await _run_unless_done(lambda now: now.is_running, engine, before, engine.start(before.id))


async def _connect(engine: Engine, before: ContainerState, container: Container, network: str) -> None:
    """Connect it to a network under all its aliases, those gained meanwhile included.

    The aliases of an existing connection cannot be changed, so one that lacks some is disconnected first.
    """
    aliases = dict.fromkeys((*before.networks[network], *container.networks.get(network, ())))
    if network in container.networks:
        await engine.disconnect(network, before.id)
    if container.is_running and await _reconnect_with_old_address(engine, before, network, list(aliases)):
        return
    connecting = engine.connect(network, before.id, list(aliases), before.settings.get(network))
    await _run_unless_done(lambda now: network not in before.lost(now), engine, before, connecting)


async def _reconnect_with_old_address(
    engine: Engine, before: ContainerState, network: str, aliases: Sequence[str]
) -> bool:
    """Connect a running container under its former address, for those who know it by that. Return whether that worked.

    Docker accepts a fixed address only in networks whose subnet was configured by the user. Not used for a stopped
    container: if the address were taken by the time it starts, it could not start.
    """
    settings, address = before.settings.get(network) or {}, before.addresses.get(network)
    if not address or "IPAMConfig" in settings:
        return False
    try:
        await engine.connect(network, before.id, aliases, {**settings, "IPAMConfig": {"IPv4Address": address}})
    except EngineRefused:
        return False
    return True


async def _run_unless_done(
    done: Callable[[Container], bool], engine: Engine, before: ContainerState, restore: Coroutine[Any, Any, None]
) -> None:
    """Run a request to the engine; ignore its refusal if `done` holds anyway, or if the container was removed.

    Somebody else may have restored it at the same moment. Raises `EngineError` for any other failure.
    """
    try:
        await restore
    except EngineRefused:
        now = await engine.inspect(before.id)
        if now is not None and not done(now):
            raise
