"""A client's connection to the supervisor of a show's processes, by its identity alone or as the show's server."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from demo.errors import SubjectError
from demo.processes.owned.identity import SupervisorFiles, SupervisorIdentity
from demo.processes.owned.protocol import MAX_MESSAGE_BYTES, Role, encode, receive
from demo.processes.owned.spec import ProcessState

CONNECT_TIMEOUT_SEC = 5.0
REQUEST_TIMEOUT_SEC = 5.0
WHO = "the supervisor of this show's processes"


class SupervisorConnection:
    """Sends requests, and passes on what the supervisor tells. `ended` is called once when the connection ends."""

    def __init__(self, identity: SupervisorIdentity) -> None:
        self.identity = identity
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._pending: dict[int, asyncio.Future[Mapping[str, Any]]] = {}
        self._last_id = 0
        self._receiving: asyncio.Task[None] | None = None
        self._closing = False

    async def open(
        self,
        token: str,
        role: Role,
        changed: Callable[[ProcessState], None] = lambda state: None,
        ended: Callable[[], None] = lambda: None,
    ) -> tuple[ProcessState, ...]:
        """Connect, and return the states of all processes. Raises `SubjectError`."""
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_SEC):
                self._reader, self._writer = await asyncio.open_unix_connection(
                    self.identity.socket, limit=MAX_MESSAGE_BYTES
                )
        except (OSError, TimeoutError) as error:
            raise SubjectError(self._describe_silence()) from error
        self._receiving = asyncio.create_task(self._receive(self._reader, changed, ended), name="processes of the show")
        try:
            answer = await self.request("hello", token=token, role=role, pid=os.getpid())
        except SubjectError:
            await self.close()
            raise
        return tuple(map(ProcessState.from_json, answer["states"]))

    async def request(self, do: str, *, timeout_sec: float = REQUEST_TIMEOUT_SEC, **fields: Any) -> Mapping[str, Any]:
        """Send a request and return its answer. Raises `SubjectError` when it fails, or is not answered in time."""
        if self._writer is None or self._writer.is_closing() or self._receiving is None or self._receiving.done():
            raise SubjectError(f"{WHO} has ended")
        self._last_id += 1
        ident, answer = self._last_id, asyncio.get_running_loop().create_future()
        self._pending[ident] = answer
        try:
            self._writer.write(encode({"id": ident, "do": do, **fields}))
            async with asyncio.timeout(timeout_sec):
                result: Mapping[str, Any] = await answer
        except (OSError, TimeoutError) as error:
            raise SubjectError(self._describe_silence()) from error
        finally:
            del self._pending[ident]
        return result

    def _describe_silence(self) -> str:
        return f"{WHO} does not answer: if it hangs, end it and all of them by `kill -9 {self.identity.pid}`"

    async def _receive(
        self, reader: asyncio.StreamReader, changed: Callable[[ProcessState], None], ended: Callable[[], None]
    ) -> None:
        try:
            while (message := await receive(reader)) is not None:
                if "state" in message:
                    changed(ProcessState.from_json(message["state"]))
                else:
                    self._settle(message)
        finally:
            for answer in self._pending.values():
                if not answer.done():
                    answer.set_exception(SubjectError(f"{WHO} has ended"))
            if self._writer is not None:
                self._writer.close()
            if not self._closing:
                ended()

    def _settle(self, message: Mapping[str, Any]) -> None:
        answer = self._pending.get(message.get("id", 0))
        if answer is None or answer.done():
            return
        if "error" in message:
            answer.set_exception(SubjectError(str(message["error"])))
        else:
            answer.set_result(message["ok"])

    async def close(self) -> None:
        """Disconnect; the processes go on."""
        self._closing = True
        if self._receiving is not None:
            self._receiving.cancel()
            await asyncio.wait([self._receiving])
        if self._writer is not None:
            with contextlib.suppress(OSError):
                self._writer.close()
                await self._writer.wait_closed()


@contextlib.asynccontextmanager
async def connected(identity: SupervisorIdentity) -> AsyncIterator[SupervisorConnection]:
    """Connect as a healer to exactly this supervisor, with the token that its files hold. Raises `SubjectError`."""
    found = SupervisorFiles.of_socket(identity.socket).read()
    if found is None or found[0] != identity:
        raise SubjectError(f"{WHO} has ended")
    connection = SupervisorConnection(identity)
    await connection.open(found[1], "healer")
    try:
        yield connection
    finally:
        await connection.close()
