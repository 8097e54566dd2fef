"""The parts of a cluster as the show knows them: which are expected, where each answers, who is watched."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from demo.container_engine.container import Container
from demo.container_engine.event_watch import EngineWatch, WatchedContainer
from demo.probes.periodic import Pulse
from demo.probes.result import Probe, Reading

EVERY_SEC = 0.25


@dataclass
class Member:
    """One expected part. `port`: the one inside its container that `probe_at` asks, given `host:port`.

    `host`: what the others of the cluster call it, its id unless told. `places`: a port inside → where that is
    reached from here; the last that is known, for a container that is down publishes nothing.
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
    """What the subject makes of an answer: is it this member that answers?"""

    def __post_init__(self) -> None:
        self.host = self.host or self.id
        self.pulse = Pulse(self.look, self.every_sec, lambda: None)

    @property
    def address(self) -> str:
        """Where it is asked; "" while that is not known."""
        return self.places.get(self.port, "")

    def watched(self, changed: Callable[[], None]) -> Pulse:
        self.pulse = Pulse(self.look, self.every_sec, changed)
        return self.pulse

    async def look(self) -> Reading:
        if not self.address:
            return Reading(trouble="publishes no port on this machine")
        return self.judge(await self.probe_at(self.address).look())

    def is_in(self, container: Container) -> bool:
        """Is that container what the others call by this name?"""
        return is_called(container, self.host)

    def take(self, container: Container) -> bool:
        """Where it answers now; True when that has changed."""
        found = {port: address for port in container.ports if (address := address_of(container, port))}
        if found.items() <= self.places.items():
            return False
        self.places = self.places | found
        return True


def is_called(container: Container, host: str) -> bool:
    """By its compose service, by its own name, or by an alias on a network."""
    aliases = {alias for known in container.networks.values() for alias in known}
    return bool(host) and (host in (container.service, container.name) or host in aliases)


def address_of(container: Container, port: int) -> str:
    """`host:port` on this machine; "" when that port is not published now."""
    host, published = container.ports.get(port, ("", 0))
    if not published:
        return ""
    local = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104 - read, not bound
    return f"{local}:{published}"


class Members:
    """All of them, and the engine's word on each, where there is one. More may be found later."""

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
        """Those that the engine knows not to run."""
        seen = {member.id: self.seen(member.id) for member in self._all}
        return tuple(ident for ident, word in seen.items() if word is not None and word.state != "running")

    def take(self, containers: Iterable[Container]) -> bool:
        """True when the place of any has changed."""
        found = tuple(containers)
        moved = [member.take(one) for member in self._all for one in found if member.is_in(one)]
        return any(moved)

    def take_addresses(self) -> bool:
        """As the engine's events have told; True when any has changed."""
        seen = [(member, self.seen(member.id)) for member in self._all]
        moved = [member.take(word.container) for member, word in seen if word is not None]
        return any(moved)
