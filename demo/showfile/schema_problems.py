"""What Pydantic found wrong with the settings of a show file, in plain words and with the place in the file."""

import difflib
import shlex
from collections.abc import Iterable, Mapping
from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_core.core_schema import ErrorType

from demo.showfile.problems import Problem
from demo.showfile.schema.values import Settings
from demo.showfile.schema_paths import Path, dotted, keys_of, models_at, without_tags
from demo.showfile.yaml_reader import YamlData

MAX_SHOWN = 60

OTHER_WORDS: Mapping[str, str] = {
    "args": "run",
    "cmd": "run",
    "command": "run",
    "depends_on": "ready",
    "description": "title",
    "environment": "env",
    "every": "interval",
    "expected": "expect",
    "healthy": "up",
    "link": "links",
    "message": "msg",
    "name": "title",
    "on_exit": "on_enter",
    "process": "processes",
    "rollback": "undo",
    "rollbacks": "undo",
    "service": "container",
    "steady_state": "expect",
    "steps": "on_enter",
    "success": "up",
    "unless": "if",
    "url": "http",
    "working_dir": "cwd",
}
"""Words of other formats, and what they are called here."""


def schema_problems(model: type[Settings], error: ValidationError, settings: YamlData) -> list[tuple[Path, Problem]]:
    """Return the problems with the path of each in the data: at the key if that is wrong, else at the value."""
    found = []
    for detail in error.errors(include_url=False):
        path = without_tags(detail["loc"], settings.data)
        at_key = "[key]" in detail["loc"] or detail["type"] == "extra_forbidden"
        if key := detail.get("ctx", {}).get("key"):
            path, at_key = (*path, str(key)), True
        message = _describe(model, detail, path)
        found.append((path, Problem(*settings.place(path, at_key), message)))
    return found


def nearest(written: str, known: Iterable[str]) -> str | None:
    """Return the known name that somebody may have meant, None if nothing is near."""
    folded = written.lower().replace("-", "_")
    by_folded = {name.lower().replace("-", "_"): name for name in known}
    close = difflib.get_close_matches(folded, by_folded, n=1, cutoff=0.6)
    close += [name for name in by_folded if sorted(name) == sorted(folded)]  # too short to be near: bd for db
    return by_folded[close[0]] if close else None


def did_you_mean(written: str, known: Iterable[str]) -> str:
    """Return `: did you mean X?` or nothing."""
    close = nearest(written, known)
    return f": did you mean {close}?" if close else ""


def shown(value: object) -> str:
    """Return a value as it is quoted in a message, shortened, in one line."""
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    if value is None:
        return "nothing"
    text = " ".join(str(value).split())
    return f'"{text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"}"'


def _describe(model: type[Settings], detail: ErrorDetails, path: Path) -> str:
    kind, where = detail["type"], dotted(path)
    given, context = detail["input"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown_key(model, path)
    if kind in SHAPES:
        return _wrong_shape(kind, where, path, given)
    if kind not in LIBRARY_SENTENCES:
        return f"{where}: {detail['msg']}" if where and "key" not in context else detail["msg"]
    if kind == "literal_error":
        return _not_allowed(where, given, str(context["expected"]))
    return _out_of_bounds(kind, path, given, context)


def _out_of_bounds(kind: str, path: Path, given: object, context: Mapping[str, Any]) -> str:
    where = dotted(path)
    sentences = {
        "missing": f"{dotted(path[:-1]) or 'this'} needs {path[-1] if path else 'more'}",
        "string_pattern_mismatch": f"{shown(path[-1] if path else given)} cannot be a name: use letters, digits, "
        "_ - and . (at most 63), beginning with a letter",
        "too_short": f"{where} is empty: it needs at least one entry",
        "too_long": f"{where} has too many entries: at most {context.get('max_length')}",
        "string_too_long": f"{where} is too long: at most {context.get('max_length')} characters",
        "greater_than": f"{where}: {shown(given)} is too small: it must be more than {context.get('gt')}",
        "greater_than_equal": f"{where}: {shown(given)} is too small: the least is {context.get('ge')}",
        "less_than_equal": f"{where}: {shown(given)} is too large: the most is {context.get('le')}",
    }
    return sentences.get(kind, f"{where}: {shown(given)} cannot stand here; docs/decks.md says what can")


SHAPES = frozenset(
    {"string_type", "tuple_type", "dict_type", "mapping_type", "model_type", "model_attributes_type"}
    | {"float_type", "int_type", "bool_type"}
)
"""The types of error about text, lists and mappings in each other's place."""

LIBRARY_SENTENCES = frozenset(get_args(ErrorType))
"""The types of error that Pydantic raises; all others are the models' own, with a sentence for people."""


def _unknown_key(model: type[Settings], path: Path) -> str:
    owners = list(models_at(model, path[:-1]))
    known = [key for owner in owners for key in keys_of(owner)]
    word = str(path[-1])
    meant = nearest(word, known)
    other = OTHER_WORDS.get(word.lower().replace("-", "_"))
    if meant is None and other in known:
        meant = other
    where = dotted(path[:-1])
    hint = f": did you mean {meant}?" if meant else "."
    return f'there is no key "{word}"{" in " + where if where else ""}{hint} Allowed here: {", ".join(known)}'


def _wrong_shape(kind: str, where: str, path: Path, given: Any) -> str:
    if kind == "string_type":
        hint = ""
        if isinstance(given, Mapping):
            hint = "; text that begins with { or has a colon and a space needs quotes"
        elif isinstance(given, list | tuple):
            hint = "; text that begins with [ needs quotes"
        return f"{where} must be text, not {shown(given)}{hint}"
    if given is None:
        return f"{where} is empty: write what belongs there, or leave {path[-1]} out"
    if kind in {"float_type", "int_type", "bool_type"}:
        return f"{where} must be a single value, not {shown(given)}"
    if kind == "tuple_type":
        return f"{where} must be a list, not {shown(given)}{_as_list(str(path[-1]), given)}"
    return f"{where} must be a mapping (key: value), not {shown(given)}"


def _as_list(key: str, given: object) -> str:
    if not isinstance(given, str):
        return ""
    try:
        words = shlex.split(given)
    except ValueError:
        words = given.split()
    if key in {"run", "command", "undo"} or len(words) < 2:
        return f": write [{', '.join(words)}]" + ("; no shell is involved" if len(words) > 1 else "")
    return f": write [{given}]"


def _not_allowed(where: str, given: object, expected: str) -> str:
    known = [word.strip(" '") for word in expected.replace(" or ", ", ").split(",")]
    rest = f"write {known[0]}" if len(known) == 1 else f"write one of {', '.join(known)}"
    close = nearest(given, known) if isinstance(given, str) else None
    return (
        f"{where}: {shown(given)} is not known here{f': did you mean {close}?' if close else ';'} {_cap(rest, close)}"
    )


def _cap(sentence: str, is_new: object) -> str:
    return sentence[0].upper() + sentence[1:] if is_new else sentence
