"""A probe of a process of the show's own: whether it is alive, and whether its port is its own."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from demo.probes.result import Reading

FOREIGN_PORT = "foreign port"


@dataclass(frozen=True, slots=True)
class ReportedState:
    """What whoever started the process knows of it now. `state`: a word for people, as running, paused or killed.

    `owns_port`: whether the listening socket on its port is its own; None for a process without a port.
    """

    state: str
    pid: int | None = None
    exit: int | None = None
    owns_port: bool | None = None


@dataclass(frozen=True)
class ProcessProbe:
    """The reading's data: `state`, `pid`, `exit`, `listening`. `ask` returns None where nothing is known.

    A process that runs while another one has its port is in the state `foreign port`.
    """

    ask: Callable[[], Awaitable[ReportedState | None]]

    async def read(self) -> Reading:
        told = await self.ask()
        if told is None:
            return Reading(trouble="its state is not known here", inconclusive=True)
        state = FOREIGN_PORT if told.state == "running" and told.owns_port is False else told.state
        return Reading({"state": state, "pid": told.pid, "exit": told.exit, "listening": told.owns_port})
