"""A cluster as a subject uses it: deployment, members and client process; started, observed, healed, stopped."""

import asyncio
import contextlib
import json
import secrets
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any

from demo.compose.command import UP_SEC as MAKE_SEC
from demo.container_engine.event_watch import EngineWatch
from demo.errors import SubjectError
from demo.probes.periodic import Pulse
from demo.processes.child import Child, build_module_command
from demo.processes.ports import free_ports
from demo.processes.supervised import SupervisedProcess
from demo.subjects.cluster.connections import CLIENT, ClientConnection, HttpConnections
from demo.subjects.cluster.deployment import Deployment
from demo.subjects.cluster.members import Member, Members

UP_SEC = 90.0
CHECK_INTERVAL_SEC = 0.1
LEARN_SEC = 4.0
AGAIN_SEC = 5.0
"""How long a heal waits before it restarts again what is down: a member may die while others are restarted."""

CALLED_OFF_SEC = 15.0
CLIENT_EVERY_SEC = 0.25


def addresses_of(members: Iterable[Member]) -> list[str]:
    """Return `host:port` of all members whose address is known."""
    return [member.address for member in members if member.address]


async def _learn_nothing() -> None:
    """Do nothing: the members are known from the start."""


class Cluster:
    """A cluster. `client`: the module of the client process; `notify` is called with notices on the start.

    A subject may set: `endpoints`, what the client process is told of the members; `learn`, which looks for members
    that are not known yet (may raise `SubjectError`); `missing`, what else the start waits for, in words.
    """

    def __init__(self, ground: Deployment, members: Sequence[Member], client: str) -> None:
        self.deployment = ground
        self.connections = HttpConnections()
        self.members = Members(members, ground.watch)
        self.notify: Callable[[str], None] = lambda text: None
        self.on_change: Callable[[], None] = lambda: None
        self.endpoints: Callable[[Iterable[Member]], list[str]] = addresses_of
        self.learn: Callable[[], Coroutine[Any, Any, None]] = _learn_nothing
        self.missing: Callable[[], Sequence[str]] = tuple
        self.up_sec = UP_SEC
        ground.connect(self.members, self._on_engine_news, self._notify)
        port, self._token = free_ports(1)[0], secrets.token_hex(16)
        self.client = ClientConnection(self.connections, port, self._token)
        self._module = client
        self._process = SupervisedProcess(CLIENT, "load", port, self.client.probe(), self._make_client)
        self._port, self._rate = port, 0.0
        self.client_pulse = Pulse(self.client.probe().read, CLIENT_EVERY_SEC, self.check_for_changes)
        self._tasks: set[asyncio.Task[None]] = set()
        self._lock = asyncio.Lock()

    @property
    def watch(self) -> EngineWatch | None:
        return self.deployment.watch

    @property
    def pulses(self) -> tuple[Pulse, ...]:
        return (*(member.watched(self.check_for_changes) for member in self.members), self.client_pulse)

    # Observation.

    def check_for_changes(self) -> None:
        self.on_change()

    def _notify(self, text: str) -> None:
        self.notify(text)

    def _on_engine_news(self) -> None:
        """Take over changed addresses, and probe at once the members whose container has changed its state."""
        if self.members.update_from_events():
            self._spawn(self.send_endpoints())
        for member in self.members:
            seen = self.members.seen(member.id)
            if seen is not None and member.pulse.at < seen.since:
                member.pulse.hurry()
        self.check_for_changes()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # The client process.

    def _make_client(self) -> Child:
        config = {"id": CLIENT, "port": self._port, "token": self._token, "rate": self._rate}
        config["endpoints"] = self.endpoints(self.members)
        return Child(CLIENT, build_module_command(self._module), json.dumps(config).encode())

    async def send_endpoints(self) -> None:
        with contextlib.suppress(SubjectError):  # a client that does not run yet gets them when it is started
            await self.client.send("orders", {"endpoints": self.endpoints(self.members)})

    async def set_load(self, per_sec: float) -> None:
        """Set the load in operations per second, 0 for none. Raises `SubjectError`."""
        self._rate = per_sec
        await self.client.send("orders", {"rate": per_sec})

    # Start, heal, stop.

    async def check(self) -> None:
        """Check that it can be started, or attached to, on this machine. Raises `SubjectError`."""
        await self.deployment.check()

    async def start(self) -> None:
        async with self._lock:
            await self.deployment.bring_up()
            await self._retry_update_addresses()
            await self._process.ensure_running()
        # Without the lock: what dies meanwhile is waited for in vain, unless somebody heals it.
        await self._wait_until_up(self.up_sec)

    async def _update_addresses(self) -> None:
        """Find out who belongs to it and where each answers, without waiting for the engine's first event."""
        await self.learn()
        await self.deployment.update_addresses()

    async def _retry_update_addresses(self) -> None:
        """Do the same, again for up to LEARN_SEC: a new cluster may not answer at once. Raises `SubjectError`."""
        until = time.monotonic() + LEARN_SEC
        while True:
            try:
                return await self._update_addresses()
            except SubjectError:
                if time.monotonic() > until:
                    raise
            await asyncio.sleep(CHECK_INTERVAL_SEC)

    async def _wait_until_up(self, within_sec: float) -> None:
        if waits_for := await self._list_down_after(within_sec):
            raise SubjectError(f"not up within {within_sec:g} s: {', '.join(waits_for)}")

    async def _list_down_after(self, within_sec: float) -> list[str]:
        """Wait until everything is up; return what is not up after that time."""
        until = time.monotonic() + within_sec
        while waits_for := await self._list_down():
            if time.monotonic() > until:
                break
            await asyncio.sleep(CHECK_INTERVAL_SEC)
        return waits_for

    async def _list_down(self) -> list[str]:
        """Probe everything now and return what is not up yet; then `writes`, then what the subject adds."""
        readings = await asyncio.gather(*(member.read() for member in self.members), self._process.read())
        names = [*(member.id for member in self.members), "load"]
        down = [name for name, reading in zip(names, readings, strict=True) if not reading.ok]
        writes = readings[-1].data.get("canary", {}).get("takes_writes")
        return down or ([] if writes else ["writes"]) or [*self.missing()]

    async def is_up(self, ident: str) -> bool:
        """Return whether a member answers a probe now, wherever it is published.

        Works in a process that never called `start`, too: the watchdog's.
        """
        with contextlib.suppress(SubjectError):
            await self._update_addresses()
        member = self.members.find(ident)
        return member is not None and (await member.read()).ok

    @property
    def heal_sec(self) -> float:
        """The maximum duration of `heal` by its own timeouts: compose may have to create everything."""
        return MAKE_SEC + self.up_sec + AGAIN_SEC

    async def heal(self) -> None:
        """Restart what does not run: members that may be touched, and the client process. Raises `SubjectError`."""
        async with self._lock:
            until = time.monotonic() + self.up_sec
            await self._bring_back()
            while down := await self._list_down_after(min(AGAIN_SEC, until - time.monotonic())):
                if time.monotonic() > until:
                    raise SubjectError(f"not up within {self.up_sec:g} s: {', '.join(down)}")
                self._notify(f"still down: {', '.join(down)}; what does not run is started again")
                with contextlib.suppress(SubjectError):  # what is still down is reported after the timeout
                    await self._bring_back()

    async def _bring_back(self) -> None:
        with contextlib.suppress(SubjectError):  # no member may be left that could be asked
            await self.learn()
        await self.deployment.restore()
        await self._update_addresses()
        await self._process.ensure_running()
        await self.send_endpoints()

    async def stop(self) -> None:
        """Remove what this show brought up; leave what it found."""
        for task in tuple(self._tasks):
            task.cancel()
        try:
            await self._process.stop()
        finally:
            await self._clean_up()

    async def _clean_up(self) -> None:
        """Remove and close everything, after waiting for a cancelled start to finish what it has begun."""
        acquiring = asyncio.ensure_future(self._lock.acquire())
        await asyncio.wait({acquiring}, timeout=CALLED_OFF_SEC)
        try:
            await self.deployment.take_down()
        finally:
            if acquiring.done():
                self._lock.release()
            else:
                acquiring.cancel()
            await self.deployment.close()
            await self.connections.close()
