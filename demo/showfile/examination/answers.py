"""Whether the system of a show file answers: each probe is asked once, and each fault looks for its target."""

from collections.abc import Sequence
from functools import partial

from demo.conditions import NodeFact
from demo.errors import FaultError
from demo.findings import Finding, maybe, no, ok, together
from demo.showfile.running import RunningSystem
from demo.showfile.schema.front_matter import FrontMatter
from demo.types import FaultDriver

INSPECTED = ("container", "process", "redis", "json")
"""The kinds of fault whose plan only looks at the target. A command of the file may do anything, and is not run."""


async def check_answers(settings: FrontMatter, system: RunningSystem) -> Sequence[Finding]:
    """Return a finding for each probe and each fault of a system that is there without the show."""
    if starts_anything(settings):
        if not (settings.probes or settings.faults):
            return ()
        remedy = "demo rehearse plays the show and tries them all"
        return (maybe("probes, faults", "not tried: the show itself starts what they ask and break", remedy),)
    drivers = {driver.config.name: driver for driver in system.drivers}
    planned = {
        f"fault {name}": _check_target(name, drivers[name])
        for name, fault in settings.faults.items()
        if name in drivers and fault.kind in INSPECTED and not _chooses_by_condition(settings, name)
    }
    return (*await together({"probes": _check_probes(settings, system)}), *await together(planned))


def starts_anything(settings: FrontMatter) -> bool:
    """Return whether the show starts something that its probes may ask."""
    has_compose = settings.system is not None and settings.system.compose is not None
    return bool(settings.processes or settings.proxies or settings.subject or has_compose)


def _chooses_by_condition(settings: FrontMatter, name: str) -> bool:
    """Return whether the target is chosen by what probes say at the moment of the fault."""
    fault = settings.faults[name]
    return bool((fault.container and fault.container.where) or (fault.process and fault.process.where))


async def _check_probes(settings: FrontMatter, system: RunningSystem) -> Sequence[Finding]:
    facts = await system.ask_once()
    return [finding for name in settings.probes for finding in map(partial(_judge, name), facts.nodes(name) or ())]


def _judge(probe: str, node: NodeFact) -> Finding:
    what = f"probe {probe}" if node.id == probe else f"probe {probe}, {node.id}"
    if node.state == "up":
        return ok(what, "answers: up")
    return no(
        what, f"answers: {node.state}", "start that part of the system, or correct the probe's address in the file"
    )


async def _check_target(name: str, driver: FaultDriver) -> Finding:
    try:
        plan = await driver.plan()
    except FaultError as error:
        return no(f"fault {name}", str(error), "start its target, or correct its name in the file")
    return ok(f"fault {name}", f"finds its target: {plan.target}")
