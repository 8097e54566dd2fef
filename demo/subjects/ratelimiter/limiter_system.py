"""The rate limiter as poller, faults and chapters see it, whichever process owns its processes."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Generic, TypeVar

from demo.faults.process_kill import SystemRun
from demo.probes.redis import RedisProbe
from demo.probes.result import Probe
from demo.processes.supervised import ObservedProcess
from demo.subjects.ratelimiter.connection_info import NODES, ConnectionInfo, LimiterSettings, SystemConnections

P = TypeVar("P", bound=ObservedProcess)


@dataclass(frozen=True)
class Spec:
    """One process: its id, its kind, its port, its probe, and `links`, where it sends the clients' requests on to."""

    id: str
    kind: str
    port: int
    probe: Probe
    links: tuple[str, ...]


class LimiterSystem(ABC, Generic[P]):
    """Six processes, and how to talk to each. `system_run`: which run of the system this is, and who owns it."""

    def __init__(self, wiring: ConnectionInfo, owner: int, owner_born: int | None, by_hand: str) -> None:
        self.system_run = SystemRun(wiring.show, owner, owner_born, by_hand)
        self.connection_info = wiring
        self.settings: LimiterSettings = wiring.settings
        self.token = wiring.token
        self.connections = SystemConnections(wiring, owner)
        self.redis = self._part("redis", "redis")
        self.redis.is_ours = lambda reading, handle: reading.data.get("process") == handle.pid
        self.nodes = tuple(self._part(name, "node", "redis", "backend") for name in NODES)
        self.backend = self._part("backend", "backend")
        self.traffic = self._part("traffic", "traffic", *NODES)

    @property
    def parts(self) -> tuple[P, ...]:
        return (self.redis, *self.nodes, self.backend, self.traffic)

    def _part(self, name: str, kind: str, *links: str) -> P:
        port = self.connection_info.ports[name]
        probe: Probe = RedisProbe(self.connections.redis_client) if kind == "redis" else self.connections.probe(name)
        return self._make(Spec(name, kind, port, probe, links))

    @abstractmethod
    def _make(self, spec: Spec) -> P:
        """Return the process of this specification."""

    @abstractmethod
    def check(self) -> None:
        """Check, before anything is started, that nothing is missing. Raises `SubjectError` for what is."""

    @abstractmethod
    async def start(self) -> None:
        """Start it; return when every process is up. Raises `SubjectError`."""

    @abstractmethod
    async def heal(self) -> None:
        """Restart what is dead or does not answer. Raises `SubjectError` that names what did not come back."""

    @abstractmethod
    async def stop(self) -> None:
        """Close all connections, and end the processes that are ours. Safe to call twice, or without a start."""
