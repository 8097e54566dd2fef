"""The supervisor of a show's processes: starts, stops and restarts them on request, and tells when one ends.

`guard` runs it, with its settings in `sys.argv`. It ends with all processes when it is asked to, by SIGTERM, when its
guard ends, or when nobody has been connected for a while: a server that was killed has that long to come back.
"""

import asyncio
import contextlib
import hmac
import json
import logging
import os
import secrets
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from demo.errors import DemoError, SubjectError, log_unexpected
from demo.processes import procfs
from demo.processes.child import start_time_of
from demo.processes.owned.guard import become_subreaper, end_all_children
from demo.processes.owned.identity import SupervisorFiles, SupervisorIdentity, boot_id
from demo.processes.owned.process import OwnedProcess
from demo.processes.owned.protocol import HELLO_TIMEOUT_SEC, MAX_MESSAGE_BYTES, encode, receive
from demo.processes.owned.reaper import ChildReaper
from demo.processes.owned.run import SUPERVISOR_MARK
from demo.processes.owned.spec import Limits, ProcessSpec
from demo.processes.process_ref import ProcessRef

logger = logging.getLogger("demo.processes.owned.supervisor")

MAX_UNSENT_BYTES = 1_000_000
"""A client that does not read is disconnected when so much waits for it."""

LEFTOVERS_TIMEOUT_SEC = 5.0
CHECK_INTERVAL_SEC = 0.02

Work = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]


class ControlConnection:
    """One client. `is_server`: it presents the show."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self.is_server = False
        self.server_pid = 0

    def send(self, message: Mapping[str, Any]) -> None:
        if self.writer.transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            self.writer.transport.abort()
        elif not self.writer.is_closing():
            self.writer.write(encode(message))


class Supervisor:
    """Keeps the processes in the order in which they are started."""

    def __init__(self, identity: SupervisorIdentity, token: str, limits: Limits) -> None:
        self._identity, self._token, self._limits = identity, token, limits
        self._reaper = ChildReaper()
        self._processes: dict[str, OwnedProcess] = {}
        self._connections: set[ControlConnection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._linger: asyncio.TimerHandle | None = None
        self._configuring = asyncio.Lock()
        self.ending = asyncio.Event()
        self._requests: Mapping[str, Work] = {
            "configure": self._configure,
            "ensure": self._ensure,
            "replace": self._replace,
            "confirm": self._confirm,
            "fail": self._fail,
            "state": self._report,
            "members": self._list_members,
            "output": self._read_output,
            "raw_output": self._read_raw_output,
            "stop": self._stop,
        }

    def attach(self) -> None:
        """Listen to the children and to signals, and begin to wait for the first client."""
        self._reaper.attach()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.ending.set)
        self._wait_for_client()

    # Clients.

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one client until it goes."""
        connection = ControlConnection(writer)
        try:
            async with asyncio.timeout(HELLO_TIMEOUT_SEC):
                greeting = await receive(reader)
            if greeting is None or not self._admit(connection, greeting):
                return
            while (request := await receive(reader)) is not None:
                task = asyncio.create_task(self._answer(connection, request))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        except TimeoutError:
            return
        finally:
            self._connections.discard(connection)
            if not self._connections:
                self._wait_for_client()
            with contextlib.suppress(OSError):
                writer.close()

    def _admit(self, connection: ControlConnection, greeting: Mapping[str, Any]) -> bool:
        """Answer the first request; return whether the client may make others."""
        ident = greeting.get("id")
        if not hmac.compare_digest(str(greeting.get("token", "")).encode(), self._token.encode()):
            connection.send({"id": ident, "error": "wrong token"})
            return False
        connection.is_server = greeting.get("role") == "server"
        connection.server_pid = int(greeting.get("pid", 0))
        other = next((one for one in self._connections if one.is_server), None)
        if connection.is_server and other is not None:
            why = f"this show is already presented by process {other.server_pid}: end that first"
            connection.send({"id": ident, "error": why})
            return False
        self._connections.add(connection)
        if self._linger is not None:
            self._linger.cancel()
            self._linger = None
        connection.send({"id": ident, "ok": {"states": [one.state.to_json() for one in self._processes.values()]}})
        return True

    def _wait_for_client(self) -> None:
        if self._linger is None:
            self._linger = asyncio.get_running_loop().call_later(self._limits.linger, self.ending.set)

    async def _answer(self, connection: ControlConnection, request: Mapping[str, Any]) -> None:
        """Carry out one request. It is finished even if its client has been killed meanwhile."""
        ident = request.get("id")
        work = self._requests.get(str(request.get("do")), self._refuse)
        try:
            connection.send({"id": ident, "ok": await work(request)})
        except DemoError as error:
            connection.send({"id": ident, "error": str(error)})
        except Exception as error:  # noqa: BLE001 - the client is told, and the others go on
            log_unexpected(logger, f"request {request.get('do')}", error)
            connection.send({"id": ident, "error": f"the supervisor failed: {type(error).__name__}: {error}"})

    def _tell(self, process: OwnedProcess) -> None:
        message = {"state": process.state.to_json()}
        for connection in tuple(self._connections):
            connection.send(message)

    # Requests.

    def _find(self, request: Mapping[str, Any]) -> OwnedProcess:
        name = str(request["name"])
        if name not in self._processes:
            raise SubjectError(f"this show has no process {name!r}")
        return self._processes[name]

    async def _refuse(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        raise SubjectError(f"the supervisor is of another version and does not know the request {request.get('do')!r}")

    async def _configure(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Take over which processes there are; end those that are not among them any more, or are described otherwise.

        Returns the names of both kinds.
        """
        async with self._configuring:
            self._check_not_ending()
            specs = {spec.name: spec for spec in map(ProcessSpec.from_json, request["specs"])}
            known = self._processes
            removed = [name for name in known if name not in specs]
            changed = [name for name in known if name in specs and known[name].spec != specs[name]]
            for name in reversed([*known]):
                if name in removed or name in changed:
                    known[name].close()
                    await known[name].stop()
            self._processes = {
                name: known[name] if name in known and name not in changed else self._make(spec)
                for name, spec in specs.items()
            }
            return {"removed": removed, "changed": changed}

    def _make(self, spec: ProcessSpec) -> OwnedProcess:
        return OwnedProcess(spec, self._identity.tag, self._limits, self._reaper, self._tell, self._find_strays)

    def _find_strays(self) -> procfs.Processes:
        """Return the orphans that belong to no process that lives."""
        mains = {process.pid for process in self._processes.values()}
        orphans = {pid: born for pid, born in procfs.children(os.getpid()).items() if pid not in mains}
        claimed: set[int] = set()
        for process in self._processes.values():
            if orphans and process.pid is not None:
                claimed.update(process.members())
        return {pid: born for pid, born in orphans.items() if pid not in claimed}

    async def _ensure(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        self._check_not_ending()
        process = self._find(request)
        await process.ensure(bool(request.get("judged")))
        return process.state.to_json()

    async def _replace(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        self._check_not_ending()
        process = self._find(request)
        await process.replace(bool(request.get("judged")))
        return process.state.to_json()

    async def _confirm(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        process = self._find(request)
        process.confirm()
        return process.state.to_json()

    async def _fail(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """End a process that somebody else found not to be ready."""
        process = self._find(request)
        await process.stop(why=str(request["why"]))
        return process.state.to_json()

    async def _report(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        process = self._find(request)
        return {"state": process.state.to_json(), "owns_port": process.owns_port()}

    async def _list_members(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        process = self._find(request)
        return {"state": process.state.to_json(), "members": sorted(process.members().items())}

    async def _read_output(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        found = self._find(request).output.since(int(request.get("since", 0)))
        return {"lines": list(found.lines), "end": found.end}

    async def _read_raw_output(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        return self._find(request).output.raw_since(int(request["since"]), int(request["most"])).to_json()

    async def _stop(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """End all processes, and then the supervisor itself."""
        await self.end()
        self.ending.set()
        return {}

    def _check_not_ending(self) -> None:
        if self.ending.is_set():
            raise SubjectError("the processes of this show are being ended")

    # The end.

    def disconnect(self) -> None:
        """Let go of all clients, after what has been sent to them: their requests are for the next supervisor."""
        for connection in tuple(self._connections):
            connection.writer.close()

    async def end(self) -> None:
        """End all processes, the last one first. Raises `SubjectError` for those that do not terminate."""
        troubles = []
        for process in self._processes.values():
            process.close()
        for process in reversed(tuple(self._processes.values())):
            try:
                await process.stop()
            except SubjectError as error:
                troubles.append(str(error))
        if troubles:
            raise SubjectError("; ".join(troubles))


def _watch_guard(guard: int, ending: asyncio.Event) -> None:
    """End when the guard does: nobody would end what we leave."""
    try:
        descriptor = os.pidfd_open(guard)
    except ProcessLookupError:
        ending.set()
        return

    def end() -> None:
        loop.remove_reader(descriptor)
        ending.set()

    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, end)
    if os.getppid() != guard:
        ending.set()


async def _end_leftovers(files: SupervisorFiles) -> None:
    """Kill what an earlier supervisor of this show has left: only if its guard was killed as well, there is any."""
    recorded = files.read()
    if recorded is None or recorded[0].boot != boot_id():
        return
    until = time.monotonic() + LEFTOVERS_TIMEOUT_SEC
    while (left := procfs.list_by_environment(SUPERVISOR_MARK, recorded[0].tag)) and time.monotonic() < until:
        for pid, born in left.items():
            ProcessRef(pid, born).kill()
        await asyncio.sleep(CHECK_INTERVAL_SEC)


async def _supervise(order: Mapping[str, Any], files: SupervisorFiles) -> None:
    pid, guard = os.getpid(), int(order["guard"])
    identity = SupervisorIdentity(
        order["show"], str(files.socket), pid, start_time_of(pid), guard, start_time_of(guard), boot_id()
    )
    token = secrets.token_hex(16)
    supervisor = Supervisor(identity, token, Limits.from_json(order["limits"]))
    supervisor.attach()
    _watch_guard(guard, supervisor.ending)
    await _end_leftovers(files)
    files.remove()
    previous_umask = os.umask(0o177)  # of the socket, from its creation on
    try:
        server = await asyncio.start_unix_server(supervisor.serve, files.socket, limit=MAX_MESSAGE_BYTES)
    finally:
        os.umask(previous_umask)
    try:
        files.write(identity, token)
        _report_to_parent({"up": True})
        await supervisor.ending.wait()
    finally:
        server.close()
        # Whoever comes now shall wait for our end, and start another one, instead of taking us for one that hangs. The
        # record stays: if we are killed in the middle of this, the next one finds by it what we leave.
        files.socket.unlink(missing_ok=True)
        supervisor.disconnect()
        with contextlib.suppress(SubjectError):
            await supervisor.end()


def _report_to_parent(message: Mapping[str, Any]) -> None:
    """Print one line for the process that started us, which may be gone, and give up stdin and stdout."""
    with contextlib.suppress(OSError):
        print(json.dumps(message), flush=True)
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (sys.stdin, sys.stdout):
        os.dup2(null, stream.fileno())
    os.close(null)


def main() -> None:
    """Supervise until the end. The guard removes the files."""
    order = json.loads(sys.argv[1])
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    logging.basicConfig()
    become_subreaper()
    try:
        asyncio.run(_supervise(order, SupervisorFiles(Path(order["stem"]))))
    except (DemoError, OSError) as error:
        _report_to_parent({"failed": str(error)})
        sys.exit(1)
    finally:
        end_all_children()


if __name__ == "__main__":
    main()
