"""Converts `ShowState` to JSON and back, for the snapshots of a journal. Exact: any other shape is rejected.

What a process knows by itself is not stored: title, subject, deck, and the definitions of its faults.
"""

import dataclasses
import json
import re
import types
import typing
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NamedTuple

from demo.errors import InvalidValue
from demo.show.state import FaultState, ShowState

VERSION = 11
"""Version of the format, raised with every change of the state's shape: `tests/test_architecture.py` checks that."""

BROUGHT = {
    ShowState: {
        "title",
        "subject",
        "description",
        "chapters",
        "deck",
        "deck_error",
        "frozen_chapter",
        "journal",
        "replay",
        "plan_b",
    },
    FaultState: {"config", "observable", "own_target"},
}
"""Fields that are not stored: every process knows them by itself."""

STORED_NAMES: Mapping[type, Mapping[str, str]] = {
    ShowState: {
        "frozen_view": "held",
        "system_healing": "parts_healing",
        "system_error": "parts_error",
        "system_failed_at": "parts_failed_at",
        "system_seen_broken": "parts_seen_broken",
    },
}
"""Fields that snapshots have under another name, the one they had when the format was made."""


def encode_state(state: ShowState) -> str:
    """Return a state as JSON, encoded item by item so that a large state does not hold the GIL for long."""
    plain = _find_codec(ShowState).encode(state)
    plain["titles"] = [chapter.title for chapter in state.chapters]
    for fault, stored in zip(state.faults, plain["faults"], strict=True):
        stored["name"] = fault.name
    return "{" + ", ".join(f"{json.dumps(name)}: {_dump(value)}" for name, value in plain.items()) + "}"


def decode_state(text: str, show: ShowState) -> ShowState:
    """Return the stored state; `show` is the show's state before its first event.

    Raises `ValueError`, `TypeError` or `LookupError` when another deck or another shape was stored.
    """
    plain = json.loads(text)
    # Actions and verdicts are stored by position: in another deck they would belong to other chapters.
    if plain.pop("titles") != [chapter.title for chapter in show.chapters]:
        raise InvalidValue("the snapshot belongs to another deck")
    stored = {fault.pop("name"): fault for fault in plain.pop("faults")}
    if set(stored) != {fault.name for fault in show.faults}:
        raise InvalidValue("the snapshot belongs to other faults")
    fields = _decode_fields(ShowState, plain, except_for={"faults"})
    faults = tuple(_decode_fault(fault, stored[fault.name]) for fault in show.faults)
    if len(fields["actions"]) != len(show.chapters):
        raise InvalidValue("the snapshot belongs to another deck")
    return dataclasses.replace(show, faults=faults, **fields)


def shape() -> str:
    """Describe all that is stored, by names and types: when this text changes, `VERSION` must too.

    The modules of types are left out, so that they may be renamed.
    """
    seen: dict[type, str] = {}
    _describe(ShowState, seen)
    text = "\n".join(seen[kind] for kind in sorted(seen, key=lambda kind: kind.__name__))
    return re.sub(r"\bdemo\.(\w+\.)*", "", text)


def _decode_fault(fault: FaultState, stored: Mapping[str, Any]) -> FaultState:
    fields = _decode_fields(FaultState, stored)
    if not fields["run"]:
        del fields["target"]  # it never ran: its target is the driver's current one
    return dataclasses.replace(fault, **fields)


def _dump(value: Any) -> str:
    return f"[{', '.join(map(json.dumps, value))}]" if isinstance(value, list) else json.dumps(value)


class _Codec(NamedTuple):
    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]


def _same(value: Any) -> Any:
    return value


_SAME = _Codec(_same, _same)


@cache
def _find_codec(kind: Any) -> _Codec:
    """Return how values of a type are written and read; `_SAME` for those that JSON holds as they are."""
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _Codec(lambda value: _encode_fields(kind, value), lambda plain: kind(**_decode_fields(kind, plain)))
    # Only "X or None" and unions of plain JSON types occur; those need no code of their own.
    if origin in (typing.Union, types.UnionType):
        [inner, *others] = [one for one in args if one is not type(None)]
        return _SAME if others else _build_optional_codec(_find_codec(inner))
    if origin is Mapping:
        return _build_mapping_codec(args[0], _find_codec(args[1]))
    if origin in (tuple, frozenset):
        return _build_collection_codec(origin, args)
    if origin is not typing.Literal and kind not in (Any, str, int, float, bool):
        raise TypeError(f"a snapshot cannot hold {kind}")
    return _SAME


def _build_collection_codec(origin: Any, args: tuple[Any, ...]) -> _Codec:
    if origin is frozenset:
        # Sorted, so that equal states have equal texts.
        return _Codec(sorted, frozenset)
    if args[1:] == (...,):
        item = _find_codec(args[0])
        return _Codec(lambda value: [item.encode(one) for one in value], lambda plain: tuple(map(item.decode, plain)))
    if any(_find_codec(one) != _SAME for one in args):
        raise TypeError(f"a snapshot cannot hold a tuple of {args}")
    return _Codec(list, tuple)


def _build_optional_codec(inner: _Codec) -> _Codec:
    if inner == _SAME:
        return _SAME
    return _Codec(
        lambda value: None if value is None else inner.encode(value),
        lambda plain: None if plain is None else inner.decode(plain),
    )


def _build_mapping_codec(key: Any, item: _Codec) -> _Codec:
    if key is str and item == _SAME:
        return _Codec(dict, dict)
    return _Codec(  # as a list of pairs: JSON objects have only text keys
        lambda value: [[name, item.encode(one)] for name, one in value.items()],
        lambda plain: {name: item.decode(one) for name, one in plain},
    )


class _StoredField(NamedTuple):
    """A field that is stored: its name in the class, its key in the snapshot, and how its value is written and read."""

    name: str
    key: str
    codec: _Codec


def _encode_fields(kind: type, value: Any) -> dict[str, Any]:
    return {field.key: field.codec.encode(getattr(value, field.name)) for field in _list_fields(kind)}


@cache
def _list_fields(kind: type) -> tuple[_StoredField, ...]:
    hints = typing.get_type_hints(kind)
    return tuple(_StoredField(name, key, _find_codec(hints[name])) for name, key in _list_keys(kind))


def _list_keys(kind: type) -> list[tuple[str, str]]:
    """Return the name of each field that is stored, and its key in the snapshot."""
    names = [field.name for field in dataclasses.fields(kind) if field.name not in BROUGHT.get(kind, ())]
    return [(name, STORED_NAMES.get(kind, {}).get(name, name)) for name in names]


def _decode_fields(
    kind: type, plain: Mapping[str, Any], except_for: frozenset[str] | set[str] = frozenset()
) -> dict[str, Any]:
    fields = [field for field in _list_fields(kind) if field.name not in except_for]
    # Refused, not guessed: the caller folds the events instead, which works for every version.
    if set(plain) != {field.key for field in fields}:
        raise InvalidValue(f"the snapshot holds another {kind.__name__}: {sorted(plain)}")
    return {field.name: field.codec.decode(plain[field.key]) for field in fields}


def _describe(kind: Any, seen: dict[type, str]) -> None:
    for part in typing.get_args(kind):
        _describe(part, seen)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type) and kind not in seen:
        hints = typing.get_type_hints(kind)
        keys = _list_keys(kind)
        seen[kind] = f"{kind.__name__}: {', '.join(f'{key} {hints[name]}' for name, key in keys)}"
        for name, _ in keys:
            _describe(hints[name], seen)
