"""What the system of a show file runs on: versions of servers that its probes ask, containers, processes and loads."""

from collections.abc import Iterator, Sequence
from pathlib import PurePath

from demo.container_engine.description import describe_containers
from demo.showfile.board import ProbeBoard
from demo.showfile.containers import ShowContainers
from demo.showfile.schema.front_matter import FrontMatter
from demo.showfile.schema.system import LoadSettings


async def describe_parts(
    settings: FrontMatter, board: ProbeBoard, containers: ShowContainers
) -> Sequence[tuple[str, str]]:
    """Return names and values; what does not answer is left out."""
    versions = await board.versions()
    of_containers = await describe_containers(containers.engine, containers.project) if containers.is_watched else ()
    return (*versions, *_how_run(settings, containers.project), *of_containers, *_settings(settings))


def _how_run(settings: FrontMatter, project: str) -> Iterator[tuple[str, str]]:
    if settings.system is not None:
        by = "attached to" if settings.system.attach else "started with compose"
        yield "runs as", f"compose project {project}, {by}"


def _settings(settings: FrontMatter) -> Iterator[tuple[str, str]]:
    for name, process in settings.processes.items():
        # Only the program: secrets may be among its arguments.
        yield f"process {name}", PurePath(process.run[0]).name
    for name, load in settings.load.items():
        book = ", numbered writes" if load.book else ""
        yield f"load {name}", f"{_kind(load)}, {load.rate:g} a second, timeout {load.timeout:g} s{book}"


def _kind(load: LoadSettings) -> str:
    return "redis" if load.redis else "postgres" if load.postgres else "http"
