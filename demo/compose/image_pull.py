"""Pulling the images that are not here yet, with a notice of the progress every few seconds."""

import time
from collections.abc import Callable, Sequence

from demo.container_engine.client import Engine

SAY_SEC = 3.0


async def pull(engine: Engine, images: Sequence[str], tell: Callable[[str], None]) -> None:
    """Pull each missing image; return when all are here. Raises `EngineError` that names the image."""
    for image in images:
        if await engine.has_image(image):
            continue
        tell(f"pulling the image {image}")
        last_notice_at = time.monotonic()
        async for loaded, size in engine.pull(image):
            if time.monotonic() - last_notice_at >= SAY_SEC and size:
                last_notice_at = time.monotonic()
                tell(f"pulling the image {image}: {loaded / 1e6:.0f} of {size / 1e6:.0f} MB")
        tell(f"the image {image} is complete")
