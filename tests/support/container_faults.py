"""Faults on real containers, as a subject makes them: a driver, its victim, and a probe of its own."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict

import httpx

from demo.container_engine import Engine, Selector
from demo.faults.container import ContainerFault, Fixed, TargetSelection
from demo.types import ChaosConfig, ChaosType, Plan
from tests.support.containers import ContainerGroup
from tests.support.ratelimiter_system import until_async

CONTAINER_FAULTS = (
    ChaosType.CONTAINER_KILL,
    ChaosType.CONTAINER_STOP,
    ChaosType.CONTAINER_PAUSE,
    ChaosType.NETWORK_DISCONNECT,
)
STATE_WHEN_BROKEN = {
    ChaosType.CONTAINER_KILL: "exited",
    ChaosType.CONTAINER_STOP: "exited",
    ChaosType.CONTAINER_PAUSE: "paused",
    ChaosType.NETWORK_DISCONNECT: "running",
}
KILL, STOP, PAUSE, DISCONNECT = CONTAINER_FAULTS
HEALED_SEC = 5.0


def probe(port: int) -> Callable[[str], Awaitable[bool]]:
    """Does the container that is published on `port` say its name?"""

    async def is_up(name: str) -> bool:
        async with httpx.AsyncClient(timeout=0.5, trust_env=False) as client:
            try:
                answer = await client.get(f"http://127.0.0.1:{port}/name")
            except httpx.HTTPError:
                return False
            return answer.text.strip() == name

    return is_up


async def always(name: str) -> bool:
    return True


def fault(
    containers: ContainerGroup,
    deed: ChaosType,
    victim: TargetSelection | str,
    engine: Engine,
    is_up: Callable[[str], Awaitable[bool]] = always,
    *,
    allow_unlabelled: bool = False,
    pin_sec: float = 60.0,
    duration_sec: float = 5.0,
) -> ContainerFault:
    """`victim`: a service of the project of these containers."""
    chosen = Fixed(Selector(service=victim)) if isinstance(victim, str) else victim
    config = ChaosConfig(f"{deed.value}-it", deed, "for the test", duration_sec)
    return ContainerFault(
        config, chosen, engine, is_up, project=containers.project, allow_unlabelled=allow_unlabelled, pin_sec=pin_sec
    )


def from_disk(plan: Plan) -> Plan:
    """As another process reads it."""
    return Plan(**json.loads(json.dumps(asdict(plan))))


@asynccontextmanager
async def engine_at(url: str | None = None, answer_sec: float = 5.0) -> AsyncIterator[Engine]:
    made = Engine(url, answer_sec)
    try:
        yield made
    finally:
        await made.close()


async def until_healed(driver: ContainerFault, plan: Plan, limit: float = HEALED_SEC) -> None:
    """Heal once, and wait until observation says so."""
    await driver.heal(plan)
    await until_async(lambda: driver.is_healed(plan), limit)
