"""How a deck wants its pages to look: colours to begin with, language, and a stylesheet with what is its own."""

import hashlib
import re
from dataclasses import dataclass

from demo.errors import InvalidValue
from demo.narration.image import FOLDER, DeckImage, find_image_names, is_image_name, make_image

RIGHT_TO_LEFT = frozenset(
    ("ar", "arc", "ckb", "dv", "fa", "he", "iw", "ks", "nqo", "ps", "sd", "syr", "ug", "ur", "yi")
)
"""Languages that are written from the right to the left, unless their tag says Latn."""


_FONTS = {"woff2": b"wOF2", "woff": b"wOFF", "ttf": b"\x00\x01\x00\x00", "otf": b"OTTO"}
_TYPES = {"css": "text/css; charset=utf-8", **{kind: f"font/{kind}" for kind in _FONTS}}
_NAME = r"[0-9a-f]{32}\.(?:css|woff2|woff|ttf|otf)"
_ADDRESS = re.compile(rf"{FOLDER}({_NAME})")


@dataclass(frozen=True, slots=True)
class PageStyle:
    """`base`: dark, light or contrast; "" leaves it to each screen. `language`: a tag like `de`; "" is English.

    `stylesheet`: its address, relative to the pages; "" for none. `files`: the addresses of what the stylesheet uses.
    `layout`: how one chapter divides the stage; "" for the usual way.
    """

    base: str = ""
    language: str = ""
    stylesheet: str = ""
    files: tuple[str, ...] = ()
    layout: str = ""

    @property
    def direction(self) -> str:
        """The direction of writing of the language: rtl or ltr."""
        language, *more = self.language.lower().split("-")
        return "rtl" if language in RIGHT_TO_LEFT and "latn" not in more else "ltr"


NO_STYLE = PageStyle()


def make_stylesheet(text: str) -> DeckImage:
    """Return a stylesheet as a file that is known by its content."""
    return _named(text.encode(), "css")


def make_font(body: bytes) -> DeckImage:
    """Return a font as a file that is known by its content. Raises `InvalidValue` if these bytes are none."""
    kind = next((kind for kind, start in _FONTS.items() if body.startswith(start)), None)
    if kind is None:
        raise InvalidValue(f"this is not a font: its content is none of {', '.join(_FONTS)}")
    return _named(body, kind)


def read_deck_file(name: str, body: bytes) -> DeckImage:
    """Return the image, font or stylesheet of this name. Raises `InvalidValue` if these bytes are another one."""
    kind = name.rpartition(".")[2]
    made = make_image(body) if is_image_name(name) else _named(body, kind if kind in _TYPES else "css")
    if made.name != name:
        raise InvalidValue(f"the file {name} is another one")
    return made


def find_deck_files(html: str) -> set[str]:
    """Return the names of all images, fonts and stylesheets of a deck that a page names."""
    return find_image_names(html) | set(_ADDRESS.findall(html))


def _named(body: bytes, kind: str) -> DeckImage:
    return DeckImage(f"{hashlib.sha256(body).hexdigest()[:32]}.{kind}", _TYPES[kind], body)
