"""Faults on containers: killed, stopped, paused, or taken off their networks; one driver for any container engine."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from demo.container_engine import Container, Engine
from demo.errors import EngineError, FaultError, InvalidValue
from demo.faults.container_restore import ContainerState, bring_back
from demo.faults.target_selection import Elected, Fixed, OneOf, TargetSelection
from demo.types import ChaosConfig, ChaosType, Plan

__all__ = ["ContainerFault", "Elected", "Fixed", "OneOf", "TargetSelection"]

LATE_SEC = 10.0
"""A request that the engine has got is carried out, whatever becomes of us; it waits so long for an end itself."""

SETTLE_SEC = 5.0
LOOK_SEC = 0.02
PIN_SEC = 60.0

DEEDS = {
    ChaosType.CONTAINER_KILL: "killed",
    ChaosType.CONTAINER_STOP: "stopped",
    ChaosType.CONTAINER_PAUSE: "paused",
    ChaosType.NETWORK_DISCONNECT: "taken off the network",
}
ENDS = (ChaosType.CONTAINER_KILL, ChaosType.CONTAINER_STOP)
NO_NETWORK = {"host", "none"}


@dataclass(frozen=True)
class _Pin:
    """A victim that was chosen before a countdown."""

    container: Container
    until: float


class ContainerFault:
    """`config.chaos_type` says what is done to the `victim`; `is_up(name)` is the subject's own probe of it.

    Touched is only what a selector names exactly and, unless `allow_unlabelled`, carries demo.target=true.
    `project` completes selectors that name none. `settle_sec`: what the deed may take to show at the engine.
    """

    def __init__(
        self,
        config: ChaosConfig,
        victim: TargetSelection,
        engine: Engine,
        is_up: Callable[[str], Awaitable[bool]],
        *,
        project: str = "",
        allow_unlabelled: bool = False,
        settle_sec: float = SETTLE_SEC,
        pin_sec: float = PIN_SEC,
    ) -> None:
        if config.chaos_type not in DEEDS:
            raise InvalidValue(
                f"fault {config.name!r}: {config.chaos_type.value} is nothing that is done to a container"
            )
        self.config = config
        self._victim = victim
        self._engine = engine
        self._is_up = is_up
        self._project = project
        self._allow_unlabelled = allow_unlabelled
        self._settle_sec = settle_sec
        self._pin_sec = pin_sec
        self._pin: _Pin | None = None
        self._planned = ""

    @property
    def target(self) -> str:
        return self._victim.label

    @property
    def observable(self) -> str:
        return f"{self._planned or self.target} is down"

    async def choose(self) -> str:
        """Choose the victim now, for the next plan within `pin_sec`, and tell its name: the room is shown it first."""
        async with _as_fault():
            container = await self._chosen()
        self._pin = _Pin(container, time.monotonic() + self._pin_sec)
        return container.called

    async def plan(self) -> Plan:
        async with _as_fault():
            container = self._may_be_hit(await self._pinned() or await self._chosen())
            before = ContainerState.of(container, await self._engine.identity())
        self._planned = container.called
        by_hand = before.by_hand(self.config.chaos_type)
        return Plan(self.config.chaos_type.value, container.called, before.undo(), by_hand, LATE_SEC)

    async def _chosen(self) -> Container:
        selector = await self._victim.choose()
        selector = selector if selector.project else replace(selector, project=self._project)
        return await self._engine.find(selector, allow_unlabelled=self._allow_unlabelled)

    async def _pinned(self) -> Container | None:
        pin, self._pin = self._pin, None
        if pin is None or time.monotonic() > pin.until:
            return None
        now = await self._engine.look(pin.container.id)
        if now is None:
            raise FaultError(f"{pin.container.called} has vanished since it was chosen: nothing was touched")
        return now

    def _may_be_hit(self, container: Container) -> Container:
        name, deed = container.called, DEEDS[self.config.chaos_type]
        if not container.is_running:
            raise FaultError(f"{name} is {container.state}, so it cannot be {deed}: heal it first")
        if self.config.chaos_type is ChaosType.NETWORK_DISCONNECT and not set(container.networks) - NO_NETWORK:
            raise FaultError(f"{name} is on no network of its own, so it cannot be {deed}")
        if self.config.chaos_type in ENDS and container.auto_remove:
            raise FaultError(f"{name} is removed as soon as it ends (--rm), so nobody could bring it back: not {deed}")
        return container

    async def inject(self, plan: Plan) -> None:
        before = ContainerState.planned(plan)
        async with _as_fault():
            container = await self._engine.look(before.id)
            if container is None:
                raise FaultError(f"{plan.target} has vanished: nothing was touched")
            if not container.is_running:
                raise FaultError(f"{plan.target} is {container.state}, not running any more: nothing was touched")
            await self._do(before)
            await self._settled(before, plan.target)

    async def _do(self, before: ContainerState) -> None:
        match self.config.chaos_type:
            case ChaosType.CONTAINER_KILL:
                await self._engine.kill(before.id)
            case ChaosType.CONTAINER_STOP:
                await self._engine.stop(before.id)
            case ChaosType.CONTAINER_PAUSE:
                await self._engine.pause(before.id)
            case _:
                for network in before.networks:
                    await self._engine.disconnect(network, before.id)

    async def _settled(self, before: ContainerState, name: str) -> None:
        """Until the engine tells of it too; a policy that starts it again at once has done so after an end."""
        until = time.monotonic() + self._settle_sec
        while True:
            now = await self._engine.look(before.id)
            if now is None or not before.is_back(now) or now.started_at != before.started_at:
                return
            if time.monotonic() > until:
                raise FaultError(f"{name} was to be {DEEDS[self.config.chaos_type]}, but its engine does not show it")
            await asyncio.sleep(LOOK_SEC)

    async def heal(self, plan: Plan) -> None:
        before = ContainerState.planned(plan)
        async with _as_fault():
            await self._same_engine(before, plan.target)
            container = await self._engine.look(before.id)
            if container is not None:
                await bring_back(self._engine, before, container)

    async def is_healed(self, plan: Plan) -> bool:
        """An engine that does not answer tells nothing; another one than the planned is a `FaultError`."""
        before = ContainerState.planned(plan)
        try:
            container = await self._engine.look(before.id)
            if container is not None and not before.is_back(container):
                return False
            await self._same_engine(before, plan.target)
            if container is None:
                return await self._engine.look(before.id) is None
        except EngineError:
            return False
        return await self._is_up(plan.target)

    async def has_landed(self, plan: Plan) -> bool:
        """Whatever was asked of the engine, it was one deed, or the last of several."""
        before = ContainerState.planned(plan)
        async with _as_fault():
            await self._same_engine(before, plan.target)
            container = await self._engine.look(before.id)
        return container is None or before.shows(self.config.chaos_type, container)

    async def _same_engine(self, before: ContainerState, name: str) -> None:
        if await self._engine.identity() != before.engine:
            raise FaultError(
                f"{name} is on another container engine than the one at {self._engine.where}: "
                "set DOCKER_HOST or DOCKER_CONTEXT as it was"
            )

    def is_seen(self, health: Mapping[str, Any], since: float) -> bool:
        """A node that only misses another one is degraded: it answers."""
        if not self._planned:
            return False
        found = [node for node in health.get("nodes", ()) if node.get("id") == self._planned]
        return not found or found[0].get("health") not in ("up", "degraded")


@asynccontextmanager
async def _as_fault() -> AsyncIterator[None]:
    try:
        yield
    except EngineError as error:
        raise FaultError(str(error)) from error
