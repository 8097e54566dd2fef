"""Container faults: kill, stop, pause or disconnect from its networks; one driver for every container engine."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from demo.container_engine import Container, Engine, Selector
from demo.errors import EngineError, FaultError, InvalidValue
from demo.faults.container_restore import ContainerState, restore_container
from demo.faults.node_health import are_shown_up, is_shown_down
from demo.faults.target_selection import Elected, Fixed, ListsCandidates, OneOf, TargetSelection
from demo.types import ChaosConfig, ChaosType, Plan

__all__ = ["ContainerFault", "Elected", "Fixed", "OneOf", "TargetSelection"]

LATE_SEC = 10.0
"""How long after an injection a container may still change: the engine finishes a request that it has accepted, even
if this process dies, and a kill may keep it waiting up to 10 s for the container's exit."""

SETTLE_SEC = 5.0
CHECK_INTERVAL_SEC = 0.02
PIN_SEC = 60.0

PAST_PARTICIPLES = {
    ChaosType.CONTAINER_KILL: "killed",
    ChaosType.CONTAINER_STOP: "stopped",
    ChaosType.CONTAINER_PAUSE: "paused",
    ChaosType.NETWORK_DISCONNECT: "disconnected from the network",
}
# Faults that end the container: one started with --rm would be removed and could not be healed.
ENDS = (ChaosType.CONTAINER_KILL, ChaosType.CONTAINER_STOP)
# Not networks of its own: there is nothing to disconnect a container from.
NO_NETWORK = {"host", "none"}


@dataclass(frozen=True)
class _Pin:
    """A target that was chosen before a countdown. `until`: monotonic deadline in seconds."""

    container: Container
    until: float


class ContainerFault:
    """Applies `config.chaos_type` to the container that `victim` selects. `is_up(name)`: the subject's own probe.

    Only a container that the selector matches exactly is touched, and only if it carries demo.target=true, unless
    `allow_unlabelled`. `project` completes selectors that name none. `settle_sec`: how long the engine may take to show
    the fault; `pin_sec`: how long a target chosen in advance stays chosen.
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
        if config.chaos_type not in PAST_PARTICIPLES:
            raise InvalidValue(
                f"fault {config.name!r}: chaos_type {config.chaos_type.value} cannot be applied to a container"
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
        """Choose the target for the next plan within `pin_sec`, and return its name, so that it can be announced.

        Raises `FaultError` when no container can be chosen.
        """
        # A chapter announces the target before its countdown. The leader may change in these seconds, and the announced
        # container must still be the one that is hit.
        async with _engine_errors_as_faults():
            container = await self._select_container()
        self._pin = _Pin(container, time.monotonic() + self._pin_sec)
        return container.called

    def targets(self) -> Sequence[str]:
        return [str(selector) for selector in self._candidates()]

    def _candidates(self) -> Sequence[Selector]:
        return self._victim.candidates() if isinstance(self._victim, ListsCandidates) else ()

    async def plan(self) -> Plan:
        async with _engine_errors_as_faults():
            return await self._plan(await self._take_pinned() or await self._select_container())

    async def plan_for(self, target: str) -> Plan:
        self._pin = None
        selector = next((one for one in self._candidates() if str(one) == target), None)
        if selector is None:
            raise FaultError(f"there is no target {target!r} now: nothing was touched")
        async with _engine_errors_as_faults():
            return await self._plan(await self._find(selector))

    async def _plan(self, chosen: Container) -> Plan:
        container = self._check_target(chosen)
        # The engine belongs to the plan: when it is healed, DOCKER_HOST may point to another one.
        before = ContainerState.of(container, await self._engine.identity())
        self._planned = container.called
        by_hand = before.manual_command(self.config.chaos_type)
        return Plan(self.config.chaos_type.value, container.called, before.undo(), by_hand, LATE_SEC)

    async def _select_container(self) -> Container:
        return await self._find(await self._victim.choose())

    async def _find(self, selector: Selector) -> Container:
        selector = selector if selector.project else replace(selector, project=self._project)
        return await self._engine.find(selector, allow_unlabelled=self._allow_unlabelled)

    async def _take_pinned(self) -> Container | None:
        """Return the container chosen in advance, as it is now; None when none was, or its time is over."""
        pin, self._pin = self._pin, None
        if pin is None or time.monotonic() > pin.until:
            return None
        now = await self._engine.inspect(pin.container.id)
        if now is None:
            raise FaultError(f"{pin.container.called} was removed since it was chosen: nothing was changed")
        return now

    def _check_target(self, container: Container) -> Container:
        """Return the container if this fault can be applied to it and undone. Raises `FaultError`."""
        name, participle = container.called, PAST_PARTICIPLES[self.config.chaos_type]
        if not container.is_running:
            raise FaultError(f"{name} is {container.state}, so it cannot be {participle}: heal it first")
        if self.config.chaos_type is ChaosType.NETWORK_DISCONNECT and not set(container.networks) - NO_NETWORK:
            raise FaultError(f"{name} has no network of its own, so it cannot be {participle}")
        if self.config.chaos_type in ENDS and container.auto_remove:
            raise FaultError(
                f"{name} was started with --rm and could not be restarted afterwards, so it was not {participle}"
            )
        return container

    async def inject(self, plan: Plan) -> None:
        before = ContainerState.planned(plan)
        async with _engine_errors_as_faults():
            # By its id, not its name: a new container of the same name is not the one that was planned for.
            container = await self._engine.inspect(before.id)
            if container is None:
                raise FaultError(f"{plan.target} was removed: nothing was changed")
            if not container.is_running:
                raise FaultError(f"{plan.target} is {container.state}, no longer running: nothing was changed")
            await self._apply(before)
            await self._wait_until_visible(before, plan.target)

    async def _apply(self, before: ContainerState) -> None:
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

    async def _wait_until_visible(self, before: ContainerState, name: str) -> None:
        """Wait until the engine shows the fault, or shows that the container was already started again.

        A restart policy may restart it at once, so a new start time counts as "it was down". Raises `FaultError`.
        """
        until = time.monotonic() + self._settle_sec
        while True:
            now = await self._engine.inspect(before.id)
            if now is None or not before.is_back(now) or now.started_at != before.started_at:
                return
            if time.monotonic() > until:
                raise FaultError(
                    f"{name} should be {PAST_PARTICIPLES[self.config.chaos_type]} now, but its engine does not show it"
                )
            await asyncio.sleep(CHECK_INTERVAL_SEC)

    async def heal(self, plan: Plan) -> None:
        before = ContainerState.planned(plan)
        async with _engine_errors_as_faults():
            await self._check_engine(before, plan.target)
            container = await self._engine.inspect(before.id)
            if container is not None:
                await restore_container(self._engine, before, container)

    async def is_healed(self, plan: Plan) -> bool:
        """Return whether the container is back as it was and its probe succeeds; or whether it was removed altogether.

        False while the engine does not answer. Raises `FaultError` when another engine than the planned one answers.
        """
        before = ContainerState.planned(plan)
        try:
            container = await self._engine.inspect(before.id)
            if container is not None and not before.is_back(container):
                return False
            await self._check_engine(before, plan.target)
            if container is None:
                # Asked once more: only now is it certain that the planned engine is the one that says so.
                return await self._engine.inspect(before.id) is None
        except EngineError:
            return False
        return await self._is_up(plan.target)

    async def has_landed(self, plan: Plan) -> bool:
        """Return whether the injection took effect completely and no part of it is still pending.

        An injection is one request to the engine, or a row of disconnects of which the last one is decisive. Raises
        `FaultError`.
        """
        before = ContainerState.planned(plan)
        async with _engine_errors_as_faults():
            await self._check_engine(before, plan.target)
            container = await self._engine.inspect(before.id)
        return container is None or before.shows(self.config.chaos_type, container)

    async def _check_engine(self, before: ContainerState, name: str) -> None:
        # Another engine would truthfully say that it has no such container, which must not pass for "healed".
        if await self._engine.identity() != before.engine:
            raise FaultError(
                f"{name} belongs to another container engine than the one at {self._engine.where}: "
                "set DOCKER_HOST or DOCKER_CONTEXT as before"
            )

    def is_seen(self, health: Mapping[str, Any], since: float) -> bool:
        # Until a target was chosen, no card is known to be its card.
        return bool(self._planned) and is_shown_down(health, self._planned)

    def is_recovered(self, health: Mapping[str, Any]) -> bool | None:
        return are_shown_up(health, (self._planned,) if self._planned else ())


@asynccontextmanager
async def _engine_errors_as_faults() -> AsyncIterator[None]:
    try:
        yield
    except EngineError as error:
        raise FaultError(str(error)) from error
