"""What the processes of a show are, and what is known of each: plain data that server and supervisor exchange."""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

READY_TIMEOUT_SEC = 30.0
STOP_TIMEOUT_SEC = 5.0

Phase = Literal["new", "starting", "up", "ended"]


@dataclass(frozen=True)
class ProcessSpec:
    """How one process is started and ended. `cwd` is an absolute path; `env` is added to what it inherits.

    `user`: whom to run as, for a supervisor that runs as root. Timeouts are in seconds.
    """

    name: str
    argv: tuple[str, ...]
    cwd: str
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Not in messages: it may hold secrets."""

    port: int | None = None
    user: str | None = None
    ready_timeout_sec: float = READY_TIMEOUT_SEC
    stop_timeout_sec: float = STOP_TIMEOUT_SEC
    terminal: tuple[int, int] | None = None
    """Rows and columns of a terminal that it prints to, and that nobody types at; None for a pipe."""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "ProcessSpec":
        terminal = data.get("terminal")
        size = None if terminal is None else (int(terminal[0]), int(terminal[1]))
        return cls(**{**data, "argv": tuple(data["argv"]), "terminal": size})

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Limits:
    """How long the supervisor waits for what, in seconds.

    `linger`: for the next server, once the last client has gone. `alive`: until a process without a port counts as
    ready. `hang`: for a process that lives to answer, before a heal replaces it. `port`: for a port that its process
    has just left.
    """

    linger: float = 600.0
    alive: float = 0.3
    hang: float = 1.0
    port: float = 1.0

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Limits":
        return cls(**data)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class ProcessState:
    """What the supervisor knows of one process.

    `born`: its start time in clock ticks since boot, which identifies it together with the pid. `exit_code`: negative
    for a signal, None while it runs. `trouble`: a few words for its card, without addresses or paths. `reason`: why it
    does not run, with its last line of output, for the presenter. `starts`: how often it has been started.
    """

    name: str
    phase: Phase = "new"
    pid: int | None = None
    born: int | None = None
    suspended: bool = False
    exit_code: int | None = None
    trouble: str = ""
    reason: str = ""
    starts: int = 0

    @property
    def alive(self) -> bool:
        return self.phase in ("starting", "up")

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "ProcessState":
        return cls(**data)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class OutputLines:
    """Lines that a process printed, with their ANSI sequences. `end`: how many it has printed in all its runs."""

    lines: tuple[str, ...]
    end: int

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "OutputLines":
        return cls(tuple(data["lines"]), int(data["end"]))


@dataclass(frozen=True)
class RawOutput:
    """What a process printed, as it came. Places are counted in bytes from its first run on.

    `data` ends at `end`; it begins later than was asked for where output is not kept any more, or is too much.
    `run_began`: where the newest run begins. `newlines`: how many it has printed in all its runs.
    """

    data: bytes
    end: int
    run_began: int
    newlines: int

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "RawOutput":
        return cls(b64decode(data["data"]), int(data["end"]), int(data["run_began"]), int(data["newlines"]))

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "data": b64encode(self.data).decode("ascii")}
