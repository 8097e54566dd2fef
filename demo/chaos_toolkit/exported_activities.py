"""Writes parts of a show as activities of the Chaos Toolkit: probes, steps, faults and their undos.

Each function returns None for what the Chaos Toolkit has no words for; the caller lists it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from demo.errors import InvalidValue
from demo.showfile.probing.addresses import expand
from demo.showfile.schema.faults import ActionStep, ExecCommand, FaultSettings, HttpRequest
from demo.showfile.schema.probes import ProbeSettings

Data = dict[str, Any]

_VARIABLE = re.compile(r"\$(\$)?\{([^{}]*)\}")
_EQUALS = re.compile(r"(?:status|exit|\[STATUS\]) == (\d+)")
_ONE_OF = re.compile(r"(?:status|exit) in \((\d+(?:, *\d+)*)\)")
_MATCHES = re.compile(r"(?:text|output|body) matches /((?:[^/\\]|\\.)+)/")


@dataclass(frozen=True)
class TextWriter:
    """Writes texts in which a show fills `${name}`. `fills`: whether the experiment has variables at all."""

    fills: bool

    def __call__(self, text: str) -> str:
        parts, at = [], 0
        for found in _VARIABLE.finditer(text):
            parts.append(self._literal(text[at : found.start()]))
            at = found.end()
            whole = found[0][1:] if found[1] else None
            parts.append(f"${{{variable(found[2].strip())}}}" if whole is None else self._literal(whole))
        return "".join([*parts, self._literal(text[at:])])

    def _literal(self, text: str) -> str:
        return text.replace("$", "$$") if self.fills else text

    def data(self, data: Any) -> Any:
        if isinstance(data, str):
            return self(data)
        if isinstance(data, Mapping):
            return {self(key): self.data(value) for key, value in data.items()}
        return [self.data(value) for value in data] if isinstance(data, list | tuple) else data


def variable(name: str) -> str:
    """Return a name as the Chaos Toolkit can fill it: letters, digits and `_`."""
    return re.sub(r"\W", "_", name)


def as_process(argv: Sequence[str], write: TextWriter) -> Data:
    return {"type": "process", "path": write(argv[0]), "arguments": [write(part) for part in argv[1:]]}


def as_request(request: HttpRequest, write: TextWriter) -> Data:
    """Return the provider of a request; a body that is not text is JSON."""
    headers = {name: write(value) for name, value in request.headers.items()}
    provider: Data = {
        "type": "http",
        "url": write(request.url),
        "method": request.method,
        "timeout": request.timeout,
    }
    if request.body is not None:
        provider["arguments"] = write.data(request.body)
        if not isinstance(request.body, str):
            headers = {name: value for name, value in headers.items() if name.lower() != "content-type"}
            headers["Content-Type"] = "application/json"
    return provider | ({"headers": headers} if headers else {})


def as_exec(command: ExecCommand, write: TextWriter) -> Data | None:
    """Return the provider of a command in a container; None where only the show knows which container it is."""
    if command.container is None:
        return None
    return as_process(["docker", "exec", command.container, *command.command], write)


def step_provider(
    run: Sequence[str] | None, execute: ExecCommand | None, request: HttpRequest | None, write: TextWriter
) -> Data | None:
    if run is not None:
        return as_process(run, write)
    if request is not None:
        return as_request(request, write)
    return None if execute is None else as_exec(execute, write)


def fault_provider(fault: FaultSettings, write: TextWriter) -> Data | None:
    """Return what injects a fault."""
    if fault.container is not None and fault.container.name is not None:
        words = {"kill": "kill", "stop": "stop", "pause": "pause"}
        verb = words.get(fault.container.do)
        return None if verb is None else as_process(["docker", verb, fault.container.name], write)
    if fault.process is not None and fault.process.pidfile is not None:
        number = "KILL" if fault.process.do == "kill" else "STOP"
        return as_process(["pkill", f"-{number}", "-F", fault.process.pidfile], write)
    return step_provider(fault.run, fault.exec, fault.http, write)


def undo_providers(fault: FaultSettings, write: TextWriter) -> list[Data | None]:
    """Return what undoes a fault, a provider for each step."""
    if fault.undo is None:
        if fault.container is not None and fault.container.name is not None:
            verb = "unpause" if fault.container.do == "pause" else "start"
            return [as_process(["docker", verb, fault.container.name], write)]
        if fault.process is not None and fault.process.pidfile is not None and fault.process.do == "pause":
            return [as_process(["pkill", "-CONT", "-F", fault.process.pidfile], write)]
        return [None]
    plain = [part for part in fault.undo if isinstance(part, str)]
    steps: Sequence[Any] = [plain] if plain else fault.undo
    return [_undo_step(step, fault, write) for step in steps]


def _undo_step(step: Any, fault: FaultSettings, write: TextWriter) -> Data | None:
    if isinstance(step, ActionStep):
        return step_provider(step.run, step.exec, step.http, write)
    if fault.exec is not None:  # an undo of it runs in the same container
        return as_exec(fault.exec.model_copy(update={"command": tuple(step)}), write)
    return as_process(step, write)


def probe_activity(name: str, probe: ProbeSettings, write: TextWriter) -> Data | None:
    """Return a probe with its tolerance; None for a kind, or a condition, that has no equal."""
    if probe.each is not None or probe.degraded is not None or probe.down is not None:
        return None
    provider: Data
    if probe.kind == "run" and probe.run is not None:
        provider = {"type": "process", "path": probe.run[0], "arguments": list(probe.run[1:])}
        if write.fills:  # a show fills nothing into the command of a probe
            provider = {key: write.data(value) for key, value in provider.items()}
    elif probe.kind == "http" and (url := _only_address(probe)) is not None:
        headers = {key: write(value) for key, value in probe.headers.items()}
        provider = {"type": "http", "url": write(url)} | ({"headers": headers} if headers else {})
        provider |= {"method": probe.method} if probe.method != "GET" else {}
    else:
        return None
    tolerance = _tolerance(probe)
    if tolerance is None:
        return None
    provider["timeout"] = probe.timeout
    return {"type": "probe", "name": name, "provider": provider, "tolerance": tolerance}


def _only_address(probe: ProbeSettings) -> str | None:
    try:
        found = [address for text in probe.addresses for address in expand(text)]
    except InvalidValue:
        return None
    return found[0].text if len(found) == 1 else None


def _tolerance(probe: ProbeSettings) -> Any:
    if probe.up is None:
        return 0 if probe.kind == "run" else {"type": "range", "target": "status", "range": [200, 299]}
    if found := _EQUALS.fullmatch(probe.up.strip()):
        return int(found[1])
    if found := _ONE_OF.fullmatch(probe.up.strip()):
        return [int(number) for number in found[1].split(",")]
    if found := _MATCHES.fullmatch(probe.up.strip()):
        return {
            "type": "regex",
            "target": "body" if probe.kind == "http" else "stdout",
            "pattern": found[1].replace("\\/", "/"),
        }
    return None
