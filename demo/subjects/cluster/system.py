"""A cluster of containers as a subject has it: brought up or found, watched, healed, and left as it was found."""

import asyncio
import contextlib
import json
import secrets
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demo.chaos.child import Child, module
from demo.engine.container import Container
from demo.engine.engine import Engine
from demo.engine.watch import EngineWatch
from demo.errors import EngineError, SubjectError
from demo.health.pulse import Pulse
from demo.subjects.cluster import owner
from demo.subjects.cluster.compose import Compose
from demo.subjects.cluster.lines import ClientLine, Lines
from demo.subjects.cluster.members import Member, Members
from demo.subjects.cluster.pull import pull
from demo.subjects.parts.part import Part
from demo.subjects.parts.ports import free_ports, is_free

UP_SEC = 90.0
LOOK_SEC = 0.1
CLIENT_EVERY_SEC = 0.25


@dataclass(frozen=True)
class Plans:
    """What is to be brought up, when it does not run yet. `client`: the module of the client process.

    `ports`: where it publishes on 127.0.0.1, by service.
    """

    project: str
    file: Path
    images: tuple[str, ...]
    environ: dict[str, str]
    client: str
    ports: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Terms:
    """`attach`: it runs already, and nothing of it is started or removed. `keep`: what is brought up stays."""

    attach: bool = False
    keep: bool = False
    allow_unlabelled: bool = False


class Cluster:
    """`tell` is called with what the presenter should know of its start."""

    def __init__(self, plans: Plans, members: Sequence[Member], terms: Terms) -> None:
        self.plans, self.terms = plans, terms
        self.engine = Engine()
        self.lines = Lines()
        self.watch = EngineWatch(self.engine, plans.project, self._moved)
        self.members = Members(tuple(members), self.watch)
        self.tell: Callable[[str], None] = lambda text: None
        self.stirred: Callable[[], None] = lambda: None
        port, self._token = free_ports(1)[0], secrets.token_hex(16)
        self.client = ClientLine(self.lines, port, self._token)
        self._process = Part("load", "load", port, self.client.probe(), self._make_client)
        self._port, self._rate = port, 0.0
        self.client_pulse = Pulse(self.client.probe().look, CLIENT_EVERY_SEC, self._stir)
        self._compose = Compose(plans.project, plans.file, plans.environ | {"DEMO_OWNER": owner.mine(keep=terms.keep)})
        self._ours = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._one_at_a_time = asyncio.Lock()

    @property
    def pulses(self) -> tuple[Pulse, ...]:
        return (*(member.watched(self._stir) for member in self.members), self.client_pulse)

    # What is seen.

    def _stir(self) -> None:
        self.stirred()

    def _moved(self) -> None:
        """The engine has told something: look at it now, and know where it answers."""
        if self.members.take_addresses():
            self._spawn(self._tell_endpoints())
        for member in self.members:
            seen = self.members.seen(member.id)
            if seen is not None and hasattr(member, "pulse") and member.pulse.at < seen.since:
                member.pulse.hurry()
        self._stir()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # The client process.

    def endpoints(self) -> list[str]:
        return [member.address for member in self.members if member.address]

    def _make_client(self) -> Child:
        told = {"port": self._port, "token": self._token, "endpoints": self.endpoints(), "rate": self._rate}
        return Child("load", module(self.plans.client), json.dumps(told).encode())

    async def _tell_endpoints(self) -> None:
        with contextlib.suppress(SubjectError):  # a client that is started later is told then
            await self.client.tell("orders", {"endpoints": self.endpoints()})

    async def set_load(self, per_sec: float) -> None:
        """Operations a second, 0 for none. Raises `SubjectError`."""
        self._rate = per_sec
        await self.client.tell("orders", {"rate": per_sec})

    # Life.

    async def check(self) -> None:
        """Raises `SubjectError` when it cannot be brought up, or attached to, on this machine."""
        try:
            containers = await self.engine.containers(self.plans.project)
            self._compose.environ |= self.engine.environ()
            if not self.terms.attach:
                await self._compose.check()
            elif not containers:
                raise SubjectError(f"no container belongs to a compose project {self.plans.project!r} here")
        except EngineError as error:
            raise SubjectError(str(error)) from error
        finally:
            await self.engine.close()

    async def start(self) -> None:
        async with self._one_at_a_time:
            if self.terms.allow_unlabelled:
                self.tell(
                    f"every container of {self.plans.project} that this show names can be broken, labelled or not"
                )
            try:
                if not self.terms.attach:
                    await self._bring_up()
                await self._know()
            except EngineError as error:
                raise SubjectError(str(error)) from error
            await self._process.bring_back()
            await self._until_up()

    async def _bring_up(self) -> None:
        """What runs is taken as it is; what a show of this machine left behind is this show's to remove."""
        found = await self.engine.containers(self.plans.project)
        self._compose.environ |= self.engine.environ()
        claim = owner.claim_on(found)
        lacking = self._lacking(found)
        self._ours = not self.terms.keep and claim in ("nobody's", "left")
        if found and not lacking:
            word = (
                "was left by a show that is gone; it ends with this one" if claim == "left" else "stays when this ends"
            )
            self.tell(f"{self.plans.project} runs already; it {word}")
            return
        if found:
            self.tell(f"{self.plans.project} is only half up: starting {', '.join(lacking)}")
        self._check_ports(lacking)
        if not found:
            await pull(self.engine, self.plans.images, self.tell)
            self.tell(f"starting {self.plans.project} with compose")
        await self._compose.up()

    def _check_ports(self, services: Sequence[str]) -> None:
        """Compose would say so too, at greater length, and after having made half of it."""
        taken = [port for name in services for port in self.plans.ports.get(name, ()) if not is_free(port)]
        if taken:
            some = ", ".join(map(str, taken))
            self._ours = False
            raise SubjectError(f"taken on 127.0.0.1: port {some}; end what uses it, or take others (-o base-port=PORT)")

    def _lacking(self, found: Sequence[Container]) -> list[str]:
        running = {container.service for container in found if container.is_running}
        return [member.id for member in self.members if member.id not in running]

    async def _know(self) -> None:
        """Where each answers, before the first event has told."""
        found = {container.service: container for container in await self.engine.containers(self.plans.project)}
        for member in self.members:
            if member.id in found:
                member.take(found[member.id])

    async def _until_up(self) -> None:
        until = time.monotonic() + UP_SEC
        while waits_for := await self._down():
            if time.monotonic() > until:
                raise SubjectError(f"not up after {UP_SEC:g} s: {', '.join(waits_for)}")
            await asyncio.sleep(LOOK_SEC)

    async def _down(self) -> list[str]:
        """By probe, now."""
        readings = await asyncio.gather(*(member.look() for member in self.members), self._process.look())
        names = [*(member.id for member in self.members), "load"]
        down = [name for name, reading in zip(names, readings, strict=True) if not reading.ok]
        writes = readings[-1].data.get("canary", {}).get("takes_writes")
        return down or ([] if writes else ["writes"])

    async def is_up(self, ident: str) -> bool:
        """By probe of its own, wherever it is published now; in a process that never started it, too."""
        member = next((member for member in self.members if member.id == ident), None)
        if member is None:
            return False
        with contextlib.suppress(EngineError):
            await self._know()
        return (await member.look()).ok

    async def heal(self) -> None:
        """Bring back what does not run: the containers that this show may touch, and the client process."""
        async with self._one_at_a_time:
            try:
                await self._start_containers()
                await self._know()
            except EngineError as error:
                raise SubjectError(str(error)) from error
            await self._process.bring_back()
            await self._tell_endpoints()
            await self._until_up()

    async def _start_containers(self) -> None:
        found = {container.service: container for container in await self.engine.containers(self.plans.project)}
        if not self.terms.attach and any(member.id not in found for member in self.members):
            await self._compose.up()
        for member in self.members:
            container = found.get(member.id)
            if container is None or container.is_running:
                continue
            if not (container.is_target or self.terms.allow_unlabelled):
                raise SubjectError(f"{member.id} does not run, and lacks the label demo.target=true: start it by hand")
            await (self.engine.unpause if container.state == "paused" else self.engine.start)(container.id)

    async def stop(self) -> None:
        """Remove what this show brought up; leave what it found."""
        for task in tuple(self._tasks):
            task.cancel()
        await self._process.stop()
        try:
            if self._ours:
                self._ours = False
                await self._compose.down()
        finally:
            await self.engine.close()
            await self.lines.close()
