"""A cluster as a subject has it: its ground, its members, its client process; brought up, watched, healed, ended."""

import asyncio
import contextlib
import json
import secrets
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any

from demo.container_engine.event_watch import EngineWatch
from demo.errors import SubjectError
from demo.probes.periodic import Pulse
from demo.processes.child import Child, module
from demo.processes.ports import free_ports
from demo.processes.supervised import SupervisedProcess
from demo.subjects.cluster.compose import UP_SEC as MAKE_SEC
from demo.subjects.cluster.connections import CLIENT, ClientConnection, Connections
from demo.subjects.cluster.deployment import Deployment
from demo.subjects.cluster.members import Member, Members

UP_SEC = 90.0
LOOK_SEC = 0.1
LEARN_SEC = 4.0
AGAIN_SEC = 5.0
"""A part that dies while others are brought back is not waited for, but brought back as well."""

CALLED_OFF_SEC = 15.0
CLIENT_EVERY_SEC = 0.25


def places_of(members: Iterable[Member]) -> list[str]:
    """`host:port` of all that are known to be reached."""
    return [member.address for member in members if member.address]


async def _nobody() -> None:
    """The members are known from the start."""


class Cluster:
    """`client`: the module of the client process. `tell` is called with what the presenter should know of its start.

    A subject may say more of its cluster: `endpoints`, what the client process is told of the members; `learn`, who
    looks for members that are not known yet (may raise `SubjectError`); `lacks`, what else it waits for, in words.
    """

    def __init__(self, ground: Deployment, members: Sequence[Member], client: str) -> None:
        self.ground = ground
        self.lines = Connections()
        self.members = Members(members, ground.watch)
        self.tell: Callable[[str], None] = lambda text: None
        self.stirred: Callable[[], None] = lambda: None
        self.endpoints: Callable[[Iterable[Member]], list[str]] = places_of
        self.learn: Callable[[], Coroutine[Any, Any, None]] = _nobody
        self.lacks: Callable[[], Sequence[str]] = tuple
        self.up_sec = UP_SEC
        ground.told(self.members, self._moved, self._say)
        port, self._token = free_ports(1)[0], secrets.token_hex(16)
        self.client = ClientConnection(self.lines, port, self._token)
        self._module = client
        self._process = SupervisedProcess(CLIENT, "load", port, self.client.probe(), self._make_client)
        self._port, self._rate = port, 0.0
        self.client_pulse = Pulse(self.client.probe().look, CLIENT_EVERY_SEC, self.stir)
        self._tasks: set[asyncio.Task[None]] = set()
        self._one_at_a_time = asyncio.Lock()

    @property
    def watch(self) -> EngineWatch | None:
        return self.ground.watch

    @property
    def pulses(self) -> tuple[Pulse, ...]:
        return (*(member.watched(self.stir) for member in self.members), self.client_pulse)

    # What is seen.

    def stir(self) -> None:
        self.stirred()

    def _say(self, text: str) -> None:
        self.tell(text)

    def _moved(self) -> None:
        """The engine has told something: look at it now, and know where it answers."""
        if self.members.take_addresses():
            self._spawn(self.tell_endpoints())
        for member in self.members:
            seen = self.members.seen(member.id)
            if seen is not None and member.pulse.at < seen.since:
                member.pulse.hurry()
        self.stir()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # The client process.

    def _make_client(self) -> Child:
        told = {"id": CLIENT, "port": self._port, "token": self._token, "rate": self._rate}
        told["endpoints"] = self.endpoints(self.members)
        return Child(CLIENT, module(self._module), json.dumps(told).encode())

    async def tell_endpoints(self) -> None:
        with contextlib.suppress(SubjectError):  # a client that is started later is told then
            await self.client.tell("orders", {"endpoints": self.endpoints(self.members)})

    async def set_load(self, per_sec: float) -> None:
        """Operations a second, 0 for none. Raises `SubjectError`."""
        self._rate = per_sec
        await self.client.tell("orders", {"rate": per_sec})

    # Life.

    async def check(self) -> None:
        """Raises `SubjectError` when it cannot be brought up, or attached to, on this machine."""
        await self.ground.check()

    async def start(self) -> None:
        async with self._one_at_a_time:
            await self.ground.bring_up()
            await self._know_in_time()
            await self._process.bring_back()
            await self._until_up(self.up_sec)

    async def _know(self) -> None:
        """Who belongs to it, and where each answers, before the first event has told."""
        await self.learn()
        await self.ground.know()

    async def _know_in_time(self) -> None:
        """A cluster that has just begun may not tell at once. Raises `SubjectError`."""
        until = time.monotonic() + LEARN_SEC
        while True:
            try:
                return await self._know()
            except SubjectError:
                if time.monotonic() > until:
                    raise
            await asyncio.sleep(LOOK_SEC)

    async def _until_up(self, within_sec: float) -> None:
        until = time.monotonic() + within_sec
        while waits_for := await self._down():
            if time.monotonic() > until:
                raise SubjectError(f"not up after {self.up_sec:g} s: {', '.join(waits_for)}")
            await asyncio.sleep(LOOK_SEC)

    async def _down(self) -> list[str]:
        """By probe, now."""
        readings = await asyncio.gather(*(member.look() for member in self.members), self._process.look())
        names = [*(member.id for member in self.members), "load"]
        down = [name for name, reading in zip(names, readings, strict=True) if not reading.ok]
        writes = readings[-1].data.get("canary", {}).get("takes_writes")
        return down or ([] if writes else ["writes"]) or [*self.lacks()]

    async def is_up(self, ident: str) -> bool:
        """By probe of its own, wherever it is published now; in a process that never started it, too."""
        with contextlib.suppress(SubjectError):
            await self._know()
        member = self.members.find(ident)
        return member is not None and (await member.look()).ok

    @property
    def heal_sec(self) -> float:
        """What `heal` takes at most, by its own limits: compose, which may have to make all of it, and the parts."""
        return MAKE_SEC + self.up_sec + AGAIN_SEC

    async def heal(self) -> None:
        """Bring back what does not run: the parts that this show may touch, and the client process."""
        async with self._one_at_a_time:
            until = time.monotonic() + self.up_sec
            await self._bring_back()
            while True:
                try:
                    return await self._until_up(min(AGAIN_SEC, until - time.monotonic()))
                except SubjectError:
                    if time.monotonic() > until:
                        raise
                with contextlib.suppress(SubjectError):  # what is still lacking is said in the end
                    await self._bring_back()

    async def _bring_back(self) -> None:
        with contextlib.suppress(SubjectError):  # nobody may be left who could tell
            await self.learn()
        await self.ground.bring_back()
        await self._know()
        await self._process.bring_back()
        await self.tell_endpoints()

    async def stop(self) -> None:
        """Remove what this show brought up; leave what it found."""
        for task in tuple(self._tasks):
            task.cancel()
        try:
            await self._process.stop()
        finally:
            await self._leave()

    async def _leave(self) -> None:
        """After a start that was called off: it may still be ending what it began."""
        waiting = asyncio.ensure_future(self._one_at_a_time.acquire())
        await asyncio.wait({waiting}, timeout=CALLED_OFF_SEC)
        try:
            await self.ground.take_down()
        finally:
            if waiting.done():
                self._one_at_a_time.release()
            else:
                waiting.cancel()
            await self.ground.close()
            await self.lines.close()
