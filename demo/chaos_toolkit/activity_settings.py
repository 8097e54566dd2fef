"""Writes one activity as settings of a show file: a probe, or the action of a step, a fault or an undo.

What the settings cannot say is run by `demo.chaos_toolkit.activity`, which gets the activity as it is.
"""

import json
import os
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from demo.chaos_toolkit.experiment import ABSENT, Activity
from demo.chaos_toolkit.providers import command_of, encode_arguments
from demo.chaos_toolkit.tolerance_condition import Kind, condition_of
from demo.chaos_toolkit.variables import Variables, escape, texts_in, unescape
from demo.errors import ExperimentError
from demo.showfile.quantities import describe_duration
from demo.showfile.schema.faults import HttpRequest

MODULE = "demo.chaos_toolkit.activity"
MAX_ARGUMENT = 10_000
MAX_ARGUMENTS = 200
HTTP_TIMEOUT_SEC, RUN_TIMEOUT_SEC = 2.0, 10.0
HTTP_INTERVAL_SEC, RUN_INTERVAL_SEC, PROGRAM_INTERVAL_SEC = 1.0, 2.0, 5.0

METHODS = get_args(HttpRequest.model_fields["method"].annotation)
_NEEDS_SHELL = re.compile(r"[^\w\s./:=,@%+-]|(?:^|\s)\w+=|\n")
_SHOW_NAME = re.compile(r"\$(?:\$\{[^{}]*\}|\{(\w+)\})")


@dataclass
class ActivityWriter:
    """Writes activities as settings. `secrets`: the variables that the settings use, which the show must declare."""

    variables: Variables
    secret_targets: Mapping[str, Any]
    configuration: Mapping[str, Any]
    notes: list[str]
    secrets: set[str] = field(default_factory=set)

    def probe(self, activity: Activity) -> dict[str, Any]:
        """Return the settings of a probe whose `up` is the tolerance. Raises `ExperimentError`."""
        self._check(activity)
        native = self._native_probe(activity)
        if native is None:
            native = {"run": self._program(activity), **_timing(activity, PROGRAM_INTERVAL_SEC, RUN_TIMEOUT_SEC)}
        if "run" in native:  # a show fills nothing into the command of a probe
            native["run"] = [unescape(part) for part in native["run"]]
        return {"title": activity.name, **native}

    def _native_probe(self, activity: Activity) -> dict[str, Any] | None:
        kind = activity.provider_type
        tolerance = activity.tolerance
        if kind == "python" or (tolerance is not ABSENT and self.variables.names_in([tolerance])):
            return None
        native_kind: Kind = "http" if kind == "http" else "process"
        condition = condition_of(native_kind, tolerance)
        if condition is None:
            return None
        up = {"up": condition} if condition else {}
        if kind == "process":
            argv = self._argv(activity)
            return None if argv is None else {"run": argv, **up, **_timing(activity, RUN_INTERVAL_SEC, RUN_TIMEOUT_SEC)}
        request = self._request(activity)
        if request is None or "body" in request or request["method"] not in ("GET", "POST", "HEAD"):
            return None
        parts: dict[str, Any] = {"http": request["url"]}
        if request["method"] != "GET":
            parts["method"] = request["method"]
        if "{" in _SHOW_NAME.sub("", request["url"]):
            return None  # in the address of a probe, braces mean several addresses
        parts |= {"headers": request["headers"]} if "headers" in request else {}
        return {**parts, **up, **_timing(activity, HTTP_INTERVAL_SEC, HTTP_TIMEOUT_SEC)}

    def action(self, activity: Activity) -> dict[str, Any]:
        """Return `{"run": argv}` or `{"http": request}`. Raises `ExperimentError`."""
        self._check(activity)
        if activity.tolerance is not ABSENT:
            return {"run": self._program(activity)}
        if activity.provider_type == "http":
            request = self._request(activity)
            if request is not None and request["method"] in METHODS:
                timeout = _timeout_of(activity)
                return {"http": request | ({"timeout": describe_duration(timeout)} if timeout else {})}
        elif activity.provider_type == "process" and _timeout_of(activity) is None:
            argv = self._argv(activity)
            if argv is not None:
                return {"run": argv}
        return {"run": self._program(activity)}

    def _check(self, activity: Activity) -> None:
        self.variables.check(dict(activity.provider), activity.place)
        if activity.tolerance is not ABSENT:
            self.variables.check([activity.tolerance], activity.place)

    def _argv(self, activity: Activity) -> list[str] | None:
        """Return the command of a process activity, None if it needs what only the show's environment has."""
        provider = activity.provider
        arguments = provider.get("arguments")
        path = os.path.expanduser(str(provider["path"]))  # noqa: PTH111 - it may be a name, which Path would not keep
        if self.variables.needs_run([path, arguments]):
            return None
        filled = self.variables.fill(arguments) if arguments else []
        if isinstance(filled, str) and not _NEEDS_SHELL.search(filled):
            filled = filled.split()
        argv = [str(part) for part in command_of(escape(path), filled)]
        fits = len(argv) <= MAX_ARGUMENTS and all(len(part) <= MAX_ARGUMENT for part in argv)
        return argv if fits else None

    def _request(self, activity: Activity) -> dict[str, Any] | None:
        provider = activity.provider
        if provider.get("verify_tls", True) is not True:
            return None
        if provider.get("max_retries"):
            self.notes.append(f"{activity.place}.provider.max_retries: nothing is tried again")
        method = str(provider.get("method") or "GET").upper()
        given = self.variables.fill(provider.get("headers") or {})
        if not isinstance(given, Mapping):
            raise ExperimentError(f"{activity.place}.provider.headers: it must be a mapping")
        headers = {name: str(value) for name, value in given.items()}
        arguments, url = provider.get("arguments"), str(self.variables.fill(provider["url"]))
        if arguments and self.variables.needs_run([arguments]):
            return None
        filled = self.variables.fill(arguments)
        body: Any = None
        if method != "GET" and isinstance(filled, Mapping | list) and headers.get("Content-Type") == "application/json":
            body = filled
        else:
            try:
                url, encoded = encode_arguments(method, url, headers, filled)
            except (TypeError, ValueError):
                return None
            body = None if encoded is None else encoded.decode()
        if not url.startswith(("http://", "https://")) or "\n" in url:
            return None
        self._declare([url, headers])
        request: dict[str, Any] = {"url": url, "method": method}
        request |= {"headers": headers} if headers else {}
        return request | ({"body": body} if body not in (None, "") else {})

    def _declare(self, data: Any) -> None:
        names = {found[1] for text in texts_in(data) for found in _SHOW_NAME.finditer(text) if found[1]}
        self.secrets |= names & self.variables.at_run.keys()

    def _program(self, activity: Activity) -> list[str]:
        """Return the command that runs an activity as it is written."""
        provider = dict(activity.provider)
        told: dict[str, Any] = {"provider": provider}
        if activity.tolerance is not ABSENT:
            told["tolerance"] = activity.tolerance
        if timeout := _timeout_of(activity):
            told["timeout"] = timeout
        used = self.variables.names_in([provider, told.get("tolerance")])
        is_python = activity.provider_type == "python"
        known = {**self.variables.static, **{name: _env(key) for name, key in self.variables.at_run.items()}}
        of_configuration = {
            name: known[name] for name in self.configuration if name in known and (is_python or name in used)
        }
        targets = provider.get("secrets") if isinstance(provider.get("secrets"), list) else []
        of_secrets = self._targets(set(map(str, targets or [])), used, known)
        told |= {"configuration": of_configuration} if of_configuration else {}
        told |= {"secrets": of_secrets} if of_secrets else {}
        text = escape(json.dumps(told, ensure_ascii=False))
        if len(text) > MAX_ARGUMENT:
            raise ExperimentError(
                f"{activity.place} is longer than {MAX_ARGUMENT} characters: no show file can hold it"
            )
        return [_python(), "-m", MODULE, text]

    def _targets(self, named: set[str], used: frozenset[str], known: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for target, given in self.secret_targets.items():
            has_parts = isinstance(given, Mapping) and given.get("type") != "env"
            parts = {
                name: known[name]
                for name in (given if has_parts else [target])
                if name in known and name in self.variables.at_run and (target in named or name in used)
            }
            found |= {target: parts} if parts else {}
        return found


def _env(key: str) -> dict[str, str]:
    return {"type": "env", "key": key}


def _python() -> str:
    """Return `python3` if that is the Python of this program, else its whole path."""
    found = shutil.which("python3")
    return "python3" if found and Path(found).parent == Path(sys.executable).parent else sys.executable


def _timeout_of(activity: Activity) -> float | None:
    """Return the smaller one of both timeouts of an activity, in seconds."""
    given = activity.provider.get("timeout")
    parts = given if isinstance(given, list) else [given]
    numbers = [float(part) for part in parts if isinstance(part, int | float) and not isinstance(part, bool)]
    own = [sum(numbers)] if numbers and sum(numbers) > 0 else []
    return min([*own, *([activity.timeout] if activity.timeout else [])], default=None)


def _timing(activity: Activity, interval: float, timeout: float) -> dict[str, str]:
    limit = min(_timeout_of(activity) or timeout, 60.0)
    return {"interval": describe_duration(interval), "timeout": describe_duration(max(limit, 0.001))}
