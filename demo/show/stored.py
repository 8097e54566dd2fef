"""`ShowState` as JSON and back, for the snapshots that a journal keeps. Exact; what has another shape is no state.

What a show brings along itself is not stored: title, subject, deck, and what its faults are.
"""

import dataclasses
import json
import re
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from demo.errors import InvalidValue
from demo.show.state import FaultState, ShowState

VERSION = 3
"""Of what is stored. Raise it with every change of the state's shape: `tests/test_architecture.py` says so."""

BROUGHT = {
    ShowState: {"title", "subject", "description", "chapters", "deck", "journal"},
    FaultState: {"config", "observable"},
}
"""Fields that a show brings along."""


def encode_state(state: ShowState) -> str:
    """As JSON text. Item by item, so that a large state does not keep other threads waiting."""
    plain = _codec(ShowState).encode(state)
    plain["titles"] = [chapter.title for chapter in state.chapters]
    for fault, stored in zip(state.faults, plain["faults"], strict=True):
        stored["name"] = fault.name
    return "{" + ", ".join(f"{json.dumps(name)}: {_text(value)}" for name, value in plain.items()) + "}"


def decode_state(text: str, show: ShowState) -> ShowState:
    """The state that was stored, for `show` as it is before its first event.

    Raises `ValueError`, `TypeError` or `LookupError` for what was stored by another deck, or in another shape.
    """
    plain = json.loads(text)
    if plain.pop("titles") != [chapter.title for chapter in show.chapters]:
        raise InvalidValue("the snapshot belongs to another deck")
    stored = {fault.pop("name"): fault for fault in plain.pop("faults")}
    if set(stored) != {fault.name for fault in show.faults}:
        raise InvalidValue("the snapshot belongs to other faults")
    fields = _decoded(ShowState, plain, but={"faults"})
    faults = tuple(_fault(fault, stored[fault.name]) for fault in show.faults)
    if len(fields["actions"]) != len(show.chapters):
        raise InvalidValue("the snapshot belongs to another deck")
    return dataclasses.replace(show, faults=faults, **fields)


def shape() -> str:
    """All that is stored, by names and types: another text wants another `VERSION`.

    Where a type is defined is not part of it: a module may be renamed.
    """
    seen: dict[type, str] = {}
    _describe(ShowState, seen)
    text = "\n".join(seen[kind] for kind in sorted(seen, key=lambda kind: kind.__name__))
    return re.sub(r"\bdemo\.(\w+\.)*", "", text)


def _fault(fault: FaultState, stored: Mapping[str, Any]) -> FaultState:
    fields = _decoded(FaultState, stored)
    if not fields["run"]:
        del fields["target"]  # it never ran: the target is what the driver says now
    return dataclasses.replace(fault, **fields)


def _text(value: Any) -> str:
    return f"[{', '.join(map(json.dumps, value))}]" if isinstance(value, list) else json.dumps(value)


class _Codec(NamedTuple):
    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]


def _same(value: Any) -> Any:
    return value


_SAME = _Codec(_same, _same)


@cache
def _codec(kind: Any) -> _Codec:
    """How values of this type are written and read: `_SAME` for those that JSON holds as they are."""
    origin, of = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _Codec(lambda value: _encoded(kind, value), lambda plain: kind(**_decoded(kind, plain)))
    if origin in (typing.Union, types.UnionType):
        [inner, *others] = [one for one in of if one is not type(None)]
        return _SAME if others else _optional(_codec(inner))
    if origin is Mapping:
        return _mapping(of[0], _codec(of[1]))
    if origin in (tuple, frozenset):
        return _collection(origin, of)
    if origin is not typing.Literal and kind not in (Any, str, int, float, bool):
        raise TypeError(f"a snapshot cannot hold {kind}")
    return _SAME


def _collection(origin: Any, of: tuple[Any, ...]) -> _Codec:
    if origin is frozenset:
        return _Codec(sorted, frozenset)
    if of[1:] == (...,):
        item = _codec(of[0])
        return _Codec(lambda value: [item.encode(one) for one in value], lambda plain: tuple(map(item.decode, plain)))
    if any(_codec(one) != _SAME for one in of):
        raise TypeError(f"a snapshot cannot hold a tuple of {of}")
    return _Codec(list, tuple)


def _optional(inner: _Codec) -> _Codec:
    if inner == _SAME:
        return _SAME
    return _Codec(
        lambda value: None if value is None else inner.encode(value),
        lambda plain: None if plain is None else inner.decode(plain),
    )


def _mapping(key: Any, item: _Codec) -> _Codec:
    if key is str and item == _SAME:
        return _Codec(dict, dict)
    return _Codec(  # JSON's names are texts
        lambda value: [[name, item.encode(one)] for name, one in value.items()],
        lambda plain: {name: item.decode(one) for name, one in plain},
    )


def _stored(kind: type) -> Iterator[tuple[str, _Codec]]:
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        if field.name not in BROUGHT.get(kind, ()):
            yield field.name, _codec(hints[field.name])


def _encoded(kind: type, value: Any) -> dict[str, Any]:
    return {name: codec.encode(getattr(value, name)) for name, codec in _fields(kind)}


@cache
def _fields(kind: type) -> tuple[tuple[str, _Codec], ...]:
    return tuple(_stored(kind))


def _decoded(kind: type, plain: Mapping[str, Any], but: frozenset[str] | set[str] = frozenset()) -> dict[str, Any]:
    fields = [(name, codec) for name, codec in _fields(kind) if name not in but]
    if set(plain) != {name for name, _ in fields}:
        raise InvalidValue(f"the snapshot holds another {kind.__name__}: {sorted(plain)}")
    return {name: codec.decode(plain[name]) for name, codec in fields}


def _describe(kind: Any, seen: dict[type, str]) -> None:
    for part in typing.get_args(kind):
        _describe(part, seen)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type) and kind not in seen:
        hints = typing.get_type_hints(kind)
        names = [field.name for field in dataclasses.fields(kind) if field.name not in BROUGHT.get(kind, ())]
        seen[kind] = f"{kind.__name__}: {', '.join(f'{name} {hints[name]}' for name in names)}"
        for name in names:
            _describe(hints[name], seen)
