"""What becomes visible of a fault: its condition `seen`, by the newest answers of the show's probes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from demo.conditions import Condition, Facts, parse
from demo.faults.node_health import are_shown_up
from demo.show.health_sample import LOAD
from demo.showfile.drivers.context import DriverContext
from demo.showfile.schema.faults import FaultSettings


@dataclass(frozen=True)
class Observation:
    """`condition` holds while the fault is visible; with `negated`, while the condition is broken.

    `healed` is the condition that proves it healed, if the file has one. Without a condition any node that is not up
    counts; not the card of a load, which looks back over seconds.
    """

    board: Facts | None
    condition: Condition | None = None
    negated: bool = False
    healed: Condition | None = None

    @classmethod
    def of(cls, fault: FaultSettings, context: DriverContext) -> "Observation":
        """Return the observation of a fault: `seen`, or that `healed` does not hold. Raises `ConditionError`."""
        healed = parse(fault.healed) if fault.healed else None
        if fault.seen:
            return cls(context.board, parse(fault.seen), healed=healed)
        return cls(context.board, healed, negated=healed is not None, healed=healed)

    def words(self, otherwise: str) -> str:
        """Return what is expected to become visible, in words."""
        if self.condition is None:
            return otherwise
        return f"not: {self.condition.text}" if self.negated else self.condition.text

    def is_seen(self, health: Mapping[str, Any]) -> bool:
        """Return whether the fault is visible for certain. The health sample is used only without a condition."""
        if self.condition is None:
            nodes = (node for node in health.get("nodes", ()) if node.get("kind") != LOAD)
            return any(node.get("health") not in ("up", "degraded") for node in nodes)
        if self.board is None:
            return False
        truth = self.condition.truth(self.board)
        return truth is not None and truth is not self.negated

    def is_recovered(self, health: Mapping[str, Any], nodes: Sequence[str] = ()) -> bool | None:
        """Return whether what the fault has hit is healthy: `healed` holds, and these nodes are up; None if unknown."""
        own = are_shown_up(health, nodes)
        if self.healed is None or self.board is None:
            return own
        return own is not False and self.healed.truth(self.board) is True
