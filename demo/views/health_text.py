"""The state of the whole system as one mark and a few words."""

from demo.show import ShowState
from demo.views.cards import number_text


def health_summary(state: ShowState) -> tuple[str, str]:
    """Return the state of the system as one mark and a few words."""
    if state.sample is None:
        return "starting", "no health data yet"
    if state.freshness != "live":
        return "stale", f"health is {state.freshness}"
    bad = [node for node in state.sample.nodes if node.health != "up"]
    if bad:
        worst = next((node for node in bad if node.health == "down"), bad[0])
        more = f" and {len(bad) - 1} more" if len(bad) > 1 else ""
        return worst.health, f"{worst.name} is {worst.health}{more}"
    over = [counter for counter in state.sample.counters if (counter.ghosts or 0) > 0]
    if over:
        return "degraded", f"{over[0].key} lets {number_text(over[0].ghosts)} too many through"
    return "up", f"all {len(state.sample.nodes)} parts up"
