"""What a fault's plan can be healed by, in any process: the supervisor is found by its identity, without the show."""

from dataclasses import dataclass

from demo.processes.owned.connection import connected
from demo.processes.owned.identity import SupervisorIdentity
from demo.processes.owned.spec import READY_TIMEOUT_SEC, ProcessState
from demo.processes.process_ref import ProcessRef


@dataclass(frozen=True)
class ProcessObservation:
    """One process as its supervisor sees it now. `owns_port`: None where it has no port."""

    state: ProcessState
    owns_port: bool | None

    @property
    def is_up(self) -> bool:
        return self.state.phase == "up" and not self.state.suspended and self.owns_port is not False


async def observe(identity: SupervisorIdentity, name: str) -> ProcessObservation:
    """Ask for the state of one process. Raises `SubjectError`."""
    async with connected(identity) as supervisor:
        answer = await supervisor.request("state", name=name)
    return ProcessObservation(ProcessState.from_json(answer["state"]), answer["owns_port"])


async def members_of(identity: SupervisorIdentity, name: str) -> list[ProcessRef]:
    """Return the living processes that one process of the show consists of. Raises `SubjectError`."""
    async with connected(identity) as supervisor:
        answer = await supervisor.request("members", name=name)
    return [ProcessRef(pid, born) for pid, born in answer["members"]]


async def restart(identity: SupervisorIdentity, name: str, timeout_sec: float = READY_TIMEOUT_SEC) -> None:
    """Start a process if it is dead, replace it if it hangs, do nothing if it is up. Raises `SubjectError`.

    A start that takes longer than `timeout_sec` goes on in the supervisor.
    """
    async with connected(identity) as supervisor:
        await supervisor.request("ensure", timeout_sec=timeout_sec, name=name)
