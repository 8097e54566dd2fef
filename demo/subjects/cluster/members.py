"""The containers of a cluster as the show knows them: which are expected, where each answers, who is watched."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from demo.engine.container import Container
from demo.engine.watch import EngineWatch, Seen
from demo.health.pulse import Pulse
from demo.health.reading import Probe, Reading

EVERY_SEC = 0.25


@dataclass
class Member:
    """One expected container, by its compose service. `port`: the one inside that `probe_at` asks, given `host:port`.

    `address` is the last that is known: a container that is down publishes nothing.
    """

    id: str
    kind: str
    port: int
    probe_at: Callable[[str], Probe]
    address: str = ""
    pulse: Pulse = field(init=False)

    def watched(self, changed: Callable[[], None]) -> Pulse:
        self.pulse = Pulse(self.look, EVERY_SEC, changed)
        return self.pulse

    async def look(self) -> Reading:
        if not self.address:
            return Reading(trouble="publishes no port on this machine")
        return await self.probe_at(self.address).look()

    def take(self, container: Container) -> bool:
        """Where it answers now; True when that has changed."""
        address = address_of(container, self.port)
        if not address or address == self.address:
            return False
        self.address = address
        return True


def address_of(container: Container, port: int) -> str:
    """`host:port` on this machine; "" when that port is not published now."""
    host, published = container.ports.get(port, ("", 0))
    if not published:
        return ""
    local = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104 - read, not bound
    return f"{local}:{published}"


@dataclass
class Members:
    """All of them, and the engine's word on each."""

    all: tuple[Member, ...]
    watch: EngineWatch

    def __iter__(self) -> Iterator[Member]:
        return iter(self.all)

    def seen(self, ident: str) -> Seen | None:
        return self.watch.containers().get(ident)

    def dead(self) -> tuple[str, ...]:
        """Those that the engine knows not to run."""
        known = self.watch.containers()
        return tuple(m.id for m in self.all if m.id in known and known[m.id].state != "running")

    def take_addresses(self) -> bool:
        """True when any has changed."""
        known: Mapping[str, Seen] = self.watch.containers()
        moved = [member.id for member in self.all if member.id in known and member.take(known[member.id].container)]
        return bool(moved)
