"""What a show's containers are: the engine's version, and the images of a compose project. Asked once, not polled."""

from collections.abc import Iterable, Sequence

from demo.container_engine.client import Engine
from demo.container_engine.container import Container
from demo.errors import EngineError


async def describe_containers(engine: Engine, project: str = "") -> Sequence[tuple[str, str]]:
    """Return names and values; what the engine does not tell is left out."""
    found: list[tuple[str, str]] = []
    try:
        found.append(("container engine", await engine.version()))
        if project and (images := describe_images(await engine.containers(project))):
            found.append(("images", images))
    except EngineError:
        return found
    return found


def describe_images(containers: Iterable[Container]) -> str:
    """Return the images of containers, each once: `postgres 16`, for `postgres:16` would look like an address."""
    return ", ".join(sorted({_describe_image(one.image) for one in containers if one.image}))


def _describe_image(image: str) -> str:
    name, _, tag = image.partition("@")[0].rpartition(":")
    return f"{name} {tag}" if name and "/" not in tag else image
