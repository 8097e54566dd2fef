"""Dicts, lists and texts out of the events of PyYAML's parser, with the place of each key and value.

Events rather than nodes: they tell of anchors and tags, and nesting is bounded before anything recurses.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, Final

import yaml

from demo.showfile.problems import Position, Problem, shorten

MAX_DEPTH = 20
"""Lists and mappings within one another."""

_MISSING: Final = object()
_IGNORED: Final = object()
"""A key whose value is read for its problems alone."""

_OTHER_BREAKS = re.compile("[\x85\u2028\u2029]")
_NULL = frozenset({"", "~", "null"})
_LOST = re.compile(r"[ \t]+(#[^\s#!].*)")
"""What looks like text behind a value: a comment has a space after its `#`."""


class PlainText(str):
    """A scalar without quotes, as it was written."""

    __slots__ = ()


@dataclass(slots=True)
class _Frame:
    """A list or mapping whose end has not come yet. `key`: of a mapping, the key whose value is next."""

    path: tuple[str | int, ...]
    content: dict[str, Any] | list[Any]
    is_key: bool = False
    key: Any = _MISSING


@dataclass
class YamlBuilder:
    """Takes the events of one document, in their order."""

    lines: Sequence[str]
    file: str
    first_line: int
    data: Any = None
    keys: dict[tuple[str | int, ...], Position] = field(default_factory=dict)
    values: dict[tuple[str | int, ...], Position] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    _open: list[_Frame] = field(default_factory=list)
    _documents: int = 0

    def __post_init__(self) -> None:
        self._starts: list[int] | None = None
        if any(_OTHER_BREAKS.search(line) for line in self.lines):
            # The parser ends a line at them, an editor does not.
            self._starts = [0, *accumulate(len(line) + 1 for line in self.lines)]
        self._may_lose = any(" #" in line or "\t#" in line for line in self.lines)

    def take(self, event: yaml.Event) -> bool:
        """Take one event; False: nothing after it is read."""
        if isinstance(event, yaml.ScalarEvent):
            self._take_scalar(event)
        elif isinstance(event, yaml.CollectionStartEvent):
            return self._begin(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._end()
        elif isinstance(event, yaml.AliasEvent):
            self._report(
                event,
                f"{self._text(event)} would stand for a value from elsewhere: a show file has no such "
                "aliases; put quotes around it if it is text",
            )
            self._place(None, event)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                self._report(event, "a second YAML document begins here: write one, without --- and ...")
                return False
        return True

    # Scalars.

    def _take_scalar(self, event: yaml.ScalarEvent) -> None:
        self._refuse_marks(event)
        plain = event.implicit[0]
        top = self._open[-1] if self._open else None
        if top is not None and isinstance(top.content, dict) and top.key is _MISSING:
            self._take_key(top, event, plain)
            return
        if plain and self._may_lose:
            self._warn_of_lost_text(event)
        value = event.value
        self._place(None if plain and value in _NULL else PlainText(value) if plain else value, event)

    def _take_key(self, top: _Frame, event: yaml.ScalarEvent, plain: bool) -> None:
        key, path = event.value, (*top.path, event.value)
        top.key = _IGNORED
        if plain and key == "<<":
            self._report(event, "<< would merge another mapping: a show file has no such merges; write the keys out")
        elif key in top.content:
            line = self._position(event.start_mark).line
            self._report(event, describe_duplicate(key, self.keys[path].line, line))
        elif not key and plain:
            self._report(event, "a key is missing before the colon")
        else:
            top.key = key
            self.keys.setdefault(path, self._position(event.start_mark))

    def _warn_of_lost_text(self, event: yaml.ScalarEvent) -> None:
        position = self._position(event.end_mark)
        if position.line - self.first_line >= len(self.lines):
            return
        line = self.lines[position.line - self.first_line]
        if found := _LOST.match(line, position.column - 1):
            place = Position(position.line, found.start(1) + 1)
            message = (
                f"from # on this is a comment and no part of the text, {shorten(found[1])!r}: put quotes around the "
                "whole text, or a space after # if a comment is meant"
            )
            self.problems.append(Problem(self.file, place, message, "warning"))

    # Lists and mappings.

    def _begin(self, event: yaml.CollectionStartEvent) -> bool:
        self._refuse_marks(event)
        if len(self._open) >= MAX_DEPTH:
            self._report(event, f"this is nested too deep: {MAX_DEPTH} levels are allowed")
            return False
        content: dict[str, Any] | list[Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
        top = self._open[-1] if self._open else None
        if top is not None and isinstance(top.content, dict) and top.key is _MISSING:
            braces = "text with { or [ needs quotes" if event.flow_style else "a key is one text"
            self._report(event, f"a list or mapping cannot be a key here: {braces}")
            self._open.append(_Frame((*top.path, "?"), content, is_key=True))
            return True
        self._open.append(_Frame(self._place(content, event), content))
        return True

    def _end(self) -> None:
        if self._open.pop().is_key:
            self._open[-1].key = _IGNORED

    def _place(self, value: Any, event: yaml.Event) -> tuple[str | int, ...]:
        """Put a value where it belongs, and return its path."""
        position = self._position(event.start_mark)
        if not self._open:
            self.data = value
            self.values.setdefault((), position)
            return ()
        top = self._open[-1]
        if isinstance(top.content, list):
            path = (*top.path, len(top.content))
            top.content.append(value)
            self.values.setdefault(path, position)
            return path
        key, top.key = top.key, _MISSING
        if key is _MISSING or key is _IGNORED:  # an alias as a key, or what was refused
            top.key = _IGNORED if key is _MISSING else _MISSING
            return (*top.path, "?")
        path = (*top.path, key)
        top.content[key] = value
        self.values.setdefault(path, position)
        return path

    # Problems.

    def _refuse_marks(self, event: Any) -> None:
        if event.anchor is not None:
            self._report(
                event,
                f"&{shorten(event.anchor)} would name a value for use elsewhere: a show file has no such "
                "anchors; put quotes around it if it is text",
            )
        if event.tag is not None:
            self._report(
                event,
                f"{self._text(event)} would be a tag of YAML: a show file has none; put quotes around "
                "text that begins with !",
            )

    def _text(self, event: yaml.Event) -> str:
        position = self._position(event.start_mark)
        line = self.lines[position.line - self.first_line][position.column - 1 :]
        return shorten(line.split(" ")[0])

    def _report(self, event: yaml.Event, message: str) -> None:
        self.problems.append(Problem(self.file, self._position(event.start_mark), message))

    def _position(self, mark: Any) -> Position:
        if self._starts is None:
            return Position(self.first_line + mark.line, mark.column + 1)
        line = min(bisect_right(self._starts, mark.index), len(self.lines)) - 1
        return Position(self.first_line + line, mark.index - self._starts[line] + 1)


def describe_duplicate(key: str, first: int, second: int) -> str:
    """Say that a key stands in two lines."""
    return f"{shorten(key)} is here twice, in line {first} and in line {second}: delete one"
