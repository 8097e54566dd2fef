"""Reads a file of JSON or YAML as plain data, with a bounded size and depth. Nothing is known of experiments here."""

import json
from pathlib import Path
from typing import Any

import yaml

from demo.errors import ExperimentError, UsageError

MAX_BYTES = 1_000_000
MAX_VALUES = 50_000
"""Values in a file, each use of a YAML alias counted: a small file could otherwise stand for billions of them."""

MAX_DEPTH = 60


def read_data(path: Path) -> Any:
    """Return what a file holds. Raises `UsageError` if there is none, `ExperimentError` if it cannot be read."""
    if path.is_dir():
        raise UsageError(f"{path} is a folder: name an experiment, like {path / 'experiment.json'}")
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise UsageError(f"there is no file {path}") from None
    except OSError as error:
        raise ExperimentError(f"{path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise UsageError(f"{str(path)!r} is not a valid file name") from error
    if len(raw) > MAX_BYTES:
        raise ExperimentError(f"{path} is larger than {MAX_BYTES // 1_000_000} MB: that is not an experiment")
    return parse_data(raw, str(path))


def parse_data(raw: bytes, file: str) -> Any:
    """Return the data of JSON or YAML text. Raises `ExperimentError` with file, line and column."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ExperimentError(f"{file}:{line}: this is not UTF-8 text") from None
    is_json = text.lstrip().startswith(("{", "[")) and not file.endswith((".yaml", ".yml"))
    try:
        data = json.loads(text) if is_json else yaml.safe_load(text)
    except json.JSONDecodeError as error:
        raise ExperimentError(f"{file}:{error.lineno}:{error.colno}: this is not valid JSON: {error.msg}") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f":{mark.line + 1}:{mark.column + 1}" if mark is not None else ""
        raise ExperimentError(f"{file}{place}: this is not valid YAML: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        said = str(error).split("\n", maxsplit=1)[0]
        raise ExperimentError(f"{file}: this is not valid YAML: {said}") from None
    except RecursionError:
        raise ExperimentError(f"{file}: it is nested too deeply") from None
    except ValueError as error:  # a date that does not exist, a number with too many digits
        raise ExperimentError(f"{file}: a value in it cannot be read: {error}") from None
    return _Plain(file).of(data)


class _Plain:
    """Turns what a reader returns into JSON data: dates become texts, keys become texts."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._left = MAX_VALUES

    def of(self, value: Any, depth: int = 0) -> Any:
        self._left -= 1
        if self._left < 0 or depth > MAX_DEPTH:
            what = "holds too many values" if self._left < 0 else "is nested too deeply"
            raise ExperimentError(f"{self._file}: it {what}: that is not an experiment")
        if isinstance(value, dict):
            return {self._text(str(key)): self.of(inner, depth + 1) for key, inner in value.items()}
        if isinstance(value, list | tuple | set):
            return [self.of(inner, depth + 1) for inner in value]
        if value is None or isinstance(value, bool | int | float):
            return value
        return self._text(value.decode(errors="replace") if isinstance(value, bytes) else str(value))

    def _text(self, text: str) -> str:
        if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
            raise ExperimentError(f"{self._file}: it holds a character that no text may have: {text[:40]!r}")
        return text
