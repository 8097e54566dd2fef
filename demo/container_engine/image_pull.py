"""Pulling an image into the engine, layer by layer."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

from demo.container_engine.errors import translate_error
from demo.errors import EngineError

if TYPE_CHECKING:
    from aiodocker import Docker

STALLED_SEC = 60.0


async def pull_layers(client: "Docker", where: str, image: str) -> AsyncIterator[tuple[int, int]]:
    """Pull; yield the bytes that are here and the bytes in all, of the layers known so far.

    Raises `EngineError` that names the image.
    """
    import aiohttp  # noqa: PLC0415 - see Engine
    from aiodocker.exceptions import DockerError  # noqa: PLC0415 - see Engine

    sizes: dict[str, tuple[int, int]] = {}
    stream = client.images.pull(image, stream=True)
    try:
        while True:
            async with asyncio.timeout(STALLED_SEC):
                line = await anext(stream, None)
            if line is None:
                return
            if line.get("error"):
                raise EngineError(f"the image {image} cannot be pulled: {str(line['error'])[:300]}")
            _note_progress(sizes, line)
            yield sum(loaded for loaded, _ in sizes.values()), sum(size for _, size in sizes.values())
    except TimeoutError as error:
        raise EngineError(f"pulling the image {image} has stalled: nothing came for {STALLED_SEC:g} s") from error
    except (DockerError, aiohttp.ClientError, OSError, ValueError) as error:
        raise EngineError(str(translate_error(error, where, f"pull the image {image}"))) from error


def _note_progress(sizes: dict[str, tuple[int, int]], line: Mapping[str, Any]) -> None:
    """Record the progress of a layer's download; unpacking is not counted, as it goes over the same bytes again."""
    detail, ident = line.get("progressDetail") or {}, str(line.get("id", ""))
    if line.get("status") == "Downloading" and detail.get("total"):
        sizes[ident] = (int(detail.get("current", 0)), int(detail["total"]))
    elif line.get("status") in ("Download complete", "Pull complete") and ident in sizes:
        sizes[ident] = (sizes[ident][1], sizes[ident][1])
