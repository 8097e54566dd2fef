"""Converts what a show is before its first event to JSON and back: title, deck, definitions of its faults.

A journal holds it, so that the show can be read where its deck and its system are absent. Unlike a snapshot it is read
by every later version: unknown fields are ignored, missing ones have their defaults.
"""

import dataclasses
import json
import types
import typing
from collections.abc import Mapping
from enum import Enum
from typing import Any

from demo.errors import InvalidValue, JournalError
from demo.show.state import FaultState, ShowState, create_initial_state
from demo.types import ChaosConfig, Chapter

_OF_CHAPTER = tuple(field.name for field in dataclasses.fields(Chapter) if field.name != "on_enter")


def encode_deck(state: ShowState) -> str:
    """Return title, subject, description, deck and faults of a show as JSON."""
    return json.dumps(
        {
            "title": state.title,
            "subject": state.subject,
            "description": state.description,
            "chapters": [_encode_chapter(chapter) for chapter in state.chapters],
            "faults": [
                {"config": _encode(fault.config), "target": fault.own_target, "observable": fault.observable}
                for fault in state.faults
            ],
        }
    )


def decode_deck(text: str) -> ShowState:
    """Return the show as it was before its first event; its chapters have no actions.

    Raises `JournalError` for what this version cannot present.
    """
    try:
        data = json.loads(text)
        chapters = [_decode(Chapter, chapter) for chapter in data["chapters"]]
        faults = [_decode_fault(fault) for fault in data["faults"]]
        return create_initial_state(data["title"], data["subject"], data["description"], chapters, faults)
    except (ValueError, TypeError, LookupError, InvalidValue) as error:
        raise JournalError(f"the deck in the journal cannot be read: {error}") from None


def _decode_fault(data: Mapping[str, Any]) -> FaultState:
    config = _decode(ChaosConfig, data["config"])
    return FaultState(config, data["target"], data["observable"], own_target=data["target"])


def _encode_chapter(chapter: Chapter) -> dict[str, Any]:
    # Only what this class has: a deck in Python may use a class of its own below it.
    return {name: _encode(getattr(chapter, name)) for name in _OF_CHAPTER}


def _encode(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _encode(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple):
        return [_encode(one) for one in value]
    return value


def _decode(kind: Any, plain: Any) -> Any:
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        inner = [one for one in args if one is not type(None)]
        return None if plain is None else _decode(inner[0], plain)
    if origin is tuple:
        return tuple(_decode(args[0], one) for one in plain)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(plain)
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        known = {field.name for field in dataclasses.fields(kind)} - {"on_enter"}
        return kind(**{name: _decode(hints[name], value) for name, value in plain.items() if name in known})
    return plain
