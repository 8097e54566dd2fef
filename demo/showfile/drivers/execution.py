"""Commands in containers: which container is meant is decided once, by its id; an engine that is away is an error."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from demo.container_engine import Container, Engine
from demo.errors import EngineError, FaultError
from demo.showfile.drivers.commands import Finished
from demo.showfile.drivers.context import DriverContext

MAX_OUTPUT = 65536
CHECK_INTERVAL_SEC = 0.1


@asynccontextmanager
async def engine_errors() -> AsyncIterator[None]:
    """Raise errors of the engine as `FaultError`."""
    try:
        yield
    except EngineError as error:
        raise FaultError(str(error)) from error


async def find_container(service: str | None, name: str | None, context: DriverContext) -> Container:
    """Return the running container that is meant, and that may be touched. Raises `FaultError`."""
    wanted = service or name or ""
    async with engine_errors():
        listed = await context.engine.containers(context.project)
    found = [one for one in listed if wanted == (one.service if service else one.name)]
    running = [one for one in found if one.is_running]
    if not running:
        raise FaultError(f"the container {wanted} {'is not running' if found else 'does not exist'}")
    if not (running[0].is_target or context.allow_unlabelled or context.owns(running[0])):
        raise FaultError(
            f"the container {running[0].name} does not have the label demo.target=true, so no fault may change it: add "
            "the label where the container is defined, or start with --allow-unlabelled"
        )
    return running[0]


async def execute(engine: Engine, container: str, argv: Sequence[str], timeout_sec: float) -> Finished | None:
    """Run a command in the container with this id; return None if there is no such container any more.

    Raises `FaultError` if the engine is away, or the command does not end in time: then it runs on.
    """
    async with engine_errors():
        if await engine.inspect(container) is None:
            return None
        prepared = await engine.prepare_execution(container, argv)
        return as_finished(argv, await engine.execute(prepared, MAX_OUTPUT, timeout_sec))


def as_finished(argv: Sequence[str], told: tuple[int | None, bytes]) -> Finished:
    code, printed = told
    if code is None:
        raise FaultError(f"{argv[0]} printed more than {MAX_OUTPUT:,} bytes")
    return Finished(argv, code, printed.decode(errors="replace"))


async def wait_for_end(engine: Engine, execution: str, wait_sec: float) -> bool:
    """Wait so long for a prepared command to end; return whether it runs no longer. Raises `FaultError`."""
    until = asyncio.get_running_loop().time() + wait_sec
    async with engine_errors():
        while await engine.is_execution_running(execution):
            if asyncio.get_running_loop().time() > until:
                return False
            await asyncio.sleep(CHECK_INTERVAL_SEC)
    return True


async def check_engine(engine: Engine, identity: str) -> None:
    """Raise `FaultError` if this is not the engine that a plan was made for, or if it does not answer."""
    async with engine_errors():
        if await engine.identity() != identity:
            raise FaultError(
                f"the plan is for another container engine than the one at {engine.where}: "
                "set DOCKER_HOST or DOCKER_CONTEXT as before"
            )
