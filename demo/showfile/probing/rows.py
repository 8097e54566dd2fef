"""Many nodes of one answer: the rows that `each` takes from it, and the id of each. No I/O."""

import csv
import itertools
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jsonpath_rfc9535 import JSONPathEnvironment, JSONPathError

from demo.errors import InvalidValue
from demo.probes.patterns import Pattern

MAX_ROWS = 1000
MAX_ID = 100
MAX_TEXT = 1_000_000

_LINES = re.compile(r"lines:\s*/(.*)/", re.DOTALL)
_ENVIRONMENT = JSONPathEnvironment()


@dataclass(frozen=True, slots=True)
class NodeRow:
    """One node of an answer; `data` has its fields. `is_twice`: another row has the same id."""

    id: str
    data: Mapping[str, Any]
    is_twice: bool = False


Split = Callable[[Mapping[str, Any]], Sequence[NodeRow]]
"""Splits a reading's data into rows. Raises `InvalidValue` that says why the answer cannot be split."""


def splitter(each: str, ident: str | None) -> Split:
    """Return what splits the answers of a probe with this `each` and `id`. Raises `InvalidValue` for nonsense."""
    find_id = _path_finder(ident) if ident else None
    if each == "csv":
        return lambda data: _rows(_csv_items(_text_of(data)), find_id)
    if lines := _LINES.fullmatch(each):
        pattern = _compile_lines(lines[1])
        return lambda data: _rows(_line_items(pattern, _text_of(data)), find_id)
    query = _compile_path(each)

    def split(data: Mapping[str, Any]) -> Sequence[NodeRow]:
        document = _document_of(data)
        found = query.find(document)
        return _rows([(_last_key(node.location), node.value) for node in found[: MAX_ROWS + 1]], find_id)

    return split


def _compile_path(written: str) -> Any:
    try:
        return _ENVIRONMENT.compile(written)
    except JSONPathError as error:
        why = str(error).split(", line")[0].split("\n")[0]
        raise InvalidValue(f"each: {written!r} is not a valid JSONPath ({why}): write $.members[*]") from error


def _compile_lines(written: str) -> Pattern:
    pattern = Pattern(written, multiline=True)
    if not pattern.names:
        raise InvalidValue(f"each: /{written}/ names no part: write it like /(?<name>\\S+) (?<state>\\S+)/")
    return pattern


def _path_finder(written: str) -> Callable[[Any], Any]:
    """Return what finds a value: a JSONPath, or keys with dots between them."""
    if written.startswith("$"):
        query = _compile_path(written)

        def find(item: Any) -> Any:
            found = query.find_one(item)
            return None if found is None else found.value

        return find

    def walk(item: Any) -> Any:
        if isinstance(item, Mapping) and written in item:
            return item[written]
        for key in written.split("."):
            item = item.get(key) if isinstance(item, Mapping) else None
        return item

    return walk


def _text_of(data: Mapping[str, Any]) -> str:
    text = data.get("text", data.get("output"))
    if not isinstance(text, str):
        raise InvalidValue("answered without text")
    return text[:MAX_TEXT]


def _document_of(data: Mapping[str, Any]) -> Any:
    document = data.get("body")
    if document is None:
        raise InvalidValue("answered without JSON")
    return document


def _csv_items(text: str) -> list[tuple[str, Any]]:
    lines = [line for line in text.splitlines() if line.strip()]
    try:
        read = list(csv.DictReader(lines))
    except csv.Error as error:
        raise InvalidValue("answered, but not with CSV") from error
    return [(str(at), {key: value for key, value in row.items() if key is not None}) for at, row in enumerate(read)]


def _line_items(pattern: Pattern, text: str) -> list[tuple[str, Any]]:
    return [(str(at), found) for at, found in enumerate(itertools.islice(pattern.find_all(text), MAX_ROWS + 1))]


def _last_key(location: Sequence[int | str]) -> str:
    return str(location[-1]) if location else ""


def _rows(
    items: Sequence[tuple[str, Any]],
    find_id: Callable[[Any], Any] | None,
) -> Sequence[NodeRow]:
    """Return the rows; without an `id`, a text or number is its own, and an object has that of its place."""
    if len(items) > MAX_ROWS:
        raise InvalidValue(f"answered with more than {MAX_ROWS} nodes")
    named: list[tuple[str, Mapping[str, Any]]] = []
    for place, item in items:
        fields = dict(item) if isinstance(item, Mapping) else {"value": item}
        ident = find_id(item) if find_id else place if isinstance(item, Mapping | list) else item
        if ident is None or isinstance(ident, Mapping | list):
            raise InvalidValue("answered with a node that has no id")
        name = ident if isinstance(ident, str) else json.dumps(ident)
        named.append((name[:MAX_ID], {**fields, "body": item}))
    count = Counter(name for name, _ in named)
    return [NodeRow(name, data, count[name] > 1) for name, data in named]
