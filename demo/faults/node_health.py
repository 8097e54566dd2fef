"""What a health sample says of a fault's target."""

from collections.abc import Mapping, Sequence
from typing import Any


def is_shown_down(health: Mapping[str, Any], target: str) -> bool:
    """Return whether the target is down in the sample, or missing. Degraded is not down: it lacks another node."""
    matching_nodes = [node for node in health.get("nodes", ()) if node.get("id") == target]
    return not matching_nodes or matching_nodes[0].get("health") not in ("up", "degraded")


def are_shown_up(health: Mapping[str, Any], targets: Sequence[str]) -> bool | None:
    """Return whether all targets are up in the sample; None if it has none of them."""
    states = {node.get("id"): node.get("health") for node in health.get("nodes", ())}
    if not any(target in states for target in targets):
        return None
    return all(states.get(target) == "up" for target in targets)
