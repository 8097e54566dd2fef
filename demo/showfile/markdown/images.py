"""The images of a chapter: `![what it shows](picture.png)`, files below the show file's folder."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from demo.errors import InvalidValue
from demo.showfile.deck_files import DeckFiles
from demo.showfile.markdown.code_spans import LineTokens
from demo.showfile.problems import shorten

SUFFIXES = ("png", "jpg", "jpeg", "gif", "webp", "avif", "svg")

_IMAGE = re.compile(r"!\[[^\[\]]{0,500}\]\([ \t]*(<[^<>]{0,1000}>|[^\s()<>]{0,1000})")


@dataclass(frozen=True, slots=True)
class Image:
    """An image in one line: its address stands from column `start` to `end`, both from 0.

    The address is empty where Markdown may see an image, but none can be read.
    """

    start: int
    end: int
    address: str


def find_images(line: str) -> Iterator[Image]:
    """Find the images of a line that are not in a code span."""
    if "![" not in line:
        return
    tokens, column = LineTokens(line), 0
    while (column := tokens.find("![", column)) >= 0:
        if found := _IMAGE.match(line, column):
            yield Image(found.start(1), found.end(1), unquote(found[1].strip("<>")))
        elif "](" in line[column:]:
            yield Image(column, column, "")
        column += 2


def resolve_image(image: Image, files: DeckFiles, beside: str) -> str:
    """Return the path of an image below the show's folder. Raises `InvalidValue` if there is none that may be shown."""
    if not image.address:
        raise InvalidValue(
            "this image cannot be read: write ![what it shows](picture.png), without brackets in its text"
        )
    if image.address.startswith("data:"):
        raise InvalidValue(
            "an image cannot be part of the text: save it as a file below the show's folder, and name it"
        )
    path = files.resolve(image.address, beside)
    if path.rpartition(".")[2].lower() not in SUFFIXES:
        raise InvalidValue(f"{shorten(path)} is not an image that can be shown: use {', '.join(SUFFIXES)}")
    return path
