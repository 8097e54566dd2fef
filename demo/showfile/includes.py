"""Chapters from other files: `src: ./other.md#2,5-7` in a chapter's settings."""

import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from demo.errors import InvalidValue
from demo.narration import DeckImage
from demo.showfile.chapter_source import ChapterSource
from demo.showfile.deck_files import DeckFiles
from demo.showfile.file_text import MAX_SHOW_BYTES, split_text
from demo.showfile.markdown.chapters import MAX_CHAPTERS, ChapterReader
from demo.showfile.problems import Position, Problem, shorten
from demo.showfile.settings_block import begin_front_matter
from demo.showfile.yaml_reader import YamlData

MAX_DEPTH = 5
"""Files within one another."""

_USED_ELSEWHERE = frozenset({"title", "id", "description", "duration", "theme", "language"})
"""Front matter that an include has for when it is shown alone; whatever else it has would be missed."""
Positions = Mapping[tuple[str | int, ...], Position]

_RANGE = re.compile(r"(\d{1,6})(?:-(\d{1,6}))?")


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a show, as it was read alone: its chapters may still name other files."""

    front_matter: YamlData
    chapters: Sequence[ChapterSource]


class PartReader:
    """Reads a show file and all that it includes. `file` is its path as people typed it; `name` that in its folder."""

    def __init__(self, file: str, files: DeckFiles) -> None:
        self.file = file
        self.name = Path(file).name or "show.md"
        self.files = files
        self.images: dict[str, DeckImage] = {}
        self.problems: list[Problem] = []
        self._parts: dict[str, Part] = {}
        self._told: set[str] = set()
        self._too_many = False

    def read(self, text: str, path: str = "") -> Part:
        """Read the text of one file, without what it includes."""
        file = self._display(path)
        lines, problems = split_text(text, file)
        front_matter, start = begin_front_matter(lines, file, problems)
        reader = ChapterReader(lines, file, path or self.name, start, self.files)
        chapters = reader.read()
        self.problems += [*problems, *reader.problems]
        self.images |= reader.images
        return Part(front_matter, chapters)

    def include(self, chapters: Sequence[ChapterSource]) -> list[ChapterSource]:
        """Return the chapters with those of other files in place of each `src`, and numbered."""
        expanded: list[ChapterSource] = []
        self._expand(chapters, (self.name,), expanded)
        return [replace(chapter, number=number) for number, chapter in enumerate(expanded, 1)]

    def _expand(
        self, chapters: Sequence[ChapterSource], within: tuple[str, ...], expanded: list[ChapterSource]
    ) -> None:
        for chapter in chapters:
            source = chapter.settings.data.get("src")
            included = self._find(chapter, source, within) if isinstance(source, str) else None
            if included is None:
                if len(expanded) >= MAX_CHAPTERS:
                    self._report_too_many(chapter)
                    return
                expanded.append(chapter)
                continue
            path, found = included
            self._warn_of_unused(chapter)
            self._expand([_merge(chapter, inner) for inner in found], (*within, path), expanded)
            if self._too_many:
                return

    def _find(
        self, chapter: ChapterSource, source: str, within: tuple[str, ...]
    ) -> tuple[str, Sequence[ChapterSource]] | None:
        """Return the file that a chapter names and the chapters of it that are meant; None with a problem if none."""
        try:
            return self._open(chapter, source, within)
        except InvalidValue as error:
            file, position = chapter.settings.place(("src",))
            self._report(Problem(file, position, str(error)))
            return None

    def _open(
        self, chapter: ChapterSource, source: str, within: tuple[str, ...]
    ) -> tuple[str, Sequence[ChapterSource]]:
        """Read the file that a chapter names, each file once. Raises `InvalidValue`."""
        written, _, selection = source.partition("#")
        path = self.files.resolve(written.strip(), within[-1])
        if path in within:
            raise InvalidValue(f"{shorten(path)} includes itself: {shorten(' -> '.join([*within, path]))}")
        if len(within) > MAX_DEPTH:
            raise InvalidValue(f"files are included {MAX_DEPTH} deep at most")
        if path not in self._parts:
            self._parts[path] = self.read(self.files.text(path, MAX_SHOW_BYTES), path)
            self._warn_of_front_matter(chapter, path)
        return path, _select(self._parts[path].chapters, selection, path)

    def _report(self, problem: Problem) -> None:
        """Report a problem, once if a file with it is included twice."""
        if str(problem) not in self._told:
            self._told.add(str(problem))
            self.problems.append(problem)

    def _report_too_many(self, chapter: ChapterSource) -> None:
        if not self._too_many:
            self._too_many = True
            message = f"a show has at most {MAX_CHAPTERS} chapters, with all that it includes"
            self.problems.append(Problem(chapter.file, Position(chapter.line), message))

    def _warn_of_unused(self, chapter: ChapterSource) -> None:
        if chapter.title or chapter.notes or any(chapter.pages):
            file, position = chapter.settings.place(("src",), key=True)
            message = "the text of this chapter is not shown: src puts the chapters of another file in its place"
            self._report(Problem(file, position, message, "warning"))

    def _warn_of_front_matter(self, chapter: ChapterSource, path: str) -> None:
        front_matter = self._parts[path].front_matter.data
        if unused := [key for key in front_matter if key not in _USED_ELSEWHERE]:
            file, position = chapter.settings.place(("src",))
            keys = shorten(", ".join(unused))
            message = (
                f"the front matter of {shorten(path)} is not used here: write what you need ({keys}) into {self.name}"
            )
            self._report(Problem(file, position, message, "warning"))

    def _display(self, path: str) -> str:
        return str(Path(self.file).parent / path) if path else self.file


def _select(chapters: Sequence[ChapterSource], selection: str, path: str) -> Sequence[ChapterSource]:
    """Return the chapters of a selection such as `2,5-7`, in its order; all if it is empty."""
    if not selection.strip():
        return chapters
    numbers: list[int] = []
    for part in selection.split(","):
        found = _RANGE.fullmatch(part.strip())
        if found is None:
            raise InvalidValue(
                f"{shorten(part.strip())!r} names no chapters: write numbers, as in {shorten(path)}#2,5-7"
            )
        first, last = int(found[1]), int(found[2] or found[1])
        if first < 1 or last < first:
            raise InvalidValue(
                f"{shorten(part.strip())} names no chapters: they count from 1, and the smaller number comes first"
            )
        if last > len(chapters):
            raise InvalidValue(f"{shorten(path)} has no chapter {last}: it has {len(chapters)}")
        numbers += range(first, last + 1)
        if len(numbers) > MAX_CHAPTERS:
            raise InvalidValue(f"a show has at most {MAX_CHAPTERS} chapters")
    return [chapters[number - 1] for number in numbers]


def _merge(outer: ChapterSource, inner: ChapterSource) -> ChapterSource:
    """Return an included chapter with the settings of the one that includes it: those win."""
    given = {key: value for key, value in outer.settings.data.items() if key != "src"}
    if not given:
        return inner
    own, other = outer.settings, inner.settings
    settings = YamlData(
        {**other.data, **given},
        {**_without(other.keys, given), **_only(own.keys, given)},
        {**_without(other.values, given), **_only(own.values, given)},
        own.complete and other.complete,
        other.file,
        {**other.origins, **{key: own.origins.get(key, own.file) for key in given}},
    )
    return replace(inner, settings=settings)


def _without(places: Positions, keys: Container[str]) -> Positions:
    return {path: place for path, place in places.items() if not path or path[0] not in keys}


def _only(places: Positions, keys: Container[str]) -> Positions:
    return {path: place for path, place in places.items() if path and path[0] in keys}
