"""The containers of a show file: the engine, its images and ports, and whether a project to attach to is there."""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from demo.compose.command import Compose
from demo.compose.config import ComposeConfig, read_config
from demo.container_engine import Engine
from demo.container_engine.container import UP
from demo.errors import EngineError, SubjectError
from demo.findings import Finding, maybe, no, ok
from demo.showfile.containers import project_of
from demo.showfile.show import Show
from demo.subjects.cluster.doctor import Needs, examine_engine

LOOPBACK = ("", "0.0.0.0", "127.0.0.1")  # noqa: S104 - compared with


async def check_containers(show: Show, folder: Path) -> Sequence[Finding]:
    """Return the findings about the containers of a show; none if it has none."""
    system = show.settings.system
    if system is None:
        return ()
    if system.compose is None:
        return (await _check_attached(show),)
    return await _check_compose(show, folder, system.compose)


async def _check_compose(show: Show, folder: Path, written: str) -> Sequence[Finding]:
    file = await asyncio.to_thread(lambda: folder / Path(written).expanduser())
    compose, project = Compose(project_of(show), file), project_of(show)
    try:
        config = read_config(*await compose.read_config())
    except SubjectError as error:
        return (no("compose file", str(error)), *await examine_engine(Engine(), Needs(project)))
    images = sorted({service.image for service in config.services if service.image and not service.is_built})
    ports = [port for service in config.services for address, port in service.ports if address in LOOPBACK]
    found = await examine_engine(Engine(), Needs(project, images, ports))
    # How much memory an unknown system needs, nobody can say.
    return (*(one for one in found if one.what != "engine's memory"), *_check_variables(config))


def _check_variables(config: ComposeConfig) -> Iterator[Finding]:
    if config.unset:
        names = ", ".join(config.unset)
        yield maybe("compose file", f"uses variables that are not set: {names}", "set them before the show")


async def _check_attached(show: Show) -> Finding:
    project, engine = project_of(show), Engine()
    what = f"project {project}"
    try:
        containers = await engine.containers(project)
    except EngineError as error:
        return no(what, str(error))
    finally:
        with contextlib.suppress(EngineError):
            await engine.close()
    if not containers:
        return no(what, "it has no containers", "start it before the show, or correct its name: docker compose ls")
    down = [container.name for container in containers if container.state not in UP]
    if down:
        return maybe(what, f"not running: {', '.join(down)}", "start them before the show")
    return ok(what, f"{len(containers)} containers run")
