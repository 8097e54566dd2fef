"""One process of the show, as its supervisor keeps it: started, healed and stopped on request, never by itself."""

import asyncio
import logging
import signal
import time
from collections.abc import Callable

from demo.errors import SubjectError, log_unexpected
from demo.processes import procfs
from demo.processes.owned.output import OutputTail
from demo.processes.owned.reaper import ChildReaper
from demo.processes.owned.run import ProcessRun
from demo.processes.owned.spec import Limits, Phase, ProcessSpec, ProcessState
from demo.processes.port_owner import taken_by
from demo.processes.ports import is_free
from demo.processes.process_ref import ProcessRef

logger = logging.getLogger("demo.processes.owned.process")

CHECK_INTERVAL_SEC = 0.03
OWNER_CHECK_INTERVAL_SEC = 0.25
"""Who listens is looked up in all of /proc: not as often as a port is tried."""

CONNECT_SEC = 0.3
YOUNG_SEC = 10.0
"""A process that ends with code 0 so soon, and leaves another one, has gone into the background."""

MAX_REASON = 300


class OwnedProcess:
    """Keeps one process. `changed` is called with it after every change of its state.

    `strays` returns the orphans that belong to no process for certain.
    """

    def __init__(
        self,
        spec: ProcessSpec,
        tag: str,
        limits: Limits,
        reaper: ChildReaper,
        changed: Callable[["OwnedProcess"], None],
        strays: Callable[[], procfs.Processes],
    ) -> None:
        self.spec = spec
        self.output = OutputTail()
        self._tag, self._limits, self._reaper, self._changed, self._strays = tag, limits, reaper, changed, strays
        self._run: ProcessRun | None = None
        self._lock = asyncio.Lock()
        self._cleaning: asyncio.Task[None] | None = None
        self._phase: Phase = "new"
        self._starts = 0
        self._trouble = self._reason = ""
        self._ended_by_us = ""
        self._closed = False
        self._listener: ProcessRef | None = None

    @property
    def state(self) -> ProcessState:
        run = self._run
        return ProcessState(
            self.spec.name,
            self._phase,
            run.pid if run and run.pid else None,
            run.main.born if run and run.main else None,
            run is not None and run.suspended,
            run.exit_code if run else None,
            self._trouble,
            self._reason,
            self._starts,
        )

    @property
    def pid(self) -> int | None:
        """Its main process while that lives."""
        return self._run.pid if self._run is not None and self._run.is_alive else None

    # Requests.

    async def ensure(self, judged: bool) -> None:
        """Start it if it is dead, replace it if it hangs, let it go on if it is suspended; do nothing if it is up.

        With `judged` somebody else says when it is ready, by `confirm`. Raises `SubjectError`.
        """
        async with self._lock:
            self._check_not_closed()
            if self._run is not None and self._run.is_alive:
                if self._run.suspended:
                    self._run.resume()
                if self._phase == "up" and await self._answers():
                    return
            await self._start_anew(judged)

    async def replace(self, judged: bool) -> None:
        """Start it anew, whatever it does. Raises `SubjectError`."""
        async with self._lock:
            self._check_not_closed()
            await self._start_anew(judged)

    def confirm(self) -> None:
        """Take somebody's word that it is ready."""
        if self._run is not None and self._run.is_alive and self._phase == "starting":
            self._set("up")

    def close(self) -> None:
        """Start it never again; a start that is under way gives up."""
        self._closed = True

    async def stop(self, why: str = "stopped") -> None:
        """End it, and return once nothing of it is left."""
        async with self._lock:
            if self._run is None:
                return
            self._ended_by_us = why
            try:
                await self._run.stop()
            finally:
                self._ended_by_us = ""

    def members(self) -> procfs.Processes:
        return self._run.members() if self._run is not None else {}

    def owns_port(self) -> bool | None:
        """Return whether one of its own processes listens on its port; None where it has none."""
        if self.spec.port is None:
            return None
        if self.pid is None:
            return False
        if self._listener is not None and self._listener.is_alive and self._listens(self._listener.pid):
            return True  # saves reading all of /proc: a server keeps its port while it lives
        members = self.members()
        pid = procfs.listeners(members).get(self.spec.port)
        self._listener = None if pid is None else ProcessRef(pid, members[pid])
        return pid is not None

    def _listens(self, pid: int) -> bool:
        return self.spec.port in procfs.listeners((pid,))

    # Starting.

    async def _start_anew(self, judged: bool) -> None:
        await self._kill("replaced")
        try:
            await self._check_port()
            self._run = run = ProcessRun(self.spec, self._tag, self.output, self._reaper, self._take_change)
            self._starts += 1
            self._listener = None
            self._set("starting")
            await run.start()
            self._check_not_closed()
            self._changed(self)  # its pid is known
            await self._wait_ready(run, judged)
        except SubjectError as error:
            await self._abandon(str(error))
            raise
        if not judged:
            self._set("up")

    async def _abandon(self, why: str) -> None:
        """Leave nothing of a start that failed."""
        trouble = self._trouble or "could not be started"
        await self._kill(trouble)
        self._set("ended", trouble, why)

    async def _kill(self, why: str) -> None:
        """Kill what there is of its last run."""
        if self._run is not None and self._run.pid:
            self._ended_by_us = why
            try:
                await self._run.kill()
            finally:
                self._ended_by_us = ""

    async def _check_port(self) -> None:
        """Check that the port is free: another program may have taken it while the process was dead."""
        port, until = self.spec.port, time.monotonic() + self._limits.port
        while port is not None and not is_free(port):
            if time.monotonic() > until:
                self._trouble = "its port is taken"
                raise SubjectError(f"{self.spec.name}: {taken_by(port)}: stop that program, then heal")
            await asyncio.sleep(CHECK_INTERVAL_SEC)

    async def _wait_ready(self, run: ProcessRun, judged: bool) -> None:
        """Wait until its port is its own and accepts; without a port, until it has lived for a moment."""
        port = self.spec.port
        without_port_sec = 0.0 if judged else self._limits.alive
        timeout = without_port_sec if port is None else self.spec.ready_timeout_sec
        until, look_at = time.monotonic() + timeout, 0.0
        while not run.ended.is_set() and time.monotonic() < until:
            self._check_not_closed()
            if port is not None:
                accepts = await _accepts(port)
                if (accepts or time.monotonic() > look_at) and self.owns_port():
                    return
                look_at = (
                    max(look_at, time.monotonic() + OWNER_CHECK_INTERVAL_SEC) if time.monotonic() > look_at else look_at
                )
            await _wait_for(run.ended, CHECK_INTERVAL_SEC)
        if run.ended.is_set():
            raise SubjectError(self._describe_end(run))
        if port is not None:
            raise SubjectError(self._describe_silence(port))

    async def _answers(self) -> bool:
        """Return whether it accepts on its port within the time after which it counts as hung."""
        if self.spec.port is None:
            return True
        until = time.monotonic() + self._limits.hang
        while self.pid is not None:
            if await _accepts(self.spec.port) and self.owns_port():
                return True
            if time.monotonic() > until:
                return False
            await asyncio.sleep(CHECK_INTERVAL_SEC)
        return False

    def _check_not_closed(self) -> None:
        if self._closed:
            raise SubjectError(f"{self.spec.name} was stopped")

    # Its end.

    def _take_change(self) -> None:
        """Tell of an end at once, and then kill what is left of it."""
        run = self._run
        if run is None or not run.ended.is_set():
            self._changed(self)
        elif self._ended_by_us:
            self._set("ended", self._ended_by_us, self._ended_by_us)
        elif self._phase == "starting":
            run.adopt(self._strays())  # whoever starts it says why it ended
        elif self._phase == "up":
            self._set("ended", _trouble_of(run.exit_code), self._describe_end(run))
            self._cleaning = asyncio.get_running_loop().create_task(self._clean_up(run))
            self._cleaning.add_done_callback(_log_failure)

    async def _clean_up(self, run: ProcessRun) -> None:
        """Kill what it has left, and say so if it seems to have meant that to go on."""
        if run.exit_code == 0 and time.monotonic() - run.began < YOUNG_SEC:
            run.adopt(self._strays())
            if left := run.members():
                self._set("ended", self._trouble, self._describe_background(left))
        await run.clean_up()

    def _set(self, phase: Phase, trouble: str = "", reason: str = "") -> None:
        self._phase, self._trouble, self._reason = phase, trouble, reason
        self._changed(self)

    def _describe_end(self, run: ProcessRun) -> str:
        name, said = self.spec.name, self._last_words()
        self._trouble = _trouble_of(run.exit_code)
        while_starting = " while starting" if self._phase == "starting" else ""
        if while_starting and run.exit_code == 0 and (left := run.members()):
            return self._describe_background(left)
        return f"{name} {_ending_of(run.exit_code)}{while_starting}: {said}"

    def _describe_background(self, left: procfs.Processes) -> str:
        names = ", ".join(f"{procfs.name_of(pid)}, process {pid}" for pid in left)
        return (
            f"{self.spec.name} went into the background ({names}), and was ended: "
            f"have it run in the foreground. {self._last_words()}"
        )

    def _describe_silence(self, port: int) -> str:
        after = f"after {self.spec.ready_timeout_sec:g} s"
        if not is_free(port) and not self.owns_port():
            return f"{self.spec.name} does not listen on port {port} {after}: {taken_by(port)}"
        return f"{self.spec.name} does not accept on port {port} {after}: {self._last_words()}"

    def _last_words(self) -> str:
        return self.output.last_line[:MAX_REASON] or "it printed nothing"


def _trouble_of(code: int | None) -> str:
    if code is None:
        return "not running"
    return f"exit code {code}" if code >= 0 else "killed" if code == -signal.SIGKILL else _signal_name(-code)


def _ending_of(code: int | None) -> str:
    if code is None or code >= 0:
        return f"ended with code {code}"
    return f"was ended by {_signal_name(-code)}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


async def _accepts(port: int) -> bool:
    """Return whether somebody accepts connections on this port of loopback."""
    for host in ("127.0.0.1", "::1"):
        try:
            async with asyncio.timeout(CONNECT_SEC):
                _, writer = await asyncio.open_connection(host, port)
        except (OSError, TimeoutError):
            continue
        writer.close()
        return True
    return False


async def _wait_for(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log_unexpected(logger, "killing what a process has left", error)
