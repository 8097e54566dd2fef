"""YAML as a show file has it: every scalar stays the text that was written, and every key and value has its place.

PyYAML's C parser reads it. What it would resolve (numbers, dates, `on`) is left to the schema; what makes one text
stand for another (anchors, aliases, tags, merge keys, a second key of one name) is refused.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from demo.showfile.problems import Position, Problem
from demo.showfile.yaml_builder import PlainText, YamlBuilder, describe_duplicate
from demo.showfile.yaml_hints import explain
from demo.showfile.yaml_sections import YamlSection, split_sections

__all__ = ["PlainText", "YamlData", "read_yaml", "typed"]

Path = tuple[str | int, ...]

MAX_PROBLEMS = 100
"""Of one text: further ones are not told."""
MAX_SPLITS = 3
"""How often a broken part is split again."""

_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,17})(\.\d{1,17})?([eE][+-]?\d{1,2})?")
_WORDS: Mapping[str, object] = {"true": True, "false": False}


@dataclass(frozen=True)
class YamlData:
    """What a text holds: `data` of dicts, lists, str (`PlainText` where unquoted) and None.

    `keys` and `values` say where the key and the value at a path stand. `complete`: False if a part could not be read
    and is left out, so that a name which is missing here may have been written all the same. `file` is where it stands;
    a key of the top level that another file has put there has that one in `origins`.
    """

    data: Any
    keys: Mapping[Path, Position]
    values: Mapping[Path, Position]
    complete: bool = True
    file: str = ""
    origins: Mapping[str, str] = field(default_factory=dict)

    def place(self, path: Path, key: bool = False) -> tuple[str, Position]:
        """Return file and position of the value at `path` (of its key if `key`), or of the nearest one around it."""
        file = self.origins.get(str(path[0]), self.file) if path else self.file
        known = [self.keys, self.values] if key else [self.values, self.keys]
        for length in range(len(path), -1, -1):
            for places in known:
                if (position := places.get(path[:length])) is not None:
                    return file, position
        return file, Position(1, 1)


def empty(file: str, position: Position, complete: bool = True) -> YamlData:
    """Return settings without a key, as if they began at `position`."""
    return YamlData({}, {}, {(): position}, complete, file)


def read_yaml(text: str, file: str, first_line: int = 1) -> tuple[YamlData | None, list[Problem]]:
    """Read one document that begins in line `first_line` of `file`; None if nothing of it can be read.

    After an error of syntax, the sections of the text are read one by one: what is sound is returned, and every broken
    one has its problem.
    """
    data, problems, broken = _read_once(text, file, first_line)
    if broken is None or data is not None:
        return data, problems
    read, found = _read_sections(text, file, first_line)
    if not any(problem.severity == "error" for problem in found):
        return None, [*problems, broken]  # nothing is wrong with any part alone: the error is between them
    return read, found[:MAX_PROBLEMS]


def _read_once(text: str, file: str, first_line: int) -> tuple[YamlData | None, list[Problem], Problem | None]:
    """Read the text in one go; the last is the error of syntax that ended it."""
    lines = text.split("\n")
    builder = YamlBuilder(lines, file, first_line)
    try:
        for event in yaml.parse(text, Loader=yaml.CBaseLoader):
            if not builder.take(event):
                break
    except yaml.YAMLError as error:
        line, column, message = explain(error, lines)
        return None, builder.problems, Problem(file, Position(first_line + line, column + 1), message)
    except UnicodeEncodeError as error:  # half a surrogate pair, which no file can hold
        line = text.count("\n", 0, error.start)
        problem = Problem(file, Position(first_line + line), "there is half a character here: delete it")
        return None, builder.problems, problem
    complete = not any(problem.severity == "error" for problem in builder.problems)
    data = YamlData(builder.data, builder.keys, builder.values, complete, file)
    return data, builder.problems[:MAX_PROBLEMS], None


def _read_sections(text: str, file: str, first_line: int) -> tuple[YamlData, list[Problem]]:
    """Read each key of a mapping alone; what is broken is split again, as long as it can be."""
    data: dict[str, Any] = {}
    keys: dict[Path, Position] = {}
    values: dict[Path, Position] = {(): Position(first_line)}
    problems: list[Problem] = []
    waiting = [(section, first_line, 0) for section in reversed(split_sections(text.split("\n")))]
    while waiting and len(problems) < MAX_PROBLEMS:
        section, line, depth = waiting.pop()
        read, found, broken = _read_once("\n".join(section.lines), file, line + section.line)
        if broken is not None:
            inner = split_sections(section.lines[1:]) if depth < MAX_SPLITS else []
            if _is_header(section) and inner:
                waiting += [(part, line + section.line + 1, depth + 1) for part in reversed(inner)]
            else:
                problems += [*found, broken]
            continue
        problems += found
        if read is not None and depth == 0 and isinstance(read.data, dict):
            problems += _find_duplicates(read, keys, file)
            data = {**read.data, **data}
            keys = {**read.keys, **keys}
            values = {**read.values, **values}
    return YamlData(data, keys, values, False, file), problems


def _is_header(section: YamlSection) -> bool:
    """Return whether its first line is a key without a value, so that what follows can be read without it."""
    return not section.is_item and section.lines[0].split(" #")[0].rstrip().endswith(":")


def _find_duplicates(read: YamlData, keys: Mapping[Path, Position], file: str) -> list[Problem]:
    return [
        Problem(file, position, describe_duplicate(str(path[0]), keys[path].line, position.line))
        for path, position in read.keys.items()
        if len(path) == 1 and path in keys
    ]


def typed(value: Any) -> Any:
    """Return `value` as JSON data: plain true, false and numbers become such; quoted text stays text."""
    if isinstance(value, dict):
        return {str(key): typed(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [typed(inner) for inner in value]
    if not isinstance(value, PlainText):
        return value
    if value in _WORDS:
        return _WORDS[value]
    if found := _NUMBER.fullmatch(value):
        return float(value) if found[1] or found[2] else int(value)
    return str(value)
