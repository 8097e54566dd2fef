"""Loading the images that are not here yet, with a word now and then on how far it is."""

import time
from collections.abc import Callable, Sequence

from demo.container_engine.client import Engine

SAY_SEC = 3.0


async def pull(engine: Engine, images: Sequence[str], tell: Callable[[str], None]) -> None:
    """Returns when all are here. Raises `EngineError` that names the image."""
    for image in images:
        if await engine.has_image(image):
            continue
        tell(f"loading the image {image}")
        last = time.monotonic()
        async for done, whole in engine.pull(image):
            if time.monotonic() - last >= SAY_SEC and whole:
                last = time.monotonic()
                tell(f"loading the image {image}: {done / 1e6:.0f} of {whole / 1e6:.0f} MB")
        tell(f"the image {image} is here")
