"""The files of a theme, its logo and its font: below the show file's folder, like images."""

import re
from collections.abc import Mapping
from typing import Any

from demo.errors import InvalidValue
from demo.narration import DeckImage
from demo.showfile.deck_files import DeckFiles
from demo.showfile.markdown.images import SUFFIXES
from demo.showfile.problems import Problem
from demo.showfile.yaml_reader import YamlData

FONT_SUFFIXES = ("woff2", "woff", "ttf", "otf")
_FAMILY = re.compile(r"[^\W_][\w .-]{0,60}")


def is_font_file(written: str) -> bool:
    """Return whether a font is a file, and not the name of a family."""
    return written.rpartition(".")[2].lower() in FONT_SUFFIXES


def is_font_family(written: str) -> bool:
    """Return whether a text can be the name of a font family."""
    return _FAMILY.fullmatch(written) is not None


def read_theme_files(front: YamlData, files: DeckFiles) -> tuple[dict[str, DeckImage], list[Problem]]:
    """Return the files of a theme by what the theme calls them, and what is wrong with them."""
    theme = _mapping(_mapping(front.data).get("theme"))
    found: dict[str, DeckImage] = {}
    problems: list[Problem] = []
    for key in ("logo", "font"):
        written = theme.get(key)
        if not isinstance(written, str) or (key == "font" and not is_font_file(written)):
            continue
        try:
            image = _read(key, written, files)
        except InvalidValue as error:
            problems.append(Problem(*front.place(("theme", key)), f"theme.{key}: {error}"))
        else:
            if image is not None:
                found[written] = image
    return found, problems


def _read(key: str, written: str, files: DeckFiles) -> DeckImage | None:
    path = files.resolve(written)
    if key == "font":
        return files.font(path)
    if path.rpartition(".")[2].lower() not in SUFFIXES:
        raise InvalidValue(f"{path} is not an image that can be shown: use {', '.join(SUFFIXES)}")
    return files.image(path)


def _mapping(data: Any) -> Mapping[str, Any]:
    return data if isinstance(data, Mapping) else {}
