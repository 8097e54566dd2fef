"""The containers of a project, kept up to date by the engine's events: faster than any probe could time out."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from demo.clock import CLOCK
from demo.container_engine.client import Engine
from demo.container_engine.container import Container
from demo.container_engine.event_stream import EngineEventStream
from demo.errors import EngineError

RELIST_SEC = 3.0
"""How long an engine that hangs with its event stream open can go unnoticed."""

AGAIN_FIRST_SEC, MAX_AGAIN_SEC = 0.1, 2.0
"""The pause before reconnecting to an engine that does not answer: it doubles from the first to the maximum."""

TOLD_WITHIN_SEC = 5.0
"""If an event's time is further back than this, the engine's clock differs from ours, and our own time is taken."""

CLEANING_UP_SEC = 1.0
"""After an end the engine answers no question about the container until it has cleaned up: only its event tells."""

GONE, MAX_GONE = "gone", 50

STATES = {
    "create": "created",
    "start": "running",
    "unpause": "running",
    "pause": "paused",
    "die": "exited",
    "destroy": GONE,
    "remove": GONE,  # podman's term
    "died": "exited",  # podman's, too
}
ON_NETWORK = ("connect", "disconnect")
KINDS = {"container": (*STATES, "rename"), "network": ON_NETWORK}


@dataclass(frozen=True)
class WatchedContainer:
    """`since`: the moment that `state` began, as the engine dates it. `exit_code`: None unless it has ended."""

    container: Container
    state: str
    since: float
    exit_code: int | None


class EngineWatch:
    """Watches the containers of a compose project (all containers, if it is empty); calls `changed` on news.

    `run` reconnects by itself, and lists all containers after a gap and every 3 s. A removed container stays as "gone".
    """

    def __init__(self, engine: Engine, project: str, changed: Callable[[], None]) -> None:
        self._engine = engine
        self._project = project
        self._changed = changed
        self._watched: dict[str, WatchedContainer] = {}
        self._event_counts: dict[str, int] = {}
        self._to_inspect: set[str] = set()
        self._wake = asyncio.Event()
        self._trouble = ""
        self._listed = False

    @property
    def trouble(self) -> str:
        """Empty, or why the engine does not answer: then the states are the last known ones."""
        return self._trouble

    @property
    def is_listed(self) -> bool:
        """Return whether the engine has listed its containers at least once."""
        return self._listed

    def ended_lately(self, ident: str) -> Container | None:
        """Return a container that has ended within the last second, as an event has told; None for any other."""
        seen = self._watched.get(ident)
        if seen is None or seen.state != "exited" or not 0 <= CLOCK.now() - seen.since < CLEANING_UP_SEC:
            return None
        return replace(seen.container, state=seen.state, exit_code=seen.exit_code)

    def containers(self) -> Mapping[str, WatchedContainer]:
        """Return them by service; those without one, and all but the first of a service, by their own name."""
        named: dict[str, WatchedContainer] = {}
        for seen in sorted(self._watched.values(), key=_precedence):
            if seen.container.called not in named:
                named[seen.container.called] = seen
            elif seen.state != GONE:
                named[seen.container.name] = seen
        return named

    async def run(self) -> None:
        """Run until cancelled."""
        pause = AGAIN_FIRST_SEC
        while True:
            try:
                stream = await self._engine.events(KINDS)
            except EngineError as error:
                self._set_trouble(str(error))
                await asyncio.sleep(pause)
                pause = min(MAX_AGAIN_SEC, pause * 2)
                continue
            try:
                await self._follow_stream(stream)
            finally:
                await stream.close()
            pause = AGAIN_FIRST_SEC
            await asyncio.sleep(pause)

    async def _follow_stream(self, stream: EngineEventStream) -> None:
        """Process events until the stream ends, or the engine does not answer other requests any more."""
        inspecting = asyncio.create_task(self._keep_inspecting(), name="listing containers")
        reading = asyncio.create_task(self._read_events(stream), name="reading the engine's events")
        try:
            await asyncio.wait({inspecting, reading}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (inspecting, reading):
                task.cancel()
            await asyncio.wait({inspecting, reading})
        for task in (inspecting, reading):
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error

    async def _read_events(self, stream: EngineEventStream) -> None:
        while (event := await stream.next()) is not None:
            self._handle_event(event)

    def _handle_event(self, event: Mapping[str, Any]) -> None:
        action = str(event.get("Action", "")).split(":")[0].strip()
        actor = event.get("Actor") or {}
        attributes = actor.get("Attributes") or {}
        on_network = event.get("Type") == "network"
        ident = str(attributes.get("container", "") if on_network else actor.get("ID", ""))
        known = self._watched.get(ident)
        if known is None and (on_network or not self._is_ours(attributes)):
            return
        self._event_counts[ident] = self._event_counts.get(ident, 0) + 1
        if known is not None and not on_network and action in STATES:
            state = STATES[action]
            # Only of an end: podman's start events have an exit code, too.
            code = attributes.get("exitCode") or attributes.get("containerExitCode") if state == "exited" else None
            self._store(WatchedContainer(known.container, state, _event_time(event), _parse_int(code)))
        self._to_inspect.add(ident)
        self._wake.set()

    def _is_ours(self, attributes: Mapping[str, str]) -> bool:
        return not self._project or attributes.get("com.docker.compose.project") == self._project

    async def _keep_inspecting(self) -> None:
        """List everything at first and every 3 s; in between, inspect what events have mentioned."""
        loop = asyncio.get_running_loop()
        relist_at = loop.time()
        while True:
            try:
                if loop.time() >= relist_at:
                    await self._list_all()
                    relist_at = loop.time() + RELIST_SEC
                while self._to_inspect:
                    await self._inspect(self._to_inspect.pop())
            except EngineError as error:
                self._set_trouble(str(error))
                await asyncio.sleep(MAX_AGAIN_SEC)
                relist_at = loop.time()
                continue
            self._set_trouble("")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(relist_at):
                    await self._wake.wait()
            self._wake.clear()

    async def _list_all(self) -> None:
        before = dict(self._event_counts)
        listed = await self._engine.containers(self._project)
        self._listed = True
        for container in listed:
            self._merge(container, before.get(container.id, 0))
        for ident in self._watched.keys() - {container.id for container in listed}:
            if self._event_counts.get(ident, 0) == before.get(ident, 0):
                self._mark_gone(ident)

    async def _inspect(self, ident: str) -> None:
        before = self._event_counts.get(ident, 0)
        container = await self._engine.inspect(ident)
        if container is not None:
            self._merge(container, before)
        elif self._event_counts.get(ident, 0) == before:
            self._mark_gone(ident)

    def _merge(self, container: Container, before: int) -> None:
        """Take over an inspected container, unless an event about it has arrived since it was asked for.

        `before`: the number of events then. With a later one, the answer may be older than that event, so the container
        is inspected again.
        """
        known = self._watched.get(container.id)
        if self._event_counts.get(container.id, 0) != before:
            self._to_inspect.add(container.id)
            if known is not None:
                return
        if known is None or known.state != container.state:
            self._store(WatchedContainer(container, container.state, _state_since(container), container.exit_code))
        else:
            self._store(replace(known, container=container))

    def _mark_gone(self, ident: str) -> None:
        """Mark it as gone: it was removed while no event stream was open."""
        known = self._watched.get(ident)
        if known is not None and known.state != GONE:
            self._store(WatchedContainer(known.container, GONE, CLOCK.now(), known.exit_code))

    def _store(self, seen: WatchedContainer) -> None:
        if self._watched.get(seen.container.id) == seen:
            return
        self._watched[seen.container.id] = seen
        if seen.state == GONE:
            self._forget_older(seen)
        self._changed()

    def _forget_older(self, newest: WatchedContainer) -> None:
        """Keep only the newest gone container of each name, and MAX_GONE in all, so that memory stays bounded."""
        gone = sorted((s for s in self._watched.values() if s.state == GONE), key=lambda seen: -seen.since)
        for rank, seen in enumerate(gone):
            is_replaced = seen is not newest and seen.container.called == newest.container.called
            if is_replaced or rank >= MAX_GONE:
                del self._watched[seen.container.id]
                self._event_counts.pop(seen.container.id, None)

    def _set_trouble(self, trouble: str) -> None:
        if trouble != self._trouble:
            self._trouble = trouble
            self._changed()


def _precedence(seen: WatchedContainer) -> tuple[bool, bool, float, str]:
    """Sort existing containers before gone ones, a service's own before one-off ones, then by name."""
    is_one_off = seen.container.labels.get("com.docker.compose.oneoff", "").lower() == "true"
    return (seen.state == GONE, is_one_off, -seen.since if seen.state == GONE else 0.0, seen.container.name)


def _event_time(event: Mapping[str, Any]) -> float:
    """Return the engine's time of an event, as a moment; now, where the engine's clock differs from ours."""
    now = CLOCK.now()
    engine_time = CLOCK.moment_of(float(event["timeNano"]) / 1e9) if event.get("timeNano") else now
    return engine_time if now - engine_time < TOLD_WITHIN_SEC else now


def _state_since(container: Container) -> float:
    """Return when the container's state began, by its own account; now for a paused one: the engine does not tell."""
    ended = dict.fromkeys(("exited", "restarting", "dead"), container.finished_at)
    time_by_state = {"running": container.started_at, "created": container.created_at} | ended
    text = time_by_state.get(container.state, "")
    with contextlib.suppress(ValueError):
        return CLOCK.moment_of(datetime.fromisoformat(text).timestamp())
    return CLOCK.now()


def _parse_int(text: object) -> int | None:
    with contextlib.suppress(TypeError, ValueError):
        return int(str(text))
    return None
