"""Removing what shows have brought up of a compose project, and nothing else of it."""

import asyncio
from collections.abc import Awaitable, Iterable

from demo.container_engine.client import Engine
from demo.container_engine.container import PROJECT_LABEL
from demo.errors import EngineError, SubjectError

MAX_ROUNDS = 3
"""Somebody, or the end of a start that was cancelled, may create a container while the others are removed."""


async def remove_project(engine: Engine, project: str, container_label: str, label: str) -> None:
    """Remove the project's containers with `container_label`, and its networks and volumes with `label`.

    Raises `SubjectError` naming what is left, and `EngineError`.
    """
    errors: list[str] = []
    for _ in range(MAX_ROUNDS):
        found = [one.id for one in await engine.containers(project) if container_label in one.labels]
        if not found:
            break
        # Those that hang or are paused do not stop: they are removed all the same.
        await asyncio.gather(*map(engine.stop, found), return_exceptions=True)
        errors = await _errors(map(engine.remove, found))
    labels = [f"{PROJECT_LABEL}={project}", label]
    errors += await _errors(map(engine.remove_network, await engine.networks(labels)))
    errors += await _errors(map(engine.remove_volume, await engine.volumes(labels)))
    if errors:
        raise SubjectError(
            f"not all of the compose project {project} could be removed: {'; '.join(errors)}. By hand: "
            f"docker compose -p {project} down --volumes"
        )


async def _errors(works: Iterable[Awaitable[None]]) -> list[str]:
    found = await asyncio.gather(*works, return_exceptions=True)
    errors = [error for error in found if error is not None]
    for error in errors:
        if not isinstance(error, EngineError):
            raise error
    return list(dict.fromkeys(map(str, errors)))
