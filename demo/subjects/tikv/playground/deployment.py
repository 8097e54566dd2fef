"""A cluster that `tiup playground` runs for this show: begun, waited for, mended, and ended with it."""

import asyncio
import contextlib
import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from demo.container_engine.event_watch import EngineWatch
from demo.errors import SubjectError
from demo.processes.child import Child, detached
from demo.processes.environment import past_proxies
from demo.processes.unix_client import ask
from demo.subjects.cluster.deployment import Tell
from demo.subjects.cluster.members import Members
from demo.subjects.tikv.discovery import MemberDiscovery
from demo.subjects.tikv.playground.directories import PlaygroundDir, end_all, end_what_is_left
from demo.subjects.tikv.playground.tiup import EACH, VERSION, check_ports, command, find_tiup, missing
from demo.subjects.tikv.topology import Topology

ASK_SEC = 2.0
BEGIN_SEC = 10.0
UP_SEC = 180.0
LOOK_SEC = 0.3
SAY_SEC = 3.0
STILL_SEC = 20.0
END_SEC = 30.0
"""What the minder gets to end all of it: gently for 10 s, then not."""

CLIENT_URLS = "--advertise-client-urls="


class Playground:
    """A `Ground`. Its parts end with this process, however that ends: they belong to a process that minds them."""

    watch: EngineWatch | None = None

    def __init__(self, port_offset: int) -> None:
        self.port_offset = port_offset
        self._tell: Tell = lambda text: None
        self._members = Members((), None)
        self._place: PlaygroundDir | None = None
        self._minder: Child | None = None
        self._mourning: asyncio.Task[None] | None = None
        self._heard = 0
        self._spoke_at = 0.0

    def join(self, parts: Topology, roster: MemberDiscovery) -> None:
        """Before all else: who asks PD for its members, and where they are written down."""
        self._parts, self._roster = parts, roster

    def told(self, members: Members, changed: Callable[[], None], tell: Tell) -> None:
        self._members, self._tell = members, tell

    # Life.

    async def check(self) -> None:
        find_tiup()
        check_ports(self.port_offset)

    async def bring_up(self) -> None:
        """From nothing, always: a playground belongs to one show."""
        tiup = find_tiup()
        await end_what_is_left(self._tell)
        place = self._place = PlaygroundDir.new()
        if lacking := missing():
            self._tell(f"tiup loads {', '.join(lacking)} first: that may take minutes")
        self._tell(f"starting {EACH} PDs and {EACH} stores of TiKV {VERSION} with tiup playground")
        words = command(tiup, place.tag, place.config, self.port_offset)
        told = {"command": words, "tag": place.tag, "server": os.getpid()}
        line = json.dumps(told).encode()
        self._minder = Child(
            "the playground", detached("demo.subjects.tikv.playground.supervisor"), line, environ=past_proxies()
        )
        await self._minder.start()
        try:
            await self._until_whole()
        except SubjectError:
            await self.take_down()
            raise
        self._mourning = asyncio.create_task(self._mourn(self._minder, place))

    async def _until_whole(self) -> None:
        """While tiup loads, as long as it likes; once a PD runs, UP_SEC."""
        begun = self._spoke_at = time.monotonic()
        until: float | None = None
        lacks = "tiup has started no PD"
        while until is None or time.monotonic() < until:
            told = await self._ask_minder(begun)
            self._pass_on(told, begun)
            urls = _urls(told["parts"])
            if urls:
                until = until or time.monotonic() + UP_SEC
                self._roster.urls = urls
                lacks = await self._lacks()
                if not lacks:
                    return
            await asyncio.sleep(LOOK_SEC)
        raise SubjectError(f"the playground is not up after {UP_SEC:g} s: {lacks}")

    async def _ask_minder(self, begun: float) -> Mapping[str, Any]:
        while True:
            if self.minder is None:
                tail = (self._minder.tail if self._minder is not None else "").splitlines()[-1:] or ["it said nothing"]
                raise SubjectError(f"the playground did not begin: {tail[0]}")
            with contextlib.suppress(SubjectError):
                return await self.ask("GET", "/parts")
            if time.monotonic() > begun + BEGIN_SEC and not self._heard:
                raise SubjectError("the process that minds the playground does not answer")
            await asyncio.sleep(LOOK_SEC)

    def _pass_on(self, told: Mapping[str, Any], begun: float) -> None:
        """What tiup says, now and then; and that it still works, when it says nothing."""
        now, news = time.monotonic(), told["count"] > self._heard
        if news and now - self._spoke_at >= SAY_SEC:
            self._tell(f"tiup: {told['said'][-1]}")
        elif now - self._spoke_at >= STILL_SEC:
            self._tell(f"tiup is still at work, since {now - begun:.0f} s")
        else:
            return
        self._heard, self._spoke_at = told["count"], now

    async def _lacks(self) -> str:
        """What is not there yet of the whole cluster, in words."""
        try:
            await self._roster.learn()
        except SubjectError as error:
            return str(error)
        pds, stores = len(self._parts.pds), len(self._parts.stores)
        return "" if pds >= EACH and stores >= EACH else f"PD knows of {pds} PDs and {stores} stores"

    async def _mourn(self, minder: Child, place: PlaygroundDir) -> None:
        """It must not end before its show."""
        await minder.wait()
        self._tell("the playground has ended: start this show anew")
        await end_all(place)

    async def know(self) -> None:
        """Its addresses do not change."""

    async def bring_back(self) -> None:
        for member in self._members:
            if not (await member.look()).ok:
                await self.ask("POST", f"/ports/{self._parts.port_of(member)}/start")

    async def take_down(self) -> None:
        if self._mourning is not None:
            self._mourning.cancel()
            await asyncio.wait({self._mourning})
            self._mourning = None
        minder, place = self._minder, self._place
        if minder is not None:
            await minder.stop(END_SEC)
        self._minder = self._place = None
        if place is not None:
            await end_all(place)

    async def close(self) -> None:
        """The lines to it are the cluster's."""

    # What others ask of it.

    @property
    def minder(self) -> Child | None:
        """The process that owns all of it, while it lives."""
        return self._minder if self._minder is not None and self._minder.is_alive else None

    @property
    def socket(self) -> Path:
        """Where that process takes orders. Raises `SubjectError`."""
        if self._place is None or self.minder is None:
            raise SubjectError("the playground has ended: start this show anew")
        return self._place.socket

    async def ask(self, method: str, path: str) -> Mapping[str, Any]:
        """Raises `SubjectError`."""
        return await ask(self.socket, method, path, ASK_SEC, "the process that minds the playground")


def _urls(parts: list[Mapping[str, Any]]) -> tuple[str, ...]:
    """Where PDs say that clients reach them."""
    words = [word for part in parts for word in part["argv"] if word.startswith(CLIENT_URLS)]
    return tuple(word.removeprefix(CLIENT_URLS).rstrip("/") for word in words)
