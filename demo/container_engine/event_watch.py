"""The containers of a project, followed by the engine's events: what happened is known before any probe's deadline."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from demo.clock import CLOCK
from demo.container_engine.client import Engine
from demo.container_engine.container import Container
from demo.container_engine.event_stream import EventStream
from demo.errors import EngineError

RELIST_SEC = 3.0
"""So long an engine that hangs with its events open may pass for one that tells them."""

AGAIN_FIRST_SEC, MAX_AGAIN_SEC = 0.1, 2.0
"""A lost engine is asked again by itself, ever more seldom."""

TOLD_WITHIN_SEC = 5.0
"""An event that is dated further back than this is dated by a clock that is not this machine's."""

GONE, MAX_GONE = "gone", 50

STATES = {
    "create": "created",
    "start": "running",
    "unpause": "running",
    "pause": "paused",
    "die": "exited",
    "destroy": GONE,
    "remove": GONE,  # podman's word
    "died": "exited",  # and this one
}
ON_NETWORK = ("connect", "disconnect")
KINDS = {"container": (*STATES, "rename"), "network": ON_NETWORK}


@dataclass(frozen=True)
class WatchedContainer:
    """`since`: the moment that state began, as the engine told it. `exit_code` of an end."""

    container: Container
    state: str
    since: float
    exit_code: int | None


class EngineWatch:
    """Lists the containers of a compose project (all, if it is empty), keeps them by events, calls `changed` on news.

    `run` reconnects by itself, and lists anew after a gap and every 3 s. What was removed stays as "gone".
    """

    def __init__(self, engine: Engine, project: str, changed: Callable[[], None]) -> None:
        self._engine = engine
        self._project = project
        self._changed = changed
        self._seen: dict[str, WatchedContainer] = {}
        self._news: dict[str, int] = {}
        self._to_look_at: set[str] = set()
        self._wake = asyncio.Event()
        self._trouble = ""
        self._listed = False

    @property
    def trouble(self) -> str:
        """Empty, or why the engine's word is not to be had: the states are the last known ones then."""
        return self._trouble

    @property
    def is_listed(self) -> bool:
        """Has the engine told once what there is?"""
        return self._listed

    def containers(self) -> Mapping[str, WatchedContainer]:
        """By service; by their own name those without one, and those beside the first of a service."""
        named: dict[str, WatchedContainer] = {}
        for seen in sorted(self._seen.values(), key=_precedence):
            if seen.container.called not in named:
                named[seen.container.called] = seen
            elif seen.state != GONE:
                named[seen.container.name] = seen
        return named

    async def run(self) -> None:
        """Until it is cancelled."""
        pause = AGAIN_FIRST_SEC
        while True:
            try:
                stream = await self._engine.events(KINDS)
            except EngineError as error:
                self._say(str(error))
                await asyncio.sleep(pause)
                pause = min(MAX_AGAIN_SEC, pause * 2)
                continue
            try:
                await self._follow(stream)
            finally:
                await stream.close()
            pause = AGAIN_FIRST_SEC
            await asyncio.sleep(pause)

    async def _follow(self, stream: EventStream) -> None:
        """Until the stream ends, or the engine does not answer beside it."""
        looking = asyncio.create_task(self._look(), name="looking at containers")
        reading = asyncio.create_task(self._read(stream), name="reading the engine's events")
        try:
            await asyncio.wait({looking, reading}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (looking, reading):
                task.cancel()
            await asyncio.wait({looking, reading})
        for task in (looking, reading):
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error

    async def _read(self, stream: EventStream) -> None:
        while (event := await stream.next()) is not None:
            self._take(event)

    def _take(self, event: Mapping[str, Any]) -> None:
        action = str(event.get("Action", "")).split(":")[0].strip()
        actor = event.get("Actor") or {}
        attributes = actor.get("Attributes") or {}
        on_network = event.get("Type") == "network"
        ident = str(attributes.get("container", "") if on_network else actor.get("ID", ""))
        known = self._seen.get(ident)
        if known is None and (on_network or not self._is_ours(attributes)):
            return
        self._news[ident] = self._news.get(ident, 0) + 1
        if known is not None and not on_network and action in STATES:
            state = STATES[action]
            code = attributes.get("exitCode") or attributes.get("containerExitCode") if state == "exited" else None
            self._keep(
                WatchedContainer(known.container, state, _time_of(event), _number(code))
            )  # podman tells one at starts too
        self._to_look_at.add(ident)
        self._wake.set()

    def _is_ours(self, attributes: Mapping[str, str]) -> bool:
        return not self._project or attributes.get("com.docker.compose.project") == self._project

    async def _look(self) -> None:
        """Everything at first and every 3 s; between that, what events have spoken of."""
        loop = asyncio.get_running_loop()
        relist_at = loop.time()
        while True:
            try:
                if loop.time() >= relist_at:
                    await self._list()
                    relist_at = loop.time() + RELIST_SEC
                while self._to_look_at:
                    await self._look_at(self._to_look_at.pop())
            except EngineError as error:
                self._say(str(error))
                await asyncio.sleep(MAX_AGAIN_SEC)
                relist_at = loop.time()
                continue
            self._say("")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(relist_at):
                    await self._wake.wait()
            self._wake.clear()

    async def _list(self) -> None:
        before = dict(self._news)
        listed = await self._engine.containers(self._project)
        self._listed = True
        for container in listed:
            self._compare(container, before.get(container.id, 0))
        for ident in self._seen.keys() - {container.id for container in listed}:
            if self._news.get(ident, 0) == before.get(ident, 0):
                self._lose(ident)

    async def _look_at(self, ident: str) -> None:
        before = self._news.get(ident, 0)
        container = await self._engine.look(ident)
        if container is not None:
            self._compare(container, before)
        elif self._news.get(ident, 0) == before:
            self._lose(ident)

    def _compare(self, container: Container, before: int) -> None:
        """What was asked before the newest event about it may be older than that event: it is looked at again."""
        known = self._seen.get(container.id)
        if self._news.get(container.id, 0) != before:
            self._to_look_at.add(container.id)
            if known is not None:
                return
        if known is None or known.state != container.state:
            self._keep(WatchedContainer(container, container.state, _since(container), container.exit_code))
        else:
            self._keep(replace(known, container=container))

    def _lose(self, ident: str) -> None:
        """It was removed while nobody listened."""
        known = self._seen.get(ident)
        if known is not None and known.state != GONE:
            self._keep(WatchedContainer(known.container, GONE, CLOCK.now(), known.exit_code))

    def _keep(self, seen: WatchedContainer) -> None:
        if self._seen.get(seen.container.id) == seen:
            return
        self._seen[seen.container.id] = seen
        if seen.state == GONE:
            self._forget_older(seen)
        self._changed()

    def _forget_older(self, newest: WatchedContainer) -> None:
        """Of what is gone, the newest of each name, and not many names: recreating all day long fills no memory."""
        gone = sorted((s for s in self._seen.values() if s.state == GONE), key=lambda seen: -seen.since)
        for place, seen in enumerate(gone):
            is_replaced = seen is not newest and seen.container.called == newest.container.called
            if is_replaced or place >= MAX_GONE:
                del self._seen[seen.container.id]
                self._news.pop(seen.container.id, None)

    def _say(self, trouble: str) -> None:
        if trouble != self._trouble:
            self._trouble = trouble
            self._changed()


def _precedence(seen: WatchedContainer) -> tuple[bool, bool, float, str]:
    """What is there before what is gone; a service's own before a one-off; then by name."""
    is_one_off = seen.container.labels.get("com.docker.compose.oneoff", "").lower() == "true"
    return (seen.state == GONE, is_one_off, -seen.since if seen.state == GONE else 0.0, seen.container.name)


def _time_of(event: Mapping[str, Any]) -> float:
    """As the engine dates it; where its clock is not this machine's, when it was told."""
    now = CLOCK.now()
    told = CLOCK.moment_of(float(event["timeNano"]) / 1e9) if event.get("timeNano") else now
    return told if now - told < TOLD_WITHIN_SEC else now


def _since(container: Container) -> float:
    """By the container's own account; the engine does not tell since when one is paused."""
    ended = dict.fromkeys(("exited", "restarting", "dead"), container.finished_at)
    told = {"running": container.started_at, "created": container.created_at} | ended
    text = told.get(container.state, "")
    with contextlib.suppress(ValueError):
        return CLOCK.moment_of(datetime.fromisoformat(text).timestamp())
    return CLOCK.now()


def _number(text: object) -> int | None:
    with contextlib.suppress(TypeError, ValueError):
        return int(str(text))
    return None
