"""One run of a process: started once, ended once. When its main process ends, the rest of it is killed."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

from demo.errors import FaultError, SubjectError
from demo.processes import procfs
from demo.processes.child import start_time_of
from demo.processes.environment import for_own_process
from demo.processes.owned.output import OutputTail
from demo.processes.owned.reaper import ChildReaper
from demo.processes.owned.spec import ProcessSpec
from demo.processes.process_ref import ProcessRef

LAUNCH = Path(__file__).with_name("launch.py")
MARK = "CHAOS_STAGE_PROCESS"
"""The environment variable that names the supervisor's run and the process, in all that the process starts."""

SUPERVISOR_MARK = "CHAOS_STAGE_SUPERVISOR"
"""The same for the supervisor's run alone, so that the next one finds what a killed supervisor and guard have left."""

LAUNCH_TIMEOUT_SEC = 10.0
KILL_TIMEOUT_SEC = 5.0
CHECK_INTERVAL_SEC = 0.02

READ_BYTES = 65_536
MAX_BURST_BYTES = 262_144
PAUSE_SEC = 0.1
"""After so many bytes, the output is left alone for so long: a process that prints for ever waits, nobody else does."""

MAX_DRAINS = 32
"""Reads of what an ended process has printed last: at least what a pipe of a megabyte holds."""


class ProcessRun:
    """Runs `spec`. `changed` is called when it ends, is suspended, or goes on."""

    def __init__(
        self, spec: ProcessSpec, tag: str, output: OutputTail, reaper: ChildReaper, changed: Callable[[], None]
    ) -> None:
        self._spec, self._output, self._reaper, self._changed = spec, output, reaper, changed
        self._tag, self._mark = tag, f"{tag}/{spec.name}"
        self._popen: subprocess.Popen[bytes] | None = None
        self._pipe = -1
        self._burst = 0
        self._known: procfs.Processes = {}
        self.began = time.monotonic()
        self.main: ProcessRef | None = None
        self.exit_code: int | None = None
        self.suspended = False
        self.ended = asyncio.Event()

    @property
    def pid(self) -> int:
        return self._popen.pid if self._popen else 0

    @property
    def is_alive(self) -> bool:
        return self._popen is not None and not self.ended.is_set()

    # Starting.

    async def start(self) -> None:
        """Start it; return once its program runs. Raises `SubjectError` with the reason, when nothing of it is left."""
        status_end, status = os.pipe()
        self._pipe, output = self._open_output()
        try:
            self._spawn(status, output)
        except OSError as error:
            os.close(status_end)
            os.close(self._pipe)
            raise SubjectError(f"{self._spec.name} could not be started: {error.strerror or error}") from error
        finally:
            os.close(status)
            os.close(output)
        self._watch_output()
        trouble = await _read_status(status_end)
        if trouble is None:
            await self.kill()
            raise SubjectError(f"{self._spec.name} did not start within {LAUNCH_TIMEOUT_SEC:.0f} s")
        if trouble:
            await self.ended.wait()
            raise SubjectError(f"{self._spec.name} could not be started: {trouble}")

    def _open_output(self) -> tuple[int, int]:
        """Return the descriptors to read its output from, and for it to print to."""
        if self._spec.terminal is None:
            return os.pipe()
        ours, its = os.openpty()
        termios.tcsetwinsize(its, self._spec.terminal)
        return ours, its

    def _spawn(self, status: int, output: int) -> None:
        """Start the launcher, and register it before the loop can reap it. Raises `OSError`."""
        self._output.begin()
        self._popen = popen = subprocess.Popen(  # noqa: S603 - a script of ours
            [sys.executable, "-I", "-S", str(LAUNCH)],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            pass_fds=(status,),
            start_new_session=True,
        )
        self._reaper.register(popen.pid, self._take_exit, self._take_stop)
        with contextlib.suppress(FaultError):
            self.main = ProcessRef(popen.pid, start_time_of(popen.pid))
        spec = self._spec
        order = {
            "argv": spec.argv,
            "cwd": spec.cwd,
            "inherited": for_own_process(),
            "env": {SUPERVISOR_MARK: self._tag, MARK: self._mark, **spec.env},
            "user": spec.user,
            "parent": os.getpid(),
            "status": status,
        }
        # The environment is sent through the pipe: it may hold secrets, and the launcher's own stays as it is.
        with contextlib.suppress(BrokenPipeError), popen.stdin as stdin:  # type: ignore[union-attr]
            stdin.write(json.dumps(order).encode())

    # Output.

    def _watch_output(self) -> None:
        os.set_blocking(self._pipe, False)
        asyncio.get_running_loop().add_reader(self._pipe, self._read_output)

    def _read_output(self) -> None:
        """Read what has come; at the end of the pipe, or after a burst, stop reading."""
        try:
            chunk = os.read(self._pipe, READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        if not chunk:
            self._close_output()
            return
        self._output.add(chunk)
        loop = asyncio.get_running_loop()
        if self._burst == 0:
            loop.call_later(PAUSE_SEC, self._end_burst)
        self._burst += len(chunk)
        if self._burst > MAX_BURST_BYTES:
            loop.remove_reader(self._pipe)

    def _end_burst(self) -> None:
        self._burst = 0
        if self._pipe >= 0:
            asyncio.get_running_loop().add_reader(self._pipe, self._read_output)

    def _drain_output(self) -> None:
        """Read what the ended process has printed last."""
        for _ in range(MAX_DRAINS):
            if self._pipe < 0:
                return
            try:
                chunk = os.read(self._pipe, READ_BYTES)
            except OSError:  # nothing more, for now: something of it is left, and is killed soon
                return
            if not chunk:
                self._close_output()
                return
            self._output.add(chunk)

    def _close_output(self) -> None:
        if self._pipe >= 0:
            asyncio.get_running_loop().remove_reader(self._pipe)
            os.close(self._pipe)
            self._pipe = -1
        self._output.finish()

    # Its end.

    def _take_exit(self, code: int) -> None:
        if self._popen is not None:
            self._popen.returncode = code  # reaped here: it must not wait for another process of this pid
        self.exit_code, self.suspended = code, False
        self._drain_output()
        self.ended.set()
        self._changed()

    def _take_stop(self, suspended: bool) -> None:
        self.suspended = suspended
        self._changed()

    def members(self) -> procfs.Processes:
        """Return its living processes: the main one, what descends from it, and what it has let go of."""
        ours = procfs.descendants(os.getpid())
        self._known = procfs.list_with_descendants({pid for pid, born in ours.items() if self._is_member(pid, born)})
        return dict(self._known)

    def adopt(self, orphans: procfs.Processes) -> None:
        """Count these among its members: nobody else has let go of them."""
        self._known |= orphans

    def _is_member(self, pid: int, born: int) -> bool:
        if pid == self.pid or self._known.get(pid) == born:
            return True
        with contextlib.suppress(OSError):
            if os.getsid(pid) == self.pid:
                return True
            mark = os.fsencode(f"{MARK}={self._mark}")
            return mark in (procfs.PROC / str(pid) / "environ").read_bytes().split(b"\0")
        return False

    async def clean_up(self) -> None:
        """Kill what is left of it after the end of its main process. Raises `SubjectError` when that is impossible."""
        until = time.monotonic() + KILL_TIMEOUT_SEC
        while left := self.members():
            for pid, born in left.items():
                with contextlib.suppress(PermissionError):
                    ProcessRef(pid, born).kill()
            if time.monotonic() > until:
                raise SubjectError(
                    f"processes of {self._spec.name} do not terminate, kill them: {', '.join(map(str, left))}"
                )
            await asyncio.sleep(CHECK_INTERVAL_SEC)
        self._close_output()

    async def kill(self) -> None:
        """Kill all of it, and return once nothing is left. Raises `SubjectError`."""
        await self.clean_up()
        async with asyncio.timeout(KILL_TIMEOUT_SEC):
            await self.ended.wait()

    async def stop(self) -> None:
        """End it with SIGTERM, and after its stop timeout with SIGKILL; return once nothing is left."""
        if self.is_alive:
            for pid, born in self.members().items():
                process = ProcessRef(pid, born)
                with contextlib.suppress(PermissionError):
                    process.terminate()
                    process.resume()  # a suspended process would not act on SIGTERM
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._spec.stop_timeout_sec):
                    await self.ended.wait()
        if self._popen is not None:
            await self.kill()

    def resume(self) -> None:
        """Let all of it go on that was suspended."""
        for pid, born in self.members().items():
            with contextlib.suppress(PermissionError):
                ProcessRef(pid, born).resume()


async def _read_status(descriptor: int) -> str | None:
    """Return what the launcher reports: "" once the program runs, else why not; None when it says nothing in time."""
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb")
    )
    try:
        async with asyncio.timeout(LAUNCH_TIMEOUT_SEC):
            return (await reader.read()).decode(errors="replace")
    except TimeoutError:
        return None
    finally:
        transport.close()
