"""Routes of a deck's images: by their content, so that a browser may keep them for ever."""

from collections.abc import Awaitable, Callable, Sequence

from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.types import Receive, Scope, Send

from demo.narration import DeckImage
from demo.web.problems import problem

IMAGE_HEADERS = {
    "cache-control": "public, max-age=31536000, immutable",
    # Whoever opens an SVG image as a page of its own gets a picture: nothing in it runs, loads or is sent anywhere.
    "content-security-policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:",
    "x-content-type-options": "nosniff",
}

CHUNK_BYTES = 64 * 1024
"""A connection gets the next piece once it has room: else each of a thousand slow phones would hold a copy."""


class DeckImages:
    """The images of the deck that is presented; an edited deck may have others."""

    def __init__(self, read: Callable[[], Sequence[DeckImage]]) -> None:
        self._read = read

    def all(self) -> Sequence[DeckImage]:
        """Return those of the deck as it is now."""
        return self._read()

    async def find(self, name: str) -> DeckImage | None:
        """Return the image of a name; None if the deck has none."""
        return next((image for image in self._read() if image.name == name), None)


class ImageResponse(Response):
    """Sends an image piece by piece."""

    def __init__(self, image: DeckImage) -> None:
        super().__init__(headers=IMAGE_HEADERS, media_type=image.media_type)
        self.headers["content-length"] = str(len(image.body))
        self._body = memoryview(image.body)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        end = 0 if scope["method"] == "HEAD" else len(self._body)
        for start in range(0, end, CHUNK_BYTES):
            piece = bytes(self._body[start : start + CHUNK_BYTES])
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def add_images(app: FastAPI, find: Callable[[str], Awaitable[DeckImage | None]]) -> None:
    """Add the route of everything below /images."""

    async def image(request: Request) -> Response:
        name = request.path_params["name"]
        found = await find(name)
        if found is None:
            return problem("not_found", f"there is no image {name[:80]!r} in this show")
        return ImageResponse(found)

    app.add_api_route("/images/{name}", image, methods=["GET", "HEAD"], include_in_schema=False)
