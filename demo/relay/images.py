"""A relay's images of the deck, and the files of its theme: each is fetched from Redis once, and kept in memory."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Protocol

from demo.errors import DemoError
from demo.narration import MAX_IMAGES_BYTES, DeckImage
from demo.narration.page_style import find_deck_files, read_deck_file

MAX_KEPT_BYTES = 2 * MAX_IMAGES_BYTES
"""Of an edited deck the images from before are kept too, while there is room: pages may still ask for them."""


class ImageStore(Protocol):
    """Where a show's images are."""

    async def image(self, name: str) -> bytes | None:
        """Return an image; None if there is none of this name. Raises `FeedError`."""


class RelayImages:
    """Keeps the images of the show that is followed. `say` gets errors, each once."""

    def __init__(self, store: ImageStore, say: Callable[[str], None]) -> None:
        self._store = store
        self._say = say
        self._named: set[str] = set()
        self._kept: dict[str, DeckImage] = {}
        self._fetching: dict[str, asyncio.Task[DeckImage | None]] = {}
        self._said: set[str] = set()

    def expect(self, regions: Iterable[bytes]) -> None:
        """Fetch the images that these regions name: pages will ask for them next."""
        self._named = {name for region in regions if b"images/" in region for name in find_deck_files(region.decode())}
        for name in self._named - self._kept.keys():
            self._fetch(name)

    async def find(self, name: str) -> DeckImage | None:
        """Return an image that the show names or has named; None for any other: Redis is not asked for that."""
        if name in self._kept:
            return self._kept[name]
        return await asyncio.shield(self._fetch(name)) if name in self._named else None

    def _fetch(self, name: str) -> "asyncio.Task[DeckImage | None]":
        """Return the one task that fetches an image, for all who ask for it."""
        if name not in self._fetching:
            self._fetching[name] = task = asyncio.ensure_future(self._load(name))
            task.add_done_callback(lambda _: self._fetching.pop(name, None))
        return self._fetching[name]

    async def _load(self, name: str) -> DeckImage | None:
        try:
            body = await self._store.image(name)
            image = read_deck_file(name, body) if body is not None else None
        except DemoError as error:
            if str(error) not in self._said:
                self._said.add(str(error))
                self._say(f"an image of the show cannot be had: {error}")
            return None
        if image is not None:
            self._keep(image)
        return image

    def _keep(self, image: DeckImage) -> None:
        self._kept[image.name] = image
        total = sum(len(kept.body) for kept in self._kept.values())
        for name in [name for name in self._kept if name not in self._named]:
            if total <= MAX_KEPT_BYTES:
                return
            total -= len(self._kept.pop(name).body)
