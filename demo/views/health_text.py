"""The state of the whole system as one mark and a few words."""

from demo.show import ShowState
from demo.show.health_sample import Sample
from demo.texts import translate
from demo.views.cards import name_health, number_text


def has_system(state: ShowState) -> bool:
    """Return whether the show has anything to watch or to break."""
    sample = state.sample
    return bool(state.faults) or (sample is not None and bool(sample.nodes or sample.counters))


def health_summary(state: ShowState) -> tuple[str, str]:
    """Return the state of the system as one mark and a few words."""
    if state.sample is None:
        return "starting", translate("no health data yet")
    if state.freshness != "live":
        return "stale", translate("health is %(state)s", state=name_health(state.freshness))
    bad = [node for node in state.sample.nodes if node.health != "up"]
    if bad:
        worst = next((node for node in bad if node.health == "down"), bad[0])
        values = {"name": worst.name, "state": name_health(worst.health), "more": len(bad) - 1}
        if len(bad) > 1:
            return worst.health, translate("%(name)s is %(state)s, %(more)s more not up", **values)
        return worst.health, translate("%(name)s is %(state)s", **values)
    over = [counter for counter in state.sample.counters if (counter.ghosts or 0) > 0]
    if over:
        number = number_text(over[0].ghosts)
        return "degraded", translate("%(key)s: %(number)s over its limit", key=over[0].key, number=number)
    return "up", _describe_all_up(state.sample)


def _describe_all_up(sample: Sample) -> str:
    if len(sample.nodes) == 1:
        return translate("%(name)s is %(state)s", name=sample.nodes[0].name, state=name_health("up"))
    return translate("all %(num)s parts up", num=len(sample.nodes))
