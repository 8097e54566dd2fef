"""Says what a file holds that is not carried out yet: an error where the show would lack something, else a warning.

Nothing of it is dropped in silence: whoever presents must know that it will not be there.
"""

import re
from collections.abc import Iterator
from typing import Any

from demo.showfile.markdown.columns import split_columns
from demo.showfile.problems import Position, Problem
from demo.showfile.source import ShowSource
from demo.showfile.yaml_reader import YamlData

NOT_YET = "is not carried out yet"
SHOWN_NOWHERE = ("events", "theme", "language")
_CODE_STEPS = re.compile(r"^\s*(?:`{3,}|~{3,})[^\s{`]*\s*\{[^{}\n]*\|[^{}\n]*\}", re.MULTILINE)
OF_CHAPTERS = ("layout", "highlight", "vote")
LAYOUTS = ("panel",)
"""The layouts that there are."""


def find_unsupported(source: ShowSource) -> list[Problem]:
    """Return a problem for each key that a show may have, but that is not carried out."""
    return [*_in_front_matter(source.front_matter), *_in_chapters(source), *_in_texts(source)]


def _in_front_matter(front: YamlData) -> Iterator[Problem]:
    settings = _mapping(front.data)
    if "subject" in settings:
        text = f"subject {NOT_YET} in a show file: present it with demo serve {settings['subject']}"
        yield Problem(*front.place(("subject",)), text)
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


def _in_texts(source: ShowSource) -> Iterator[Problem]:
    """Warn of columns, of steps in code, and of images, each once."""
    for chapter in source.chapters:
        if any(block.widths for page in chapter.pages for block in split_columns(page)):
            text = f"the layout of columns {NOT_YET}: their texts are shown one below the other"
            yield Problem(chapter.file, Position(chapter.line), text, "warning")
            break
    for chapter in source.chapters:
        if any(_CODE_STEPS.search(page) for page in chapter.pages):
            text = f"showing code step by step {NOT_YET}: the code is shown whole"
            yield Problem(chapter.file, Position(chapter.line), text, "warning")
            break
    if source.images:
        text = f"showing images {NOT_YET}: {source.images[0]} is shown as it is written"
        yield Problem(source.file, Position(1), text, "warning")


def _mapping(data: Any) -> dict[str, Any]:
    return data if isinstance(data, dict) else {}
