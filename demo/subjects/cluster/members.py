"""The members of a cluster as the show knows them: which are expected, where each answers, and their probes."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from demo.container_engine.container import Container
from demo.container_engine.event_watch import EngineWatch, WatchedContainer
from demo.probes.periodic import Pulse
from demo.probes.result import Probe, Reading

EVERY_SEC = 0.25


@dataclass
class Member:
    """One expected member. `port`: its port inside the container that `probe_at(host:port)` asks.

    `host`: what the rest of the cluster calls it, by default its id. `places`: port inside the container → `host:port`
    where it is reached from here; the last known ones are kept, because a container that is down publishes nothing.
    """

    id: str
    kind: str
    port: int
    probe_at: Callable[[str], Probe]
    host: str = ""
    every_sec: float = EVERY_SEC
    places: dict[int, str] = field(default_factory=dict)
    pulse: Pulse = field(init=False)
    judge: Callable[[Reading], Reading] = field(default=lambda reading: reading)
    """Lets the subject turn an answer into `trouble`, if it comes from another process than this member."""

    def __post_init__(self) -> None:
        self.host = self.host or self.id
        self.pulse = Pulse(self.read, self.every_sec, lambda: None)

    @property
    def address(self) -> str:
        """Where it is asked; "" while that is not known."""
        return self.places.get(self.port, "")

    def watched(self, changed: Callable[[], None]) -> Pulse:
        self.pulse = Pulse(self.read, self.every_sec, changed)
        return self.pulse

    async def read(self) -> Reading:
        if not self.address:
            return Reading(trouble="publishes no port on this machine")
        return self.judge(await self.probe_at(self.address).read())

    def is_in(self, container: Container) -> bool:
        """Return whether this is the container that the rest of the cluster calls by this member's host name."""
        return is_called(container, self.host)

    def update_address(self, container: Container) -> bool:
        """Take over where the container publishes its ports now. Return whether that has changed."""
        found = {port: address for port in container.ports if (address := address_of(container, port))}
        if found.items() <= self.places.items():
            return False
        self.places = self.places | found
        return True


def is_called(container: Container, host: str) -> bool:
    """Return whether a container has this name: as compose service, container name, or alias on a network."""
    aliases = {alias for known in container.networks.values() for alias in known}
    return bool(host) and (host in (container.service, container.name) or host in aliases)


def address_of(container: Container, port: int) -> str:
    """Return where a port is published, as `host:port` on this machine; "" when it is not published now."""
    host, published = container.ports.get(port, ("", 0))
    if not published:
        return ""
    local = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104 - read, not bound
    return f"{local}:{published}"


class Members:
    """All members, and the container engine's account of each, where there is one. More may be added later."""

    def __init__(self, known: Iterable[Member], watch: EngineWatch | None) -> None:
        self._all = list(known)
        self.watch = watch
        self.added: Callable[[Member], None] = lambda member: None

    def __iter__(self) -> Iterator[Member]:
        return iter(tuple(self._all))

    def add(self, member: Member) -> None:
        self._all.append(member)
        self.added(member)

    def find(self, ident: str) -> Member | None:
        return next((member for member in self._all if member.id == ident), None)

    def seen(self, ident: str) -> WatchedContainer | None:
        member = self.find(ident)
        if self.watch is None or member is None:
            return None
        known = self.watch.containers()
        return known.get(ident) or next((seen for seen in known.values() if member.is_in(seen.container)), None)

    def dead(self) -> tuple[str, ...]:
        """Return the ids of those that the engine knows not to be running."""
        seen = {member.id: self.seen(member.id) for member in self._all}
        return tuple(ident for ident, watched in seen.items() if watched is not None and watched.state != "running")

    def update_from_containers(self, containers: Iterable[Container]) -> bool:
        """Take over where each member is published now. Return whether any of that has changed."""
        found = tuple(containers)
        # A list, not a generator: `any` would stop at the first change, and the other members must take theirs, too.
        changed = [
            member.update_address(container) for member in self._all for container in found if member.is_in(container)
        ]
        return any(changed)

    def update_from_events(self) -> bool:
        """Take over the addresses that the engine's events reported. Return whether any has changed."""
        seen = [(member, self.seen(member.id)) for member in self._all]
        changed = [member.update_address(watched.container) for member, watched in seen if watched is not None]
        return any(changed)


def natural_key(name: str) -> list[tuple[int, str]]:
    """Return a sort key that puts `store-10` after `store-9`."""
    return [(int(word), "") if word.isdigit() else (-1, word) for word in re.split(r"(\d+)", name)]
