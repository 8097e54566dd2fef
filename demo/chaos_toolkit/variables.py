"""The `configuration` and `secrets` of an experiment: `${name}` is filled in now, or by an environment variable later.

What a show file fills by itself is written `$${…}` there, so that a shell's own `${HOME}` stays what it is.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from string import Template
from typing import Any

from demo.errors import ExperimentError

_PLACE = Template.pattern
_FILLED_BY_SHOW = re.compile(r"\$(?=\{[^{}]*\})")

_READERS: Mapping[str, Any] = {"str": str, "int": int, "float": float, "bytes": str}


@dataclass
class Variables:
    """`static`: values that are known. `at_run`: names with the environment variable that holds the value later.

    `refused`: names whose value cannot be known, with the reason. `notes`: what somebody who presents must know.
    """

    static: dict[str, Any] = field(default_factory=dict)
    at_run: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Return whether the experiment has none: then the Chaos Toolkit leaves texts as they are, `$$` too."""
        return not (self.static or self.at_run or self.refused)

    def names_in(self, data: Any) -> frozenset[str]:
        """Return the variables that this data uses."""
        known = {*self.static, *self.at_run, *self.refused}
        return frozenset(name for text in texts_in(data) for name in _names(text) if name in known)

    def needs_run(self, data: Any) -> bool:
        """Return whether the data uses a value that is known only when the show runs."""
        return bool(self.names_in(data) & self.at_run.keys())

    def check(self, data: Any, place: str) -> None:
        """Raise `ExperimentError` if the data uses a variable whose value cannot be known."""
        for name in sorted(self.names_in(data) & self.refused.keys()):
            raise ExperimentError(f"{place} uses ${{{name}}}: {self.refused[name]}")

    def fill(self, data: Any) -> Any:
        """Return data as a show file has it: values filled in, and `${NAME}` for each that is known later only."""
        if isinstance(data, str):
            return self._fill_text(data)
        if isinstance(data, Mapping):
            return {escape(str(key)): self.fill(value) for key, value in data.items()}
        return [self.fill(value) for value in data] if isinstance(data, list) else data

    def _fill_text(self, text: str) -> Any:
        if self.is_empty:
            return escape(text)
        whole = _PLACE.fullmatch(text)
        name = (whole["named"] or whole["braced"]) if whole else None
        if name in self.static:
            value = self.static[name]
            return escape(value) if isinstance(value, str) else value
        parts, at = [], 0
        for found in _PLACE.finditer(text):
            name = found["named"] or found["braced"]
            parts.append(text[at : found.start()])
            at = found.end()
            if found["escaped"]:
                parts.append("$")
            elif name in self.static:
                parts.append(str(self.static[name]))
            else:  # \0 is in no text that was read: it marks what the show fills in
                parts.append(f"\0{name}\0" if name in self.at_run else found[0])
        parts.append(text[at:])
        return re.sub(r"\0(\w+)\0", r"${\1}", escape("".join(parts)))


def escape(text: str) -> str:
    """Return text that a show file fills nothing into."""
    return _FILLED_BY_SHOW.sub("$$", text) if "${" in text else text


def unescape(text: str) -> str:
    """Return the text that `escape` was given, for the places of a show file that nothing is filled into."""
    return text.replace("$${", "${")


def texts_in(data: Any) -> Iterator[str]:
    """Yield all texts of JSON data."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, Mapping):
        for value in data.values():
            yield from texts_in(value)
    elif isinstance(data, list):
        for value in data:
            yield from texts_in(value)


def _names(text: str) -> Iterator[str]:
    for found in _PLACE.finditer(text):
        if name := found["named"] or found["braced"]:
            yield name


def read_variables(
    configuration: Mapping[str, Any], secrets: Mapping[str, Any], file: str, environ: Mapping[str, str]
) -> Variables:
    """Return the variables of an experiment. Raises `ExperimentError` for one that no show can have, like Vault's."""
    variables = Variables()
    for target, given in secrets.items():
        if not isinstance(given, Mapping) or given.get("type") in ("env", "vault"):
            _add_secret(variables, target, target, given, file)
            continue
        for name, value in given.items():
            _add_secret(variables, name, f"{target}.{name}", value, file)
    for name, value in configuration.items():  # it counts before secrets of the same name
        variables.at_run.pop(name, None)
        _add_configuration(variables, name, value, file, environ)
    return variables


def _add_configuration(variables: Variables, name: str, value: Any, file: str, environ: Mapping[str, str]) -> None:
    kind = value.get("type") if isinstance(value, Mapping) else None
    if kind == "probe":
        why = "configuration that a probe reads when the experiment begins is not taken over: write the value itself"
        variables.refused[name] = why
        variables.notes.append(f"configuration.{name}: {why}")
    elif kind == "vault":
        raise _vault(f"configuration.{name}", file)
    elif kind != "env":
        variables.static[name] = value
    elif not isinstance(value.get("key"), str):
        raise ExperimentError(f"{file}: configuration.{name}: key is missing: which environment variable?")
    elif "default" not in value:
        variables.at_run[name] = value["key"]
        variables.notes.append(f"configuration.{name}: set the environment variable {value['key']} before the show")
    else:
        read = environ.get(value["key"], value["default"])
        variables.static[name] = _converted(read, value.get("env_var_type"), f"configuration.{name}", file)
        source = "as it is set now" if value["key"] in environ else "by its default, as it is not set"
        variables.notes.append(f"configuration.{name}: the environment variable {value['key']} was read {source}")


def _converted(value: Any, kind: Any, place: str, file: str) -> Any:
    if kind is None:
        return value
    if kind not in _READERS:
        raise ExperimentError(f"{file}: {place}: env_var_type must be one of {', '.join(_READERS)}, not {kind!r}")
    try:
        return _READERS[kind](value)
    except (TypeError, ValueError):
        raise ExperimentError(f"{file}: {place}: its value is not a valid {kind}") from None


def _add_secret(variables: Variables, name: str, place: str, value: Any, file: str) -> None:
    if isinstance(value, Mapping) and value.get("type") == "vault":
        raise _vault(f"secrets.{place}", file)
    if isinstance(value, Mapping) and value.get("type") == "env":
        if not isinstance(value.get("key"), str) or not value["key"]:
            raise ExperimentError(f"{file}: secrets.{place}: key is missing: which environment variable?")
        variables.at_run.setdefault(name, value["key"])
    elif isinstance(value, Mapping):
        variables.refused[name] = "a secret with parts of its own is not taken over"
        variables.notes.append(f"secrets.{place}: {variables.refused[name]}")
    else:
        variable = re.sub(r"\W", "_", place).upper()
        variable = variable if not variable[:1].isdigit() else f"_{variable}"
        variables.at_run.setdefault(name, variable)
        variables.notes.append(
            f"secrets.{place}: its value is not copied: set the environment variable {variable} before the show"
        )


def _vault(place: str, file: str) -> ExperimentError:
    return ExperimentError(
        f"{file}: {place}: secrets from Vault cannot be taken over: put it into an environment variable, and write "
        '{"type": "env", "key": "VARIABLE"} here'
    )
