"""The processes of a show as its server sees them: started in order, watched, broken and healed, ended at the end."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from demo.errors import SubjectError, log_unexpected
from demo.processes.owned.connection import WHO, SupervisorConnection
from demo.processes.owned.identity import SupervisorIdentity
from demo.processes.owned.spec import Limits, OutputLines, ProcessSpec, ProcessState, RawOutput
from demo.processes.owned.start_supervisor import Opened, find_or_start
from demo.processes.process_ref import ProcessRef

logger = logging.getLogger("demo.processes.owned")

READY_CHECK_INTERVAL_SEC = 0.05
MARGIN_SEC = 10.0
"""The time that a request may take longer than what the supervisor waits for meanwhile."""

OPENING_TIMEOUT_SEC = 5.0
"""How long the end of a show waits for a supervisor that a cancelled start was finding or starting."""

END_TIMEOUT_SEC = 5.0
"""How long a supervisor that has stopped everything may take to end."""

IsReady = Callable[[], Awaitable[bool]]
"""Returns whether a process is ready; asked again and again until its timeout."""

OnChange = Callable[[ProcessState], None]


@dataclass(frozen=True)
class Started:
    """What `start` found. `adopted`: an earlier server's supervisor was still there.

    `changed` and `removed` name processes that were ended because the show describes them otherwise, or not any more.
    """

    adopted: bool
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


class OwnedProcesses:
    """The processes of the show called `show`, in the order in which they are started.

    `ready` judges some of them; the others are ready when their port is theirs and accepts, or when they have lived for
    a moment. `side_specs` are started one by one, by `launch`: neither the start of the show nor its healing depends on
    them.
    """

    def __init__(
        self,
        show: str,
        specs: Sequence[ProcessSpec],
        ready: Mapping[str, IsReady] | None = None,
        limits: Limits | None = None,
        side_specs: Sequence[ProcessSpec] = (),
    ) -> None:
        self.show = show
        self.specs = {spec.name: spec for spec in specs}
        self._all_specs = self.specs | {spec.name: spec for spec in side_specs}
        self._ready = dict(ready or {})
        self.limits = limits or Limits()
        self._connection: SupervisorConnection | None = None
        self._opening: asyncio.Future[Opened] | None = None
        self._is_configured = False
        """Whether the supervisor knows which processes there are."""
        self._states = {name: ProcessState(name) for name in self._all_specs}
        self._listeners: list[OnChange] = []
        self._lock = asyncio.Lock()
        self._stopping = False

    # What is known.

    @property
    def identity(self) -> SupervisorIdentity | None:
        """The supervisor, for a fault's plan; None before the start, and when it has ended."""
        return self._connection.identity if self._connection is not None else None

    def state(self, name: str) -> ProcessState:
        """Return what was last heard of a process. Raises `SubjectError` for a name that is not of this show."""
        self._find(name)
        return self._states[name]

    def on_change(self, listener: OnChange) -> Callable[[], None]:
        """Call `listener` after every change, within milliseconds; return a function that ends this."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def owns_port(self, name: str) -> bool | None:
        """Return whether the process, or a descendant of it, listens on its port now; None where it has none."""
        owns: bool | None = (await self._request("state", name=name))["owns_port"]
        return owns

    async def output(self, name: str, since: int = 0) -> OutputLines:
        """Return the lines that it printed from number `since` on, as far as they are kept. Raises `SubjectError`."""
        return OutputLines.from_json(await self._request("output", name=name, since=since))

    async def raw_output(self, name: str, since: int, max_bytes: int) -> RawOutput:
        """Return the last `max_bytes` bytes of what it printed after the first `since` bytes. Raises `SubjectError`."""
        return RawOutput.from_json(await self._request("raw_output", name=name, since=since, most=max_bytes))

    # Starting and ending.

    async def start(self) -> Started:
        """Start all that does not run, in order, each once the one before is ready; adopt what an earlier server left.

        Raises `SubjectError` at the first that does not start: nothing of that one is left, those before it run on.
        """
        async with self._lock:
            self._stopping = False
            found = await self._prepare()
            for name in self.specs:
                await self._ensure(name)
        return found

    async def _prepare(self) -> Started:
        """Find or start the supervisor, and tell it what there is."""
        adopted = await self._connect()
        if self._stopping:
            raise SubjectError("the show is being ended")
        specs = [spec.to_json() for spec in self._all_specs.values()]
        found = await self._request("configure", timeout_sec=self._stop_timeout_sec, specs=specs)
        self._is_configured = True
        return Started(adopted, tuple(found["changed"]), tuple(found["removed"]))

    async def launch(self, name: str) -> ProcessState:
        """Start one process if it does not run, without a word about the others. Raises `SubjectError`."""
        async with self._lock:  # after a start that is under way
            if self._connection is None or not self._is_configured:
                await self._prepare()
        await self._ensure(name)
        return self.state(name)

    @property
    def _stop_timeout_sec(self) -> float:
        return sum(spec.stop_timeout_sec for spec in self._all_specs.values()) + MARGIN_SEC

    async def admit(self) -> bool:
        """Become the one server of this show, and return whether it adopts what an earlier server left.

        Starts nothing but the supervisor. Raises `SubjectError` while another server presents the show.
        """
        async with self._lock:
            self._stopping = False
            return await self._connect()

    async def _connect(self) -> bool:
        if self._connection is not None:
            return True
        self._is_configured = False
        self._opening = asyncio.ensure_future(
            find_or_start(self.show, self.limits, self._take, self._take_supervisor_end)
        )
        # Shielded, for the supervisor may run by the time that the start is cancelled: `stop` has to end it.
        opened = await asyncio.shield(self._opening)
        self._opening = None
        return self._take_opened(opened)

    def _take_opened(self, opened: Opened) -> bool:
        self._connection, states, adopted = opened
        for state in states:
            self._take(state)
        return adopted

    async def _finish_opening(self) -> None:
        """Wait for the connection that a cancelled start was opening; give it up if that takes long."""
        opening, self._opening = self._opening, None
        if opening is None:
            return
        await asyncio.wait({opening}, timeout=OPENING_TIMEOUT_SEC)
        if not opening.done():
            opening.cancel()
            return
        with contextlib.suppress(SubjectError):
            self._take_opened(await opening)

    async def stop(self) -> None:
        """End all processes and their supervisor; safe to call twice, or without a start. Raises `SubjectError`."""
        self._stopping = True
        if self._connection is None:
            async with self._lock:  # a start that is just connecting
                await self._finish_opening()
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            # A start that is under way ends with this: it is not waited for.
            await connection.request("stop", timeout_sec=self._stop_timeout_sec)
        except SubjectError:
            if not await _has_ended(connection.identity):
                raise
        finally:
            await connection.close()
        if not await _has_ended(connection.identity):
            raise SubjectError(f"{WHO} does not end: kill process {connection.identity.guard}")

    async def close(self) -> None:
        """Leave the processes to the next server, or to their end if none comes."""
        await self._finish_opening()
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    # One process.

    async def restart(self, name: str) -> ProcessState:
        """Heal one process: start it if it is dead, replace it if it hangs, do nothing if it is up.

        Raises `SubjectError`.
        """
        self._find(name)
        try:
            await self._restart(name)
        except SubjectError:
            if self._connection is not None or self._stopping:
                raise
            await self.start()  # the supervisor has ended meanwhile
        return self.state(name)

    async def _restart(self, name: str) -> None:
        if self._connection is None or not self._is_configured:
            # All has ended with the supervisor, and a new one knows of none.
            await self.start()
        elif self.state(name).phase == "up" and not await self._is_judged_up(name):
            await self._ensure(name, do="replace")
        else:
            await self._ensure(name)

    async def _is_judged_up(self, name: str) -> bool:
        """Return what its judge says within the time after which it counts as hung; True without one."""
        if self.state(name).suspended:
            await self.resume(name)
        return await self._becomes_ready(name, self.limits.hang)

    async def _ensure(self, name: str, do: str = "ensure") -> None:
        spec, judged = self._find(name), name in self._ready
        began = time.monotonic()
        timeout_sec = spec.ready_timeout_sec + spec.stop_timeout_sec + MARGIN_SEC
        self._take(ProcessState.from_json(await self._request(do, timeout_sec=timeout_sec, name=name, judged=judged)))
        if not judged or self.state(name).phase != "starting":
            return
        if await self._becomes_ready(name, spec.ready_timeout_sec - (time.monotonic() - began)):
            self._take(ProcessState.from_json(await self._request("confirm", name=name)))
            return
        why = f"{name} is not ready after {spec.ready_timeout_sec:g} s"
        if not self.state(name).alive:
            why = self.state(name).reason or why
        elif said := (await self.output(name)).lines[-1:]:
            why = f"{why}: {said[0]}"
        timeout_sec = spec.stop_timeout_sec + MARGIN_SEC
        self._take(ProcessState.from_json(await self._request("fail", timeout_sec=timeout_sec, name=name, why=why)))
        raise SubjectError(why)

    async def _becomes_ready(self, name: str, within_sec: float) -> bool:
        judge = self._ready.get(name)
        until = time.monotonic() + within_sec
        while judge is not None:
            if not self.state(name).alive:
                return False
            try:
                async with asyncio.timeout(max(READY_CHECK_INTERVAL_SEC, until - time.monotonic())):
                    if await judge():
                        return True
            except TimeoutError:
                return False
            if time.monotonic() > until:
                return False
            await asyncio.sleep(READY_CHECK_INTERVAL_SEC)
        return True

    async def kill(self, name: str) -> None:
        """Send SIGKILL to the process; the supervisor kills what is left of it then. Raises `SubjectError`."""
        state = self.state(name)
        if not state.alive or state.pid is None:
            raise SubjectError(f"{name} is not running")
        ProcessRef(state.pid, state.born).kill()

    async def suspend(self, name: str) -> None:
        """Send SIGSTOP to the process and to all that it started: they live, but answer nothing."""
        for process in await self._processes_of(name):
            process.suspend()

    async def resume(self, name: str) -> None:
        """Let go on what was suspended."""
        for process in await self._processes_of(name):
            process.resume()

    async def _processes_of(self, name: str) -> list[ProcessRef]:
        self._find(name)
        members = (await self._request("members", name=name))["members"]
        return [ProcessRef(pid, born) for pid, born in members]

    # The supervisor.

    def _find(self, name: str) -> ProcessSpec:
        if name not in self._all_specs:
            raise SubjectError(f"this show has no process {name!r}")
        return self._all_specs[name]

    async def _request(self, do: str, *, timeout_sec: float = 5.0, **fields: Any) -> Mapping[str, Any]:
        if self._connection is None:
            raise SubjectError(f"{WHO} does not run")
        return await self._connection.request(do, timeout_sec=timeout_sec, **fields)

    def _take(self, state: ProcessState) -> None:
        """Take over what the supervisor tells, and pass it on if it is new."""
        if state.name not in self._all_specs or self._states[state.name] == state:
            return
        self._states[state.name] = state
        for listener in tuple(self._listeners):
            try:
                listener(state)
            except Exception as error:  # noqa: BLE001 - one listener must not silence the others
                log_unexpected(logger, f"telling of {state.name}", error)

    def _take_supervisor_end(self) -> None:
        """Tell that all processes have ended: none outlives the supervisor."""
        self._connection = None
        why = f"{WHO} has ended, and all of them with it"
        for name, state in tuple(self._states.items()):
            if state.alive:
                self._take(ProcessState(name, "ended", state.pid, state.born, False, None, "ended", why, state.starts))


async def _has_ended(supervisor: SupervisorIdentity) -> bool:
    """Return whether it ends within some seconds."""
    until = time.monotonic() + END_TIMEOUT_SEC
    while not supervisor.has_ended:
        if time.monotonic() > until:
            return False
        await asyncio.sleep(READY_CHECK_INTERVAL_SEC)
    return True
