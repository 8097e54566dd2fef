"""The process that owns a playground: runs tiup, restarts killed processes on request, and ends all of them.

It reads `command`, `tag` and `server` from stdin, as a line of JSON. That pipe is its lifeline: when it ends, for
whatever reason the server ended, everything that tiup started is ended, too. As their subreaper it remains the
ancestor of all those processes. It listens on a Unix socket that only its user may open.
"""

import asyncio
import contextlib
import ctypes
import json
import os
import re
import signal
import sys
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from demo.errors import DemoError, SubjectError
from demo.processes.child import build_child_command, start_time_of
from demo.processes.process_ref import ProcessRef
from demo.processes.procfs import Launch, Processes, children, descendants, list_by_environment, listeners, orphans
from demo.processes.unix_server import as_handler, listen
from demo.subjects.tikv.playground.directories import MARK, PlaygroundDir, stop_playground

PR_SET_CHILD_SUBREAPER = 36
CHECK_INTERVAL_SEC = 0.25
END_CHECK_INTERVAL_SEC = 0.05
DYING_SEC = 1.0
"""A killed process closes its ports a moment before it counts as terminated."""

GRACE_SEC = 10.0
"""The grace period of the stores and PDs after SIGTERM, the same as tiup's."""

LINES = 200
MAX_LINE = 300
CONTROLS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07|[\x00-\x08\x0b-\x1f\x7f]")
"""Control sequences that tiup writes for a terminal: colours, titles, cursor movements."""


@dataclass
class ManagedProcess:
    """One process that listens. `own`: tiup started it; otherwise this supervisor restarted it."""

    process: ProcessRef
    launch: Launch
    own: bool
    ports: set[int] = field(default_factory=set)

    def as_dict(self) -> dict[str, Any]:
        known = {"pid": self.process.pid, "born": self.process.born, "alive": self.process.is_alive}
        return known | {"own": self.own, "ports": sorted(self.ports), "argv": list(self.launch.argv)}


class PlaygroundSupervisor:
    def __init__(self, place: PlaygroundDir, command: list[str]) -> None:
        self._directory, self._command = place, command
        self._processes: dict[tuple[int, int], ManagedProcess] = {}
        self._by_port: dict[int, ManagedProcess] = {}
        self._children: dict[int, asyncio.subprocess.Process] = {}
        self._tiup: asyncio.subprocess.Process | None = None
        self._output_lines: deque[str] = deque(maxlen=LINES)
        self._lines_in_all = 0
        self._lock = asyncio.Lock()
        self.ending = asyncio.Event()

    # Running and watching.

    async def start(self) -> None:
        """Start tiup. Raises `SubjectError`."""
        self._tiup = await self._spawn(
            self._command, os.environ | {MARK: self._directory.tag}, "", output=asyncio.subprocess.PIPE
        )

    async def _spawn(
        self, argv: list[str], environ: Mapping[str, str], cwd: str, output: int
    ) -> asyncio.subprocess.Process:
        """Start a process that dies with this one. Raises `SubjectError`."""
        try:
            child = await asyncio.create_subprocess_exec(
                *build_child_command(*argv),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                env=dict(environ),
                cwd=cwd or None,
                start_new_session=True,
            )
        except OSError as error:
            raise SubjectError(f"{argv[0]} could not be started: {error.strerror or error}") from error
        self._children[child.pid] = child
        return child

    async def listen_to_tiup(self) -> None:
        """Collect tiup's output line by line, including lines that a progress bar overwrites."""
        stdout = self._tiup.stdout if self._tiup is not None else None
        unfinished_line = ""
        while stdout is not None and (chunk := await stdout.read(4096)):
            *lines, unfinished_line = re.split(r"[\r\n]+", unfinished_line + chunk.decode(errors="replace"))
            for line in lines:
                self._add_output(line)
            unfinished_line = unfinished_line[-MAX_LINE:]
        self._add_output(unfinished_line)

    def _add_output(self, line: str) -> None:
        text = CONTROLS.sub("", line).strip()[:MAX_LINE]
        if text and (not self._output_lines or self._output_lines[-1] != text):
            self._output_lines.append(text)
            self._lines_in_all += 1

    async def watch(self) -> None:
        """Record how every listening process was started, while it lives, and reap orphans.

        Ends the playground when tiup and all its processes have ended.
        """
        while not self.ending.is_set():
            self._record_listeners()
            if self._tiup is not None and self._tiup.returncode is not None and not self._living_processes():
                last_line = self._output_lines[-1] if self._output_lines else "it printed nothing"
                print(f"tiup ended with code {self._tiup.returncode}: {last_line}", flush=True)
                self.ending.set()
            await asyncio.sleep(CHECK_INTERVAL_SEC)

    def _living_processes(self) -> Processes:
        return descendants(os.getpid()) | list_by_environment(MARK, self._directory.tag)

    def _record_listeners(self) -> None:
        self._reap()
        start_times = descendants(os.getpid())
        for port, pid in listeners(start_times).items():
            identity = (pid, start_times[pid])
            managed = self._processes.get(identity)
            if managed is None or port not in managed.ports:
                # A port that is new may belong to a new program: between fork and exec a child has its parent's ports
                # and its parent's command line.
                with contextlib.suppress(OSError):  # it has just ended
                    managed = self._read_process(identity, managed)
            if managed is not None:
                managed.ports.add(port)
                self._by_port[port] = managed

    def _read_process(self, identity: tuple[int, int], known: ManagedProcess | None) -> ManagedProcess:
        """Return the process with how it was started; a new entry if it runs another program than before."""
        launch = Launch.of(identity[0])
        if known is None or known.launch.argv != launch.argv:
            known = ManagedProcess(ProcessRef(*identity), launch, own=identity[0] not in self._children)
            self._processes[identity] = known
        return known

    def _reap(self) -> None:
        """Wait for terminated orphans that became our children, so that they vanish; asyncio reaps its own children."""
        for pid in orphans(os.getpid()):
            if pid not in self._children:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)

    # Requests.

    def application(self) -> web.Application:
        app = web.Application()
        app.add_routes(
            [web.get("/parts", as_handler(self._report)), web.post("/ports/{port}/start", as_handler(self._restart))]
        )
        return app

    async def _report(self, _request: web.Request) -> Mapping[str, Any]:
        """Return the processes that listen or have listened, and tiup's output: its last lines, and how many in all."""
        self._record_listeners()
        ended = self._tiup.returncode if self._tiup is not None else None
        parts = {id(process): process.as_dict() for process in self._by_port.values()}
        return {
            "parts": list(parts.values()),
            "said": list(self._output_lines)[-5:],
            "count": self._lines_in_all,
            "ended": ended,
        }

    async def _restart(self, request: web.Request) -> Mapping[str, Any]:
        """Restart what listened on that port, with the same program, arguments and directory, unless it is alive."""
        # Shielded, because the client may be killed meanwhile: a restart that has begun is finished.
        return await asyncio.shield(self._restart_on(int(request.match_info["port"])))

    async def _restart_on(self, port: int) -> Mapping[str, Any]:
        async with self._lock:
            managed = self._by_port.get(port)
            if managed is None:
                raise SubjectError(f"no process of this playground has ever listened on port {port}")
            if self.ending.is_set():
                raise SubjectError("the playground is stopping")
            if await self._keeps_running(managed, port):
                managed.process.resume()
                return managed.as_dict()
            output = os.open(managed.launch.output or os.devnull, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
            try:
                child = await self._spawn(list(managed.launch.argv), managed.launch.environ, managed.launch.cwd, output)
            finally:
                os.close(output)
            restarted = ManagedProcess(
                ProcessRef(child.pid, start_time_of(child.pid)), managed.launch, own=False, ports=set(managed.ports)
            )
            self._processes[(child.pid, restarted.process.born or 0)] = restarted
            self._by_port |= dict.fromkeys(managed.ports, restarted)
            return restarted.as_dict()

    async def _keeps_running(self, managed: ManagedProcess, port: int) -> bool:
        until = time.monotonic() + DYING_SEC
        while managed.process.is_alive:
            if port in listeners((managed.process.pid,)) or time.monotonic() > until:
                return True
            await asyncio.sleep(END_CHECK_INTERVAL_SEC)
        return False

    # Ending.

    def judge(self, task: asyncio.Task[None]) -> None:
        """End the playground if one of our tasks has failed: it cannot be supervised any more."""
        if not task.cancelled() and (error := task.exception()) is not None:
            print(f"{type(error).__name__}: {error}", flush=True)
            self.ending.set()

    async def end(self) -> None:
        """End everything as gently as tiup does, and kill what is left after GRACE_SEC."""
        self.ending.set()
        async with self._lock:
            # A suspended process would not act on SIGTERM.
            for pid, born in self._living_processes().items():
                ProcessRef(pid, born).resume()
            # tiup itself, the processes restarted here, and the orphans of a killed tiup.
            for pid, born in children(os.getpid()).items():
                ProcessRef(pid, born).terminate()
            until = time.monotonic() + GRACE_SEC
            while self._living_processes() and time.monotonic() < until:
                self._reap()
                await asyncio.sleep(END_CHECK_INTERVAL_SEC)
            while found := self._living_processes():
                for pid, born in found.items():
                    ProcessRef(pid, born).kill()
                self._reap()
                await asyncio.sleep(END_CHECK_INTERVAL_SEC)
            await stop_playground(self._directory)


async def _end_with_server(supervisor: PlaygroundSupervisor) -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while await reader.read(4096):
        pass
    supervisor.ending.set()


async def _supervise(directory: PlaygroundDir, command: list[str], server: int) -> None:
    supervisor = PlaygroundSupervisor(directory, command)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, supervisor.ending.set)
    directory.note(server, os.getpid())
    runner = await listen(supervisor.application(), directory.socket)
    tasks: list[asyncio.Task[None]] = []
    try:
        await supervisor.start()
        jobs = (_end_with_server(supervisor), supervisor.watch(), supervisor.listen_to_tiup())
        tasks += [asyncio.create_task(job) for job in jobs]
        for task in tasks:
            task.add_done_callback(supervisor.judge)
        await supervisor.ending.wait()
    finally:
        await supervisor.end()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await runner.cleanup()


def main() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    config = json.loads(sys.stdin.readline())
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        sys.exit(f"prctl failed: {os.strerror(ctypes.get_errno())}")
    try:
        asyncio.run(_supervise(PlaygroundDir(config["tag"]), config["command"], config["server"]))
    except DemoError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
