"""A rate limiter that runs without the show: watched and broken from here, restarted by its supervisor."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from demo.errors import DemoError, SubjectError
from demo.probes.result import Reading
from demo.processes.process_ref import ProcessRef
from demo.processes.supervised import ObservedProcess
from demo.processes.unix_client import ask
from demo.subjects.ratelimiter.connection_info import NODES, ConnectionInfo, LimiterSettings
from demo.subjects.ratelimiter.limiter_system import LimiterSystem, Spec
from demo.subjects.standalone import StandaloneSystem, file_of, find

ASK_SEC = 1.0
STATE_TIMEOUT_SEC = 0.2
WORK_SEC = 30.0
"""The supervisor's timeouts: for an answer, for an answer within a poll, and for restarting processes."""


@dataclass
class SupervisorClient:
    """Asks the supervisor of the system called `name`, over its Unix socket."""

    name: str
    standing: StandaloneSystem | None

    @property
    def is_gone(self) -> bool:
        """Return whether the supervisor has terminated, and with it the whole system."""
        return self.standing is None or not self.standing.is_up

    async def ask(self, method: str, path: str, within_sec: float) -> Mapping[str, Any]:
        """Send a request and return the answer. Raises `SubjectError` with its error, or that it does not answer."""
        if self.is_gone:
            raise SubjectError(f"the system {self.name!r} has ended: start it again with `demo up`, then this server")
        return await ask(file_of(self.name, "sock"), method, path, within_sec, f"the supervisor of {self.name!r}")


class RemoteProcess(ObservedProcess):
    """A process that the supervisor owns."""

    def __init__(self, spec: Spec, supervisor: SupervisorClient) -> None:
        super().__init__(spec.id, spec.kind, spec.port, spec.probe, spec.links)
        self._supervisor = supervisor
        self._handle: ProcessRef | None = None

    @property
    def handle(self) -> ProcessRef | None:
        return self._handle

    async def current(self) -> ProcessRef | None:
        self.take(await self._supervisor.ask("GET", f"/parts/{self.id}", ASK_SEC))
        return self._handle

    async def ensure_running(self) -> None:
        self.take(await self._supervisor.ask("POST", f"/parts/{self.id}/bring-back", WORK_SEC))

    async def read(self) -> Reading:
        """Probe it; if it does not answer, ask the supervisor whether it was killed or is starting."""
        reading = await super().read()
        if not reading.ok:
            try:
                self.take(await self._supervisor.ask("GET", f"/parts/{self.id}", STATE_TIMEOUT_SEC))
            except DemoError:
                self.is_starting = False
                self.trouble = "its supervisor does not answer"
        return reading

    def take(self, told: Mapping[str, Any]) -> None:
        """Take over what the supervisor reports of it."""
        pid = told["pid"]
        self._handle = None if pid is None else ProcessRef(pid, told["born"], told["killed"])
        self.is_starting, self.trouble = told["starting"], told["trouble"]


class AttachedSystem(LimiterSystem[RemoteProcess]):
    """The system called `name`, as it runs now; a later one of the same name is a different system."""

    def __init__(self, name: str) -> None:
        found = find(name)
        self.name = name
        self._supervisor = SupervisorClient(name, found)
        by_hand = f"demo heal {name}"
        if found is None:
            super().__init__(_empty_connection_info(), 0, None, by_hand)
        else:
            super().__init__(ConnectionInfo.from_json(found.wiring), found.pid, found.born, by_hand)

    def _make(self, spec: Spec) -> RemoteProcess:
        return RemoteProcess(spec, self._supervisor)

    def check(self) -> None:
        if self._supervisor.is_gone:
            raise SubjectError(
                f"no system with the name {self.name!r} is running: start one with `demo up ratelimiter`"
            )

    async def start(self) -> None:
        """Take over the state of its processes; start nothing."""
        answer = await self._supervisor.ask("GET", "/parts", ASK_SEC)
        for part in self.parts:
            part.take(answer["parts"][part.id])

    async def heal(self) -> None:
        await self._supervisor.ask("POST", "/heal", WORK_SEC)

    async def stop(self) -> None:
        """Close the connections, and leave the system running."""
        await self.connections.close()


def _empty_connection_info() -> ConnectionInfo:
    """Return the connection info of a system that has ended: it matches no plan, and nobody listens on its ports."""
    ports = dict.fromkeys(("redis", "backend", "traffic", *NODES), 1)
    return ConnectionInfo("", "", "", ports, LimiterSettings())
