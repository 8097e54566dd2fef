"""A show file, read and checked: its settings, its chapters, and all its problems at once."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from demo.showfile.checks.all_checks import check_all
from demo.showfile.checks.places import Checked, CheckedChapter, SettingsBlock
from demo.showfile.file_text import split_text
from demo.showfile.problems import Position, Problem, ShowFileError
from demo.showfile.schema.chapters import ChapterSettings
from demo.showfile.schema.front_matter import FrontMatter
from demo.showfile.schema.values import Settings
from demo.showfile.schema_paths import Path as DataPath
from demo.showfile.schema_problems import schema_problems
from demo.showfile.source import ChapterSource, ShowSource, parse_source, read_source

FENCE = "---"
"""The lines before and after the front matter."""

MAX_NAME = 60
MAX_ROUNDS = 3
"""How often settings are looked at without what was wrong in them: some rules are checked once all keys are right."""

_Model = TypeVar("_Model", bound=Settings)


@dataclass(frozen=True)
class ShowChapter:
    """One chapter. `pages` are Markdown, cut at each pause; `file` and `line` say where it begins; `id` is unique."""

    settings: ChapterSettings
    title: str
    pages: tuple[str, ...]
    notes: str
    file: str
    line: int
    id: str


@dataclass(frozen=True)
class Show:
    """A show that can be presented: at least one chapter, no errors."""

    settings: FrontMatter
    chapters: tuple[ShowChapter, ...]
    source: ShowSource
    known_as: str = ""
    """The name under which it was started, if it was edited since."""

    @property
    def title(self) -> str:
        """The title of the front matter, else that of the first chapter."""
        return self.settings.title or self.chapters[0].title

    @property
    def name(self) -> str:
        """The show's identity, fit for a file name: its `id`, else derived from file name and title, not from the path.

        So a deck that is moved or copied continues its show, and two decks of one folder are two shows.
        """
        if self.known_as:
            return self.known_as
        stem = Path(self.source.file).stem
        both = stem if slug(stem, "") == slug(self.title, "") else f"{stem} {self.title}"
        return slug(self.settings.id or both, "show")


def slug(text: str, otherwise: str) -> str:
    """Return text as a name of lower-case letters, digits and dashes, at most `MAX_NAME` characters."""
    whole = re.sub(r"[\W_]+", "-", text.casefold()).strip("-") or otherwise
    if len(whole) <= MAX_NAME:
        return whole
    return f"{whole[: MAX_NAME - 9].rstrip('-')}-{hashlib.sha256(whole.encode()).hexdigest()[:8]}"


def open_show(path: Path) -> Show:
    """Read and check a show file. Raises `ShowFileError` with all its errors."""
    show, problems, _ = check_show(path)
    if show is None:
        raise ShowFileError(problem for problem in problems if problem.severity == "error")
    return show


def check_show(path: Path) -> tuple[Show | None, list[Problem], ShowSource]:
    """Return the show, None if there are errors, all its problems, and what was read. Raises `ShowFileError`."""
    source, problems = read_source(path)
    return *load_show(source, problems), source


def store_show(show: Show) -> dict[str, Any]:
    """Return the show as JSON data: the text of its files."""
    source = show.source
    folder = None if source.folder is None else str(source.folder.absolute())
    stored = {"file": source.file, "folder": folder, "text": source.text, "files": dict(source.files)}
    return stored | ({"known_as": show.known_as} if show.known_as else {})


def store_for_healer(show: Show) -> dict[str, Any]:
    """Return the show as JSON data without its chapters: a healer needs the front matter alone."""
    source = show.source
    lines = split_text(source.text, source.file)[0]
    end = next((number for number, line in enumerate(lines[1:], 2) if line.rstrip() == FENCE), 0)
    front = "".join(f"{line}\n" for line in lines[:end]) if lines[0].rstrip() == FENCE else ""
    return {**store_show(show), "text": front, "files": {}, "known_as": show.name}


def stored_show(stored: Mapping[str, Any]) -> Show:
    """Return a show from `store_show`, for a healer. It was checked before: what has changed on the disk is no matter.

    Nothing that is wrong with it is told.
    """
    folder = None if stored["folder"] is None else Path(stored["folder"])
    source, _ = parse_source(stored["text"], stored["file"], folder, stored["files"])
    return replace(_load(source, []), known_as=stored.get("known_as", ""))


def load_show(source: ShowSource, problems: Sequence[Problem]) -> tuple[Show | None, list[Problem]]:
    """Return the show, and all problems in the order of the file: `problems` and those of schema and names.

    The show is None if there is an error among them.
    """
    found = list(problems)
    show = _load(source, found)
    found = sorted(set(found))
    has_error = not show.chapters or any(problem.severity == "error" for problem in found)
    return (None if has_error else show), found


def _load(source: ShowSource, found: list[Problem]) -> Show:
    """Return the show without what is wrong with it, which is added to `found`."""
    front = SettingsBlock(source, source.front_matter, found)
    checked = Checked(source, front, _validated(FrontMatter, front))
    for chapter in source.chapters:
        block = SettingsBlock(source, chapter.settings, found)
        settings = _validated(ChapterSettings, block)
        if not settings.hide:
            checked.chapters.append(CheckedChapter(block, settings, chapter.number))
    if source.chapters and not checked.chapters:
        text = "every chapter is hidden: a show needs at least one without hide: true"
        found.append(Problem(source.file, Position(1), text))
    check_all(checked)
    by_number = {chapter.number: chapter for chapter in source.chapters}
    return Show(checked.settings, _chapters(checked.chapters, by_number), source)


def _validated(model: type[_Model], block: SettingsBlock) -> _Model:
    """Return what is valid of the block, for the checks of names; its other parts are put among the problems."""
    data = block.yaml.data if block.yaml.data is not None else {}
    if not isinstance(data, dict):
        return model()  # the reader has said what is wrong with it
    may_mislead = False
    for _ in range(MAX_ROUNDS):
        try:
            return model.model_validate(data)
        except ValidationError as error:
            found = schema_problems(model, error, block.yaml)
        if not may_mislead:
            block.problems += [problem for _, problem in found]
        paths = [path for path, _ in found]
        may_mislead = any(len(path) < 2 for path in paths)  # what needs a key that was left out would be told, too
        data = _without(data, paths)
    return model()


def _without(data: dict[str, object], paths: Sequence[DataPath]) -> dict[str, object]:
    """Return data without its entries with errors: a whole key, or one probe, fault, step… of it."""
    kept: dict[str, object] = {
        key: dict(value) if isinstance(value, dict) else list(value) if isinstance(value, list) else value
        for key, value in data.items()
    }
    for path in paths:
        if not path:
            return {}
        inner = kept.get(str(path[0]))
        if len(path) > 1 and isinstance(inner, dict):
            inner.pop(path[1], None)
        elif len(path) > 1 and path[0] == "on_enter" and isinstance(inner, list) and isinstance(path[1], int):
            inner[path[1]] = {"say": "-"}  # in its place, so that the next ones keep their numbers
        else:
            kept.pop(str(path[0]), None)
    return kept


def _chapters(checked: Sequence[CheckedChapter], sources: dict[int, ChapterSource]) -> tuple[ShowChapter, ...]:
    taken: set[str | None] = {chapter.settings.id for chapter in checked}
    found = []
    for chapter in checked:
        source = sources[chapter.number]
        title = chapter.settings.title or source.title or f"Chapter {chapter.number}"
        name = chapter.settings.id or _free(slug(title, f"chapter-{chapter.number}"), taken)
        taken.add(name)
        found.append(ShowChapter(chapter.settings, title, source.pages, source.notes, source.file, source.line, name))
    return tuple(found)


def _free(name: str, taken: set[str | None]) -> str:
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}-{number}"
    return free
