"""Commands to the proxy process of a show, from any process of its user that knows the process's identity."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from demo.clock import boot_id
from demo.errors import FaultError, SubjectError
from demo.processes.process_ref import ProcessRef
from demo.processes.unix_client import ask
from demo.proxy.toxic import Toxic

ANSWER_TIMEOUT_SEC = 3.0
WHO = "the show's proxy process"


@dataclass(frozen=True, slots=True)
class ProxyIdentity:
    """One proxy process for ever: its socket, its pid with its start in ticks since boot, and the boot."""

    socket: str
    pid: int
    born: int | None
    boot: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "ProxyIdentity":
        return cls(**data)

    @property
    def has_ended(self) -> bool:
        """Return whether it has ended for certain, with its proxies. Raises `FaultError` when that cannot be told."""
        return self.boot != boot_id() or ProcessRef(self.pid, self.born).has_terminated

    @property
    def was_killed(self) -> bool:
        """Return whether it was ended from outside: one that ends by itself removes its socket. Raises `FaultError`."""
        return self.boot == boot_id() and self.has_ended and Path(self.socket).exists()


class ProxyClient:
    """Adds and removes toxics in one proxy process, and asks for its counters. All raise `FaultError`."""

    def __init__(self, identity: ProxyIdentity, answer_sec: float = ANSWER_TIMEOUT_SEC) -> None:
        self.identity = identity
        self._answer_sec = answer_sec

    async def describe(self) -> Mapping[str, Any]:
        """Return `proxies` with their counters and `toxics` with the time they have left (table.py says the keys)."""
        return await self._ask("GET", "/")

    async def add(self, name: str, toxic: Toxic, expires_sec: float | None = None) -> None:
        """Add a toxic under a name that was never used before, or renew its time."""
        await self._ask("PUT", f"/toxics/{name}", {"toxic": toxic.to_json(), "expires_sec": expires_sec})

    async def remove(self, name: str) -> bool:
        """Remove a toxic, for good: it can't be added any more. Return whether it was there."""
        return bool((await self._ask("DELETE", f"/toxics/{name}"))["removed"])

    async def has_toxic(self, name: str) -> bool:
        return name in (await self.describe())["toxics"]

    async def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        try:
            answer = await ask(Path(self.identity.socket), method, path, self._answer_sec, WHO, body)
        except SubjectError as error:
            raise FaultError(str(error)) from error
        if "pid" in answer and answer["pid"] != self.identity.pid:
            raise FaultError(f"{WHO} was started anew meanwhile")
        return answer
