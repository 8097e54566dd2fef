"""Where a place in a show file's data lies in the schema: which model describes it, and which keys it may have."""

import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Union, get_args, get_origin

from demo.showfile.schema.values import Settings

Path = tuple[str | int, ...]


def without_tags(loc: Sequence[str | int], data: object) -> Path:
    """Return the path in the data for a `loc` of Pydantic, which also names branches of unions and `[key]`."""
    found: list[str | int] = []
    for part in loc:
        if _has(data, part):
            data = value_at(data, (part,))
        elif part == "[key]" or (isinstance(part, str) and part.startswith("<")):
            continue
        else:
            data = None
        found.append(part)
    return tuple(found)


def _has(data: object, part: str | int) -> bool:
    if isinstance(data, Mapping):
        return part in data
    return isinstance(data, list | tuple) and isinstance(part, int) and part < len(data)


def value_at(data: object, path: Path) -> Any:
    """Return the value at a path; None where there is nothing."""
    for part in path:
        if isinstance(data, Mapping):
            data = data.get(part)
        elif isinstance(data, list | tuple) and isinstance(part, int) and part < len(data):
            data = data[part]
        else:
            return None
    return data


def models_at(annotation: Any, path: Path) -> Iterator[type[Settings]]:
    """Yield the models that may describe the value at a path below a value of this annotation."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from models_at(get_args(annotation)[0], path)
    elif origin in (Union, types.UnionType):
        for branch in get_args(annotation):
            yield from models_at(branch, path)
    elif origin in (tuple, Mapping, dict):
        arguments = get_args(annotation)
        if path and isinstance(path[0], int) == (origin is tuple):
            yield from models_at(arguments[0 if origin is tuple else 1], path[1:])
    elif isinstance(annotation, type) and issubclass(annotation, Settings):
        if not path:
            yield annotation
        for name, field in annotation.model_fields.items():
            if path and path[0] == (field.alias or name):
                yield from models_at(field.annotation, path[1:])


def keys_of(model: type[Settings]) -> tuple[str, ...]:
    """Return the keys of a model as they are written in a show file, in the order of the model."""
    return tuple(field.alias or name for name, field in model.model_fields.items())


def dotted(path: Path) -> str:
    """Return a path for people: `probes.api.http`, `on_enter step 2`; lists count from 1."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f" step {part + 1}" if text.endswith(("on_enter", "undo")) else f" item {part + 1}"
        else:
            text += f".{part}" if text else part
    return text
