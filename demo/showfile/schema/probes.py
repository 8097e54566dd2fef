"""Probes: how each node of the system is checked, and what makes it up, degraded or down."""

from typing import Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from demo.showfile.schema.values import (
    Argv,
    Condition,
    Headers,
    ProcessName,
    Seconds,
    Settings,
    Switch,
    Text,
    TextOrList,
    Whole,
)

KINDS = ("http", "tcp", "exec", "run", "redis", "postgres", "prometheus", "docker", "process", "log")
INTERVAL_SEC = 0.5
TIMEOUT_SEC = 0.3


class ExecProbe(Settings):
    """A command in a container. `service`, or `container`, its whole name."""

    command: Argv
    service: Text | None = None
    container: Text | None = None


class LogProbe(Settings):
    """Lines that a process printed: how many a second match `match`."""

    process: ProcessName | None = None
    service: Text | None = None
    match: Text = "/./"


class ProbeSettings(Settings):
    """One probe. Exactly one of the kinds is given; it names what is asked."""

    http: TextOrList | None = None
    tcp: TextOrList | None = None
    run: Argv | None = None
    exec: ExecProbe | None = None
    redis: TextOrList | None = None
    postgres: TextOrList | None = None
    prometheus: Text | None = None
    docker: Text | None = None
    process: ProcessName | None = None
    log: LogProbe | None = None

    headers: Headers = Field(default_factory=dict)
    method: Literal["GET", "POST", "HEAD"] = "GET"
    query: Text | None = None
    write: Switch = False
    """postgres: also write a row, so that a server which only reads is degraded."""

    any: Switch = False
    each: Text | None = None
    id: Text | None = None
    expect_nodes: tuple[Text, ...] = ()
    gone: Literal["ok", "down"] = "down"

    interval: Seconds = INTERVAL_SEC
    timeout: Seconds = TIMEOUT_SEC
    retries: Whole = 1
    start_period: Seconds | None = None

    title: Text | None = None
    group: Text | None = None
    main: Text | None = None
    show: tuple[Text, ...] = ()
    up: Condition | None = None
    degraded: Condition | None = None
    down: Condition | None = None
    container: Text | None = None
    """Template over `${id}`: the container behind a node, for faults with `where`."""

    behind: ProcessName | None = Field(default=None, description="The process behind its nodes, for faults with where")
    """Template over `${id}`, too."""

    @model_validator(mode="after")
    def _check_kind(self) -> "ProbeSettings":
        given = self.kinds
        if len(given) != 1:
            raise PydanticCustomError(
                "kind",
                "a probe has exactly one of {kinds}{given}",
                {"kinds": ", ".join(KINDS), "given": f"; this one has {' and '.join(given)}" if given else ""},
            )
        return self

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that are given."""
        return tuple(kind for kind in KINDS if getattr(self, kind) is not None)

    @property
    def kind(self) -> str:
        return self.kinds[0]

    @property
    def addresses(self) -> tuple[str, ...]:
        """Return what is asked, as it is written; empty for commands."""
        given = getattr(self, self.kind)
        if self.kind in ("run", "exec", "log"):
            return ()
        return (given,) if isinstance(given, str) else given

    @property
    def has_rows(self) -> bool:
        """Return whether one answer tells of many nodes: by `each`, or a query's rows by the column or label `id`."""
        return self.each is not None or (self.id is not None and self.query is not None)

    @property
    def node_id(self) -> str | None:
        """The node that a probe of one node tells of, if it is not named as the probe is."""
        return None if self.has_rows else self.id
