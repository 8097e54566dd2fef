"""Faults: what is broken, for how long, how it is undone, and what proves that it is healed."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from demo.proxy.toxic import Toxic
from demo.showfile.schema.values import (
    Argv,
    Bandwidth,
    Condition,
    LoadName,
    ProcessName,
    ProxyName,
    Seconds,
    SecondsOrNow,
    SecondsOrZero,
    Settings,
    Share,
    Size,
    Switch,
    Text,
    Whole,
    by_shape,
)
from demo.showfile.yaml_reader import typed

KINDS = ("container", "process", "tcp", "redis", "traffic", "run", "exec", "http", "json")
COMMANDS = ("run", "exec", "http", "json")
"""The kinds that can do anything: only the deck knows how they are undone."""

JsonData = Annotated[Any, BeforeValidator(typed)]
"""Any JSON: what is written without quotes is a number, true, false or null where it looks like one."""

DURATION_SEC = 10.0
DEFAULT_HEAL_TIMEOUT_SEC = 30.0


class ContainerTarget(Settings):
    service: Text | None = None
    name: Text | None = None
    group: Text | None = None
    where: Condition | None = None
    pick: Literal["one", "all", "random"] = "one"
    do: Literal["kill", "stop", "pause", "disconnect"]


class ProcessTarget(Settings):
    name: ProcessName | None = None
    port: Whole | None = None
    pidfile: Text | None = None
    where: Condition | None = None
    pick: Literal["one", "all", "random"] = "one"
    do: Literal["kill", "pause"]

    @model_validator(mode="after")
    def _check_target(self) -> "ProcessTarget":
        given = [key for key in ("name", "port", "pidfile", "where") if getattr(self, key) is not None]
        if len(given) != 1:
            raise PydanticCustomError("target", "name the process by exactly one of name, port, pidfile and where", {})
        return self


class TcpToxics(Settings):
    """Faults of a connection, by Toxiproxy's names; durations, sizes and rates carry their unit.

    `timeout: 0` never closes the connection, `reset_peer: now` resets it at once.
    """

    proxy: ProxyName
    latency: Seconds | None = None
    jitter: Seconds | None = None
    bandwidth: Bandwidth | None = None
    timeout: SecondsOrZero | None = None
    reset_peer: SecondsOrNow | None = None
    slow_close: Seconds | None = None
    limit_data: Size | None = None
    down: Switch = False
    stream: Literal["upstream", "downstream", "both"] = "downstream"
    toxicity: Share = 1.0

    def as_toxic(self) -> Toxic:
        """Return what the proxy is told. Raises `InvalidValue` for effects that cannot go together."""
        return Toxic(**dict(self))


class RedisTarget(Settings):
    url: Text
    do: Literal["pause"]


class TrafficTarget(Settings):
    load: LoadName
    times: Whole = 2
    concurrency: Whole | None = None


class ExecCommand(Settings):
    command: Argv
    service: Text | None = None
    container: Text | None = None


class HttpRequest(Settings):
    url: Text
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    headers: Mapping[str, Text] = Field(default_factory=dict)
    body: JsonData = None
    """Text is sent as it is, anything else as JSON."""
    timeout: Seconds = 5.0


class JsonValue(Settings):
    """One value in a shared JSON document over HTTP: read first, written, and put back by the undo."""

    url: Text
    path: Text
    value: JsonData
    method: Literal["PUT", "POST", "PATCH"] = "PUT"
    headers: Mapping[str, Text] = Field(default_factory=dict)


class ActionStep(Settings):
    """One step of an undo, where it is not a plain command."""

    run: Argv | None = None
    exec: ExecCommand | None = None
    http: HttpRequest | None = None

    @model_validator(mode="after")
    def _check_verb(self) -> "ActionStep":
        if sum(given is not None for given in (self.run, self.exec, self.http)) != 1:
            raise PydanticCustomError("verb", "a step of an undo is exactly one of run, exec and http", {})
        return self


def _undo_shape(value: object) -> str:
    if isinstance(value, list | tuple) and any(by_shape(item) != "<text>" for item in value):
        return "<steps>"
    return "<command>"


UndoStep = Annotated[
    Annotated[Argv, Tag("<list>")] | Annotated[ActionStep, Tag("<mapping>")],
    Discriminator(lambda value: "<mapping>" if by_shape(value) == "<mapping>" else "<list>"),
]
Undo = Annotated[
    Annotated[Argv, Tag("<command>")] | Annotated[tuple[UndoStep, ...], Tag("<steps>")],
    Discriminator(_undo_shape),
]
"""A list of texts is one command; a list of lists or mappings is steps, all of which are tried."""


class FaultSettings(Settings):
    """One fault. Exactly one of the kinds is given."""

    container: ContainerTarget | None = None
    process: ProcessTarget | None = None
    tcp: TcpToxics | None = None
    redis: RedisTarget | None = None
    traffic: TrafficTarget | None = None
    run: Argv | None = None
    exec: ExecCommand | None = None
    http: HttpRequest | None = None
    json_: JsonValue | None = Field(default=None, alias="json")

    title: Text | None = None
    duration: Seconds | None = DURATION_SEC
    """None (`~`, or left empty): until it is healed."""
    ends: Seconds | None = None
    before: Mapping[str, Argv] = Field(default_factory=dict)
    undo: Undo | None = None
    seen: Condition | None = None
    healed: Condition | None = None
    heal_timeout: Seconds = DEFAULT_HEAL_TIMEOUT_SEC

    @model_validator(mode="after")
    def _check_parts(self) -> "FaultSettings":
        given = self.kinds
        if len(given) != 1:
            raise PydanticCustomError(
                "kind",
                "a fault has exactly one of {kinds}{given}",
                {"kinds": ", ".join(KINDS), "given": f"; this one has {' and '.join(given)}" if given else ""},
            )
        if given[0] not in COMMANDS or self.ends is not None or given[0] == "json":
            return self
        missing = [key for key in ("undo", "healed") if getattr(self, key) is None]
        if missing:
            raise PydanticCustomError(
                "undo",
                "a fault by {kind} needs {missing}: nobody but this file knows how it is undone, and what proves it",
                {"kind": given[0], "missing": " and ".join(missing)},
            )
        return self

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that are given."""
        return tuple(kind for kind in KINDS if self._given(kind) is not None)

    def _given(self, kind: str) -> object:
        return getattr(self, "json_" if kind == "json" else kind)

    @property
    def kind(self) -> str:
        return self.kinds[0]
