"""What the checks look at: settings with their places in the file, and where they put the problems that they find."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from demo.showfile.problems import Problem
from demo.showfile.scalar_position import position_in
from demo.showfile.schema.chapters import ChapterSettings
from demo.showfile.schema.front_matter import FrontMatter
from demo.showfile.schema_paths import Path, value_at
from demo.showfile.schema_problems import did_you_mean
from demo.showfile.source import ShowSource
from demo.showfile.yaml_reader import YamlData


@dataclass
class SettingsBlock:
    """One block of settings: the front matter, or those of a chapter; `problems` are those of the whole show."""

    source: ShowSource
    yaml: YamlData
    problems: list[Problem]

    def error(self, path: Path, message: str, *, at_key: bool = False) -> None:
        self.problems.append(Problem(*self.yaml.place(path, at_key), message))

    def warning(self, path: Path, message: str, *, at_key: bool = False) -> None:
        self.problems.append(Problem(*self.yaml.place(path, at_key), message, "warning"))

    def error_in(self, path: Path, offset: int, message: str) -> None:
        """Add an error about the text at `path`, from its character `offset` (0-based) on."""
        file, place = self.yaml.place(path)
        written = value_at(self.yaml.data, path)
        if isinstance(written, str):
            text = self.source.files.get(file, self.source.text)
            place = position_in(text.split("\n"), place, written, offset)
        self.problems.append(Problem(file, place, message))

    def unknown(
        self, path: Path, kind: str, name: str, known: Sequence[str], *, at_key: bool = False, offset: int | None = None
    ) -> None:
        """Add that a name is not declared, unless a part of the front matter could not be read: it may be there."""
        if not self.source.front_matter.complete:
            return
        message = unknown(kind, name, known)
        if offset is None:
            self.error(path, message, at_key=at_key)
        else:
            self.error_in(path, offset, message)


def unknown(kind: str, name: str, known: Sequence[str]) -> str:
    """Return the sentence about a name that is not declared: the nearest one, and all that are."""
    if not known:
        return f'there is no {kind} "{name}": none is declared'
    hint = did_you_mean(name, known) or "."
    return f'there is no {kind} "{name}"{hint} Declared: {", ".join(dict.fromkeys(known))}'


@dataclass
class CheckedChapter:
    block: SettingsBlock
    settings: ChapterSettings
    number: int


@dataclass
class Checked:
    """A show as the checks see it: what is valid of its settings, beside the data as it was written."""

    source: ShowSource
    front: SettingsBlock
    settings: FrontMatter
    chapters: list[CheckedChapter] = field(default_factory=list)

    def declared(self, key: str) -> tuple[str, ...]:
        """Return the names under a key of the front matter, also of entries that have errors."""
        found = value_at(self.front.yaml.data, (key,))
        return tuple(map(str, found)) if isinstance(found, dict) else ()
