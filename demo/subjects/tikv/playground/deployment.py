"""A cluster that `tiup playground` runs for this show: started, awaited, healed, and ended with the show."""

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
from demo.processes.child import Child, build_detached_command
from demo.processes.environment import past_proxies
from demo.processes.unix_client import ask
from demo.subjects.cluster.deployment import Tell
from demo.subjects.cluster.members import Members
from demo.subjects.tikv.discovery import MemberDiscovery
from demo.subjects.tikv.playground.directories import PlaygroundDir, stop_orphaned_playgrounds, stop_playground
from demo.subjects.tikv.playground.tiup import EACH, VERSION, check_ports, command, find_tiup, missing
from demo.subjects.tikv.topology import Topology

ASK_SEC = 2.0
BEGIN_SEC = 10.0
UP_SEC = 180.0
CHECK_INTERVAL_SEC = 0.3
SAY_SEC = 3.0
STILL_SEC = 20.0
END_SEC = 30.0
"""The supervisor's time to end everything: it gives a grace period of 10 s, then kills."""

CLIENT_URLS = "--advertise-client-urls="


class Playground:
    """A `Deployment`. Its processes end with this one, whatever ends it: they belong to a supervisor process."""

    watch: EngineWatch | None = None

    def __init__(self, port_offset: int) -> None:
        self.port_offset = port_offset
        self._tell: Tell = lambda text: None
        self._members = Members((), None)
        self._directory: PlaygroundDir | None = None
        self._supervisor: Child | None = None
        self._end_watcher: asyncio.Task[None] | None = None
        self._lines_reported = 0
        self._last_notice_at = 0.0

    def join(self, parts: Topology, roster: MemberDiscovery) -> None:
        """Set who discovers the members, and where they are recorded. Called once, before anything else."""
        self._parts, self._discovery = parts, roster

    def connect(self, members: Members, changed: Callable[[], None], tell: Tell) -> None:
        self._members, self._tell = members, tell

    # Start, heal, stop.

    async def check(self) -> None:
        find_tiup()
        check_ports(self.port_offset)

    async def bring_up(self) -> None:
        """Start a new one, always: a playground belongs to one show."""
        tiup = find_tiup()
        await stop_orphaned_playgrounds(self._tell)
        directory = self._directory = PlaygroundDir.new()
        if lacking := missing():
            self._tell(f"tiup downloads {', '.join(lacking)} first: that may take minutes")
        self._tell(f"starting {EACH} PDs and {EACH} stores of TiKV {VERSION} with tiup playground")
        tiup_command = command(tiup, directory.tag, directory.config, self.port_offset)
        config = {"command": tiup_command, "tag": directory.tag, "server": os.getpid()}
        line = json.dumps(config).encode()
        self._supervisor = Child(
            "the playground",
            build_detached_command("demo.subjects.tikv.playground.supervisor"),
            line,
            environ=past_proxies(),
        )
        await self._supervisor.start()
        try:
            await self._wait_until_complete()
        except SubjectError:
            await self.take_down()
            raise
        self._end_watcher = asyncio.create_task(self._watch_for_end(self._supervisor, directory))

    async def _wait_until_complete(self) -> None:
        """Wait until all members are known: without limit while tiup downloads, then UP_SEC once a PD runs."""
        begun = self._last_notice_at = time.monotonic()
        until: float | None = None
        lacks = "tiup has started no PD"
        while until is None or time.monotonic() < until:
            report = await self._ask_supervisor(begun)
            self._report_progress(report, begun)
            urls = _advertised_urls(report["parts"])
            if urls:
                until = until or time.monotonic() + UP_SEC
                self._discovery.urls = urls
                lacks = await self._describe_missing()
                if not lacks:
                    return
            await asyncio.sleep(CHECK_INTERVAL_SEC)
        raise SubjectError(f"the playground is not up after {UP_SEC:g} s: {lacks}")

    async def _ask_supervisor(self, begun: float) -> Mapping[str, Any]:
        while True:
            if self.supervisor is None:
                output = self._supervisor.tail if self._supervisor is not None else ""
                last_line = output.splitlines()[-1:] or ["it printed nothing"]
                raise SubjectError(f"the playground did not start: {last_line[0]}")
            with contextlib.suppress(SubjectError):
                return await self.ask("GET", "/parts")
            if time.monotonic() > begun + BEGIN_SEC and not self._lines_reported:
                raise SubjectError("the supervisor of the playground does not answer")
            await asyncio.sleep(CHECK_INTERVAL_SEC)

    def _report_progress(self, report: Mapping[str, Any], begun: float) -> None:
        """Pass on tiup's output now and then; without any, report that tiup is still working."""
        now, has_news = time.monotonic(), report["count"] > self._lines_reported
        if has_news and now - self._last_notice_at >= SAY_SEC:
            self._tell(f"tiup: {report['said'][-1]}")
        elif now - self._last_notice_at >= STILL_SEC:
            self._tell(f"tiup has been working for {now - begun:.0f} s")
        else:
            return
        self._lines_reported, self._last_notice_at = report["count"], now

    async def _describe_missing(self) -> str:
        """Return what the cluster still lacks, in words; "" when it is complete."""
        try:
            await self._discovery.learn()
        except SubjectError as error:
            return str(error)
        pds, stores = len(self._parts.pds), len(self._parts.stores)
        return "" if pds >= EACH and stores >= EACH else f"PD reports {pds} PDs and {stores} stores"

    async def _watch_for_end(self, supervisor: Child, directory: PlaygroundDir) -> None:
        """Clean up if the playground ends before its show, and tell the presenter."""
        await supervisor.wait()
        self._tell("the playground has ended: restart this show")
        await stop_playground(directory)

    async def update_addresses(self) -> None:
        """Do nothing: its addresses do not change."""

    async def restore(self) -> None:
        for member in self._members:
            if not (await member.read()).ok:
                await self.ask("POST", f"/ports/{self._parts.port_of(member)}/start")

    async def take_down(self) -> None:
        if self._end_watcher is not None:
            self._end_watcher.cancel()
            await asyncio.wait({self._end_watcher})
            self._end_watcher = None
        supervisor, directory = self._supervisor, self._directory
        if supervisor is not None:
            await supervisor.stop(END_SEC)
        self._supervisor = self._directory = None
        if directory is not None:
            await stop_playground(directory)

    async def close(self) -> None: ...

    # For faults on its processes.

    @property
    def supervisor(self) -> Child | None:
        """The supervisor process, which owns all others, while it is alive."""
        return self._supervisor if self._supervisor is not None and self._supervisor.is_alive else None

    @property
    def socket(self) -> Path:
        """Where the supervisor takes requests. Raises `SubjectError` when the playground has ended."""
        if self._directory is None or self.supervisor is None:
            raise SubjectError("the playground has ended: restart this show")
        return self._directory.socket

    async def ask(self, method: str, path: str) -> Mapping[str, Any]:
        """Send a request to the supervisor. Raises `SubjectError`."""
        return await ask(self.socket, method, path, ASK_SEC, "the supervisor of the playground")


def _advertised_urls(parts: list[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the URLs at which the PDs advertise themselves to clients."""
    words = [word for part in parts for word in part["argv"] if word.startswith(CLIENT_URLS)]
    return tuple(word.removeprefix(CLIENT_URLS).rstrip("/") for word in words)
