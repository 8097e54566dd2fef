"""Says what a file holds that is not carried out yet: an error where the show would lack something, else a warning.

Nothing of it is dropped in silence: whoever presents must know that it will not be there.
"""

from collections.abc import Iterator
from typing import Any

from demo.showfile.problems import Problem
from demo.showfile.source import ShowSource
from demo.showfile.yaml_reader import YamlData

NOT_YET = "is not carried out yet"
SHOWN_NOWHERE = ("events", "theme", "language")
OF_CHAPTERS = ("layout",)
LAYOUTS = ("panel",)
"""The layouts that there are."""


def find_unsupported(source: ShowSource) -> list[Problem]:
    """Return a problem for each key that a show may have, but that is not carried out."""
    return [*_in_front_matter(source.front_matter), *_in_chapters(source)]


def _in_front_matter(front: YamlData) -> Iterator[Problem]:
    settings = _mapping(front.data)
    for key in SHOWN_NOWHERE:
        if key in settings:
            text = f"{key} {NOT_YET}: the show is presented without it"
            yield Problem(*front.place((key,), key=True), text, "warning")


def _in_chapters(source: ShowSource) -> Iterator[Problem]:
    for chapter in source.chapters:
        for key in OF_CHAPTERS:
            value = _mapping(chapter.settings.data).get(key)
            if value is not None and not (key == "layout" and value in LAYOUTS):
                text = f"{key} {NOT_YET}: the chapter is shown without it"
                yield Problem(*chapter.settings.place((key,), key=True), text, "warning")


def _mapping(data: Any) -> dict[str, Any]:
    return data if isinstance(data, dict) else {}
