"""What is in a show file: front matter and chapters with their settings, text and notes. No schema yet."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from demo.narration import MAX_IMAGES_BYTES, DeckImage
from demo.showfile.chapter_source import ChapterSource
from demo.showfile.deck_files import DeckFiles
from demo.showfile.file_text import MAX_SHOW_BYTES, UnreadableFile, read_text
from demo.showfile.includes import PartReader
from demo.showfile.problems import Position, Problem, ShowFileError
from demo.showfile.theme_files import read_theme_files
from demo.showfile.yaml_reader import YamlData

__all__ = ["ChapterSource", "ShowSource", "parse_source", "read_source"]

MAX_PROBLEMS = 200
"""Of one show: further ones are only counted."""


@dataclass(frozen=True)
class ShowSource:
    """A show file. `files` has the text of every other file in it, by its path relative to `folder`.

    `images` are its images by their paths, also relative to `folder`; all of them lie below it. Logo and font of its
    theme are among them. `named` are all paths that it names, also those of files that do not exist.
    """

    file: str
    folder: Path | None
    text: str
    front_matter: YamlData
    chapters: tuple[ChapterSource, ...]
    files: Mapping[str, str]
    images: Mapping[str, DeckImage] = field(default_factory=dict)
    named: tuple[str, ...] = ()


def read_source(path: Path) -> tuple[ShowSource, list[Problem]]:
    """Read a show file and what it includes. Raises `ShowFileError` if there is nothing to read."""
    try:
        text = read_text(path)
    except UnreadableFile as error:
        raise ShowFileError([Problem(str(path), error.position, str(error))]) from error
    return parse_source(text, str(path), path.parent)


def parse_source(
    text: str, file: str, folder: Path | None, files: Mapping[str, str] | None = None
) -> tuple[ShowSource, list[Problem]]:
    """Read a show out of its text; never raises. Other files come from `files` if given, else from below `folder`."""
    if len(text) > MAX_SHOW_BYTES:
        text = text[:MAX_SHOW_BYTES]
        too_long = [
            Problem(file, Position(1), f"this file is larger than {MAX_SHOW_BYTES / 1e6:g} MB, which is the limit")
        ]
    else:
        too_long = []
    deck_files = DeckFiles(folder, files)
    reader = PartReader(file, deck_files)
    part = reader.read(text)
    chapters = tuple(reader.include(part.chapters))
    theme_files, theme_problems = read_theme_files(part.front_matter, deck_files)
    problems = [*too_long, *reader.problems, *theme_problems, *_check_size(deck_files, file)]
    if not chapters:
        problems.append(Problem(file, Position(1), "there is no chapter in this file: write a heading and a sentence"))
    source = ShowSource(
        file,
        folder,
        text,
        part.front_matter,
        chapters,
        deck_files.read,
        {**reader.images, **theme_files},
        tuple(sorted(deck_files.named)),
    )
    return source, _bound(problems)


def _check_size(files: DeckFiles, file: str) -> list[Problem]:
    total = files.image_bytes
    if total <= MAX_IMAGES_BYTES:
        return []
    message = f"the images of this show have {total / 1e6:.1f} MB: {MAX_IMAGES_BYTES / 1e6:g} MB are allowed in all"
    return [Problem(file, Position(1), message)]


def _bound(problems: list[Problem]) -> list[Problem]:
    """Sort, errors before warnings where there are too many to be read."""
    if len(problems) <= MAX_PROBLEMS:
        return sorted(problems)
    first = sorted(problems, key=lambda problem: (problem.severity, problem))[:MAX_PROBLEMS]
    more = f"{len(problems) - MAX_PROBLEMS} more problems are not listed"
    return [*sorted(first), Problem(first[-1].file, first[-1].position, more, first[-1].severity)]
