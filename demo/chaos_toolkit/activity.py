"""A program that runs one activity of an experiment: `python -m demo.chaos_toolkit.activity JSON`.

A show file calls it for what it cannot say itself, Python functions above all. It prints the result as JSON, and ends
with 0 if the activity has succeeded and its value is within its tolerance, with 1 if not, with 2 for a wrong call. An
activity that hangs ends at its `timeout`, whatever it is doing.
"""

import json
import os
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from string import Template
from typing import Any

from demo.chaos_toolkit.providers import ActivityError, run_provider
from demo.chaos_toolkit.tolerance import ToleranceError, is_within

MAX_PRINTED = 60_000
MASK = "•••"
_END_SEC = 2.0
"""What has a deadline of its own, a request or a program, says itself that it passed."""


@dataclass(frozen=True)
class Values:
    """The values of variables: `configuration`, and `secrets` by their target. `hidden`: what is never printed."""

    configuration: Mapping[str, Any]
    secrets: Mapping[str, Any]
    hidden: frozenset[str] = field(default=frozenset(), repr=False)

    @classmethod
    def read(cls, configuration: Mapping[str, Any], secrets: Mapping[str, Any]) -> "Values":
        """Return the values; those of the environment are looked up. Raises `ActivityError` if one is not there."""
        hidden: set[str] = set()

        def value_of(given: Any) -> Any:
            if not (isinstance(given, Mapping) and given.get("type") == "env"):
                return given
            if given["key"] not in os.environ:
                raise ActivityError(f"set the environment variable {given['key']}")
            value = os.environ[given["key"]]
            hidden.add(value)
            return value

        known = {name: value_of(given) for name, given in configuration.items()}
        by_target = {target: {name: value_of(given) for name, given in of.items()} for target, of in secrets.items()}
        return cls(known, by_target, frozenset(value for value in hidden if value))

    def fill(self, data: Any) -> Any:
        """Return data with each `${name}` replaced; a text that is nothing else becomes the value itself."""
        known = {name: value for of in self.secrets.values() for name, value in of.items()} | dict(self.configuration)
        return _filled(data, known) if known else data

    def mask(self, text: str) -> str:
        for value in sorted(self.hidden, key=len, reverse=True):
            text = text.replace(value, MASK).replace(json.dumps(value)[1:-1], MASK)
        return text


def _filled(data: Any, known: Mapping[str, Any]) -> Any:
    if isinstance(data, str):
        whole = Template.pattern.fullmatch(data)
        name = (whole["named"] or whole["braced"]) if whole else None
        return known[name] if name is not None and name in known else Template(data).safe_substitute(known)
    if isinstance(data, Mapping):
        return {key: _filled(value, known) for key, value in data.items()}
    return [_filled(value, known) for value in data] if isinstance(data, list) else data


def run_activity(activity: Mapping[str, Any], values: Values) -> tuple[Any, str]:
    """Return the result of an activity, and why it has failed, "" if it has not. Raises `ActivityError`."""
    provider = activity["provider"]
    is_python = provider.get("type") == "python"  # the Chaos Toolkit fills its arguments itself
    filled = provider if is_python else values.fill(provider)
    result = run_provider(filled, activity.get("timeout"), values.configuration, values.secrets)
    if "tolerance" in activity:
        tolerance = values.fill(activity["tolerance"])

        def run_probe(probe: Mapping[str, Any], value: Any) -> Any:
            given = probe.get("provider") or {}
            with_value = {**given, "arguments": {**(given.get("arguments") or {}), "value": value}}
            return run_provider(with_value, activity.get("timeout"), values.configuration, values.secrets)

        try:
            is_met = is_within(tolerance, result, run_probe)
        except ToleranceError as error:
            raise ActivityError(str(error)) from error
        return result, "" if is_met else f"{shorten(result)} is not within {shorten(tolerance)}"
    return result, _failure(provider, result)


def _failure(provider: Mapping[str, Any], result: Any) -> str:
    if provider.get("type") == "http" and not 200 <= result["status"] < 300:
        return f"it was answered with {result['status']}"
    if provider.get("type") == "process" and result["status"] != 0:
        lines = (result["stderr"] or result["stdout"]).strip().splitlines()
        return f"it ended with exit code {result['status']}{': ' + lines[-1] if lines else ''}"
    return ""


def shorten(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= 120 else f"{text[:119]}…"


class _Run(threading.Thread):
    """Runs an activity aside, so that one that hangs cannot keep the program."""

    def __init__(self, activity: Mapping[str, Any], values: Values) -> None:
        super().__init__(daemon=True)
        self._activity, self._values = activity, values
        self.result: Any = None
        self.failure = ""

    def run(self) -> None:
        try:
            self.result, self.failure = run_activity(self._activity, self._values)
        except ActivityError as error:
            self.failure = str(error)
        except BaseException as error:  # noqa: BLE001 - a foreign function may raise anything, SystemExit too
            self.failure = f"{type(error).__name__}: {error}"


def main(arguments: list[str]) -> int:
    """Run the activity in the one argument and return the exit code."""
    try:
        (text,) = arguments
        activity = json.loads(text)
        timeout = None if activity.get("timeout") is None else float(activity["timeout"])
        values = Values.read(activity.get("configuration") or {}, activity.get("secrets") or {})
        is_python = activity["provider"]["type"] == "python"
    except (ValueError, TypeError, KeyError, AttributeError):
        sys.stderr.write("usage: python -m demo.chaos_toolkit.activity '{\"provider\": {…}}'\n")
        return 2
    except ActivityError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    running = _Run(activity, values)
    running.start()
    running.join(None if timeout is None else timeout if is_python else timeout + _END_SEC)
    if running.is_alive():
        sys.stderr.write(f"it did not end within {timeout:g} s\n")
        return 1
    if running.result is not None:
        printed = json.dumps(running.result, ensure_ascii=False, default=repr)
        sys.stdout.write(values.mask(printed)[:MAX_PRINTED] + "\n")
    if running.failure:
        sys.stderr.write(values.mask(running.failure) + "\n")
    return 1 if running.failure else 0


if __name__ == "__main__":
    sys.path.insert(0, os.getcwd())  # noqa: PTH109 - as `chaos run` does: functions beside the experiment
    code = main(sys.argv[1:])
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)  # threads of a function that hangs would keep the interpreter
