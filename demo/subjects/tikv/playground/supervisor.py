"""The process that owns a playground: runs tiup, starts a killed part again when asked, and ends all of it.

Told on stdin, a line of JSON: `command`, `tag`, `server`. That pipe is its lifeline: when it ends, however the server
went, everything that tiup started ends too. Every process below is a descendant of this one for good (a subreaper).
Listens on a Unix socket that only its user may open.
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
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from demo.errors import DemoError, SubjectError
from demo.processes.child import program, start_time_of
from demo.processes.process_ref import ProcessRef
from demo.processes.procfs import Launch, Processes, children, descendants, listeners, marked, orphans
from demo.subjects.tikv.playground.directories import MARK, PlaygroundDir, end_all

PR_SET_CHILD_SUBREAPER = 36
LOOK_SEC = 0.25
END_LOOK_SEC = 0.05
DYING_SEC = 1.0
"""A process that is killed closes its ports a moment before it has ended."""

GRACE_SEC = 10.0
"""What the stores and PDs get to end by themselves; tiup gives them as long."""

LINES = 200
MAX_LINE = 300
CONTROLS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07|[\x00-\x08\x0b-\x1f\x7f]")
"""What tiup says to a terminal: colours, titles, the cursor."""


@dataclass
class ManagedProcess:
    """One process that listens. `own`: tiup started it; else this process did, after a kill."""

    process: ProcessRef
    launch: Launch
    own: bool
    ports: set[int] = field(default_factory=set)

    def told(self) -> dict[str, Any]:
        known = {"pid": self.process.pid, "born": self.process.born, "alive": self.process.is_alive}
        return known | {"own": self.own, "ports": sorted(self.ports), "argv": list(self.launch.argv)}


class PlaygroundSupervisor:
    def __init__(self, place: PlaygroundDir, command: list[str]) -> None:
        self._place, self._command = place, command
        self._kept: dict[tuple[int, int], ManagedProcess] = {}
        self._by_port: dict[int, ManagedProcess] = {}
        self._children: dict[int, asyncio.subprocess.Process] = {}
        self._tiup: asyncio.subprocess.Process | None = None
        self._said: deque[str] = deque(maxlen=LINES)
        self._count = 0
        self._one_at_a_time = asyncio.Lock()
        self.ending = asyncio.Event()

    # What runs.

    async def start(self) -> None:
        """Raises `SubjectError`."""
        self._tiup = await self._spawn(
            self._command, os.environ | {MARK: self._place.tag}, "", output=asyncio.subprocess.PIPE
        )

    async def _spawn(
        self, argv: list[str], environ: Mapping[str, str], cwd: str, output: int
    ) -> asyncio.subprocess.Process:
        """On the leash: it dies with this process."""
        try:
            child = await asyncio.create_subprocess_exec(
                *program(*argv),
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
        """Its words, line by line; those that a progress bar writes over, too."""
        stdout = self._tiup.stdout if self._tiup is not None else None
        rest = ""
        while stdout is not None and (chunk := await stdout.read(4096)):
            *lines, rest = re.split(r"[\r\n]+", rest + chunk.decode(errors="replace"))
            for line in lines:
                self._hear(line)
            rest = rest[-MAX_LINE:]
        self._hear(rest)

    def _hear(self, line: str) -> None:
        said = CONTROLS.sub("", line).strip()[:MAX_LINE]
        if said and (not self._said or self._said[-1] != said):
            self._said.append(said)
            self._count += 1

    async def watch(self) -> None:
        """Remember how everything that listens was started, while it lives; reap what nobody else can."""
        while not self.ending.is_set():
            self._look()
            if self._tiup is not None and self._tiup.returncode is not None and not self._living():
                said = self._said[-1] if self._said else "it said nothing"
                print(f"tiup ended with code {self._tiup.returncode}: {said}", flush=True)
                self.ending.set()
            await asyncio.sleep(LOOK_SEC)

    def _living(self) -> Processes:
        return descendants(os.getpid()) | marked(MARK, self._place.tag)

    def _look(self) -> None:
        self._reap()
        known = descendants(os.getpid())
        for port, pid in listeners(known).items():
            name = (pid, known[pid])
            if name not in self._kept:
                with contextlib.suppress(OSError):  # it has just ended
                    self._kept[name] = ManagedProcess(ProcessRef(*name), Launch.of(pid), own=pid not in self._children)
            if name in self._kept:
                self._kept[name].ports.add(port)
                self._by_port[port] = self._kept[name]

    def _reap(self) -> None:
        """Orphans fall to us; asyncio waits for its own."""
        for pid in orphans(os.getpid()):
            if pid not in self._children:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)

    # Orders.

    def application(self) -> web.Application:
        app = web.Application()
        app.add_routes([web.get("/parts", _answer(self._parts)), web.post("/ports/{port}/start", _answer(self._start))])
        return app

    async def _parts(self, _request: web.Request) -> Mapping[str, Any]:
        """All that listen or have listened, and what tiup has said: `count` lines, the last of them in `said`."""
        self._look()
        ended = self._tiup.returncode if self._tiup is not None else None
        parts = {id(kept): kept.told() for kept in self._by_port.values()}
        return {"parts": list(parts.values()), "said": list(self._said)[-5:], "count": self._count, "ended": ended}

    async def _start(self, request: web.Request) -> Mapping[str, Any]:
        """What listened on that port: unless it lives, the same program, with what it was given, where it ran."""
        # Whoever asked may be killed meanwhile: what was begun is finished.
        return await asyncio.shield(self._bring_back(int(request.match_info["port"])))

    async def _bring_back(self, port: int) -> Mapping[str, Any]:
        async with self._one_at_a_time:
            kept = self._by_port.get(port)
            if kept is None:
                raise SubjectError(f"nothing of this playground has ever listened on port {port}")
            if self.ending.is_set():
                raise SubjectError("the playground ends")
            if await self._stays(kept, port):
                kept.process.resume()
                return kept.told()
            output = os.open(kept.launch.output or os.devnull, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
            try:
                child = await self._spawn(list(kept.launch.argv), kept.launch.environ, kept.launch.cwd, output)
            finally:
                os.close(output)
            new = ManagedProcess(
                ProcessRef(child.pid, start_time_of(child.pid)), kept.launch, own=False, ports=set(kept.ports)
            )
            self._kept[(child.pid, new.process.born or 0)] = new
            self._by_port |= dict.fromkeys(kept.ports, new)
            return new.told()

    async def _stays(self, kept: ManagedProcess, port: int) -> bool:
        until = time.monotonic() + DYING_SEC
        while kept.process.is_alive:
            if port in listeners((kept.process.pid,)) or time.monotonic() > until:
                return True
            await asyncio.sleep(END_LOOK_SEC)
        return False

    # The end.

    def judge(self, task: asyncio.Task[None]) -> None:
        """Without one of its tasks it can keep nothing."""
        if not task.cancelled() and (error := task.exception()) is not None:
            print(f"{type(error).__name__}: {error}", flush=True)
            self.ending.set()

    async def end(self) -> None:
        """As gently as tiup does it; whatever is left then, by SIGKILL."""
        self.ending.set()
        async with self._one_at_a_time:
            for pid, born in self._living().items():
                ProcessRef(pid, born).resume()
            # tiup, those that were started again, and what a killed tiup has left to us.
            for pid, born in children(os.getpid()).items():
                ProcessRef(pid, born).terminate()
            until = time.monotonic() + GRACE_SEC
            while self._living() and time.monotonic() < until:
                self._reap()
                await asyncio.sleep(END_LOOK_SEC)
            while found := self._living():
                for pid, born in found.items():
                    ProcessRef(pid, born).kill()
                self._reap()
                await asyncio.sleep(END_LOOK_SEC)
            await end_all(self._place)


def _answer(
    work: Callable[[web.Request], Awaitable[Mapping[str, Any]]],
) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handler(request: web.Request) -> web.Response:
        try:
            return web.json_response(await work(request))
        except (DemoError, OSError) as error:
            return web.json_response({"error": str(error)}, status=502)

    return handler


async def _listen(minder: PlaygroundSupervisor, place: PlaygroundDir) -> web.AppRunner:
    runner = web.AppRunner(minder.application(), access_log=None, handle_signals=False)
    await runner.setup()
    before = os.umask(0o177)
    try:
        await web.UnixSite(runner, str(place.socket)).start()
    finally:
        os.umask(before)
    return runner


async def _lifeline(minder: PlaygroundSupervisor) -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while await reader.read(4096):
        pass
    minder.ending.set()


async def _mind(place: PlaygroundDir, command: list[str], server: int) -> None:
    minder = PlaygroundSupervisor(place, command)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, minder.ending.set)
    place.note(server, os.getpid())
    runner = await _listen(minder, place)
    tasks: list[asyncio.Task[None]] = []
    try:
        await minder.start()
        works = (_lifeline(minder), minder.watch(), minder.listen_to_tiup())
        tasks += [asyncio.create_task(work) for work in works]
        for task in tasks:
            task.add_done_callback(minder.judge)
        await minder.ending.wait()
    finally:
        await minder.end()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await runner.cleanup()


def main() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    told = json.loads(sys.stdin.readline())
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        sys.exit(f"prctl failed: {os.strerror(ctypes.get_errno())}")
    try:
        asyncio.run(_mind(PlaygroundDir(told["tag"]), told["command"], told["server"]))
    except DemoError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
