"""The undo of a fault by command or request, as plain data: all that a healer needs, in a process without the show."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from demo.clock import boot_id, uptime
from demo.showfile.drivers.proof import Proof
from demo.types import Plan


@dataclass(frozen=True)
class UndoOrder:
    """`mark`: of this injection's own processes. `planned_at`: an uptime in seconds, of the boot `boot`.

    `steps`: one map each, of `run`, `exec` or `http`, with their `${name}`s not yet filled: `values` are those from
    `before`, `secrets` the environment variables to read. `ends`: seconds after which the fault is over by itself.
    `engine`: the identity of the container engine whose ids the steps name; "" where they name none.
    `execution`: the injection, as a command that was prepared in its container.
    """

    mark: str
    steps: Sequence[Mapping[str, Any]] = ()
    values: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    cwd: str = ""
    engine: str = ""
    execution: str = ""
    ends: float | None = None
    heal_timeout: float = 30.0
    planned_at: float = field(default_factory=uptime)
    boot: str = field(default_factory=boot_id)
    proof: Proof = field(default_factory=Proof)

    def data(self) -> dict[str, Any]:
        """Return it as JSON data, for a plan."""
        return asdict(self) | {"proof": self.proof.data()}

    @classmethod
    def of(cls, plan: Plan) -> "UndoOrder":
        """Return the undo of a plan."""
        return cls.from_data(plan.undo)

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "UndoOrder":
        return cls(**{**data, "proof": Proof(**data["proof"])})

    @property
    def age_sec(self) -> float:
        """How long ago it was planned, at least: after a restart of the machine, how long ago that was."""
        return uptime() - self.planned_at if self.boot == boot_id() else uptime()
