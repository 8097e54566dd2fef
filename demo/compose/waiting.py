"""Waiting until what compose has started really runs."""

import asyncio
import time
from collections.abc import Callable, Sequence

from demo.container_engine.client import Engine
from demo.container_engine.container import Container
from demo.errors import EngineError, SubjectError

CHECK_INTERVAL_SEC = 0.1
STEADY_SEC = 1.0
"""A container that ends within this time of its start is said to have failed, not to have died later."""

HEALTHY_SEC = 120.0
"""The timeout of health checks."""

MAX_LOG = 300
LOG_LINES = 3


async def wait_until_up(engine: Engine, project: str, label: str, tell: Callable[[str], None]) -> None:
    """Wait until the project's containers with this label run, and are healthy where they have a health check.

    One that ends with exit code 0 has done its work. Raises `SubjectError` for one that has failed or is not healthy in
    time, and `EngineError`.
    """
    begun = time.monotonic()
    told: list[str] = []
    while True:
        found = [one for one in await engine.containers(project) if label in one.labels]
        if failed := [one for one in found if _has_failed(one)]:
            raise SubjectError("; ".join([await _describe_failure(engine, one) for one in failed]))
        waits_for = sorted({one.called for one in found if one.health in ("starting", "unhealthy")})
        waited_sec = time.monotonic() - begun
        if waited_sec >= STEADY_SEC and not waits_for:
            return
        if waited_sec >= HEALTHY_SEC:
            names = ", ".join(waits_for)
            raise SubjectError(
                f"not healthy within {HEALTHY_SEC:g} s, by its health check in the compose file: {names}"
            )
        if waited_sec >= STEADY_SEC and waits_for != told:
            told = waits_for
            tell(f"waiting until {' and '.join(told)} is healthy")
        await asyncio.sleep(CHECK_INTERVAL_SEC)


def _has_failed(container: Container) -> bool:
    return container.state in ("restarting", "dead") or (container.state == "exited" and container.exit_code != 0)


async def _describe_failure(engine: Engine, container: Container) -> str:
    lines: Sequence[str] = ()
    try:
        lines = await engine.last_lines(container.id, LOG_LINES)
    except EngineError:
        lines = ()  # its log driver may keep none: the exit code says enough
    said = " · ".join(line.strip() for line in lines if line.strip())[-MAX_LOG:]
    code = "" if container.exit_code is None else f" with exit code {container.exit_code}"
    ended = "ends again and again" if container.state == "restarting" else f"ended{code} right after its start"
    return f"{container.called} {ended}{f'; it printed: {said}' if said else ''}"
