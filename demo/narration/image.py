"""An image of a deck, known by a hash of its content: what it is, how large it is shown, and under which name."""

import hashlib
import re
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Protocol, runtime_checkable

from demo.errors import InvalidValue
from demo.narration.svg_size import read_svg_size

FOLDER = "images/"
"""URLs of images are relative, without a slash in front: a proxy may serve everything below a path of its own."""

MAX_IMAGES_BYTES = 10_000_000
"""Of all images of a show."""

MAX_PIXELS = 50_000_000
"""Of one image: a browser keeps four bytes for each."""

MAX_SIDE = 99_999

_NAME = r"[0-9a-f]{32}-\d{1,5}x\d{1,5}\.(?:png|jpg|gif|webp|avif|svg)"
_WHOLE_NAME = re.compile(_NAME)
_ADDRESS = re.compile(rf"{FOLDER}({_NAME})")
_PLACE = re.compile(rf"\(\s*(?:{FOLDER}{_NAME}[\s)]|<{FOLDER}{_NAME}>)")
_SIZE = re.compile(r"-(\d+)x(\d+)\.")

_TYPES = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "avif": "image/avif",
    "svg": "image/svg+xml",
}
_STARTS = {
    "png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "jpg": re.compile(rb"\xff\xd8\xff"),
    "gif": re.compile(rb"GIF8[79]a"),
    "webp": re.compile(rb"RIFF....WEBP", re.DOTALL),
    "avif": re.compile(rb"....ftypavi[fs]", re.DOTALL),
    "svg": re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:\?xml|!--|!DOCTYPE|svg)", re.IGNORECASE),
}


@dataclass(frozen=True, slots=True)
class DeckImage:
    """One image. `name` has a hash of its content, and its size: `HASH-640x480.png`."""

    name: str
    media_type: str
    body: bytes = field(repr=False)

    @property
    def address(self) -> str:
        """Return what a chapter's text has in `![alt](…)`: a URL that is relative to the pages."""
        return f"{FOLDER}{self.name}"


@runtime_checkable
class HasImages(Protocol):
    """A subject whose chapters show images: each as `![alt](ADDRESS)`, with the `address` of one of these."""

    @property
    def images(self) -> Sequence[DeckImage]: ...


def images_of(subject: object) -> Callable[[], Sequence[DeckImage]]:
    """Return what returns the images of a subject's deck, which may be another one after an edit."""
    return lambda: subject.images if isinstance(subject, HasImages) else ()


def make_image(body: bytes) -> DeckImage:
    """Return the image of these bytes, whatever its file was called. Raises `InvalidValue` if they are none."""
    kind = next((kind for kind, start in _STARTS.items() if start.match(body)), None)
    if kind is None:
        raise InvalidValue(f"this is not an image: its content is none of {', '.join(_TYPES)}")
    width, height = read_svg_size(body) if kind == "svg" else _read_size(body, kind)
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise InvalidValue(
            f"this image has {width} × {height} pixels: {MAX_PIXELS / 1e6:g} million are allowed, make it smaller"
        )
    digest = hashlib.sha256(body).hexdigest()[:32]
    return DeckImage(f"{digest}-{width}x{height}.{kind}", _TYPES[kind], body)


def is_image_name(name: str) -> bool:
    """Return whether a name is one that `make_image` gives."""
    return _WHOLE_NAME.fullmatch(name) is not None


def image_media_type(name: str) -> str:
    """Return the media type that a name given by `make_image` says."""
    return _TYPES[name.rpartition(".")[2]]


def is_image_address(url: str) -> bool:
    """Return whether a URL is an image of a deck."""
    return _ADDRESS.fullmatch(url) is not None


def is_image_place(text: str, start: int) -> bool:
    """Return whether `(images/NAME …` begins there, as it stands behind `![alt]` in Markdown."""
    return _PLACE.match(text, start) is not None


def find_image_names(html: str) -> set[str]:
    """Return the names of all images in a page or text."""
    return set(_ADDRESS.findall(html))


def read_name_size(name: str) -> tuple[int, int]:
    """Return width and height in pixels out of a name."""
    found = _SIZE.search(name)
    return (int(found[1]), int(found[2])) if found else (1, 1)


def _read_size(body: bytes, kind: str) -> tuple[int, int]:
    """Return width and height in pixels as a browser shows the image. Raises `InvalidValue`."""
    from imagesize import get  # noqa: PLC0415 - only a deck with images needs it

    try:
        width, height = get(BytesIO(body))
    except (ValueError, ArithmeticError, LookupError, TypeError, OSError, struct.error, RecursionError) as error:
        raise InvalidValue(f"this {kind} image is damaged: its size cannot be read ({error})") from error
    if min(width, height) < 1:
        raise InvalidValue(f"this {kind} image is damaged: its size cannot be read")
    return round(width), round(height)
