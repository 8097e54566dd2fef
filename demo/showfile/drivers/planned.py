"""Makes a driver from a plan alone, to heal what an earlier process has injected: its file may have changed since."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from demo.showfile.drivers.build import build_driver
from demo.showfile.drivers.context import DriverContext
from demo.showfile.drivers.fault_config import TYPES
from demo.showfile.drivers.json_fault import SharedDocuments
from demo.showfile.drivers.secrets import Secrets
from demo.showfile.schema.faults import FaultSettings
from demo.showfile.schema.front_matter import FrontMatter
from demo.types import FaultDriver, Plan

_ARGV = ["false"]
_COMMAND = {"run": _ARGV, "undo": _ARGV, "healed": "all up"}
_CONTAINERS = {kind.value: {"container": {"name": "-", "do": do}} for do, kind in TYPES.items()}

_SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "run": _COMMAND,
    "exec": _COMMAND,
    "http": _COMMAND,
    "json": {"json": {"url": "http://-", "path": "$", "value": None}},
    "process": {"process": {"name": "-", "do": "kill"}},
    "local_process_kill": {"process": {"port": 1, "do": "kill"}, "undo": _ARGV},
    "local_process_pause": {"process": {"port": 1, "do": "pause"}},
    "tcp": {"tcp": {"proxy": "-", "down": True}},
    "redis": {"redis": {"url": "redis://-", "do": "pause"}},
    "traffic": {"traffic": {"load": "-"}},
    **_CONTAINERS,
}
"""By the kind of a plan, settings of any fault of that kind: no driver heals by its settings, but by the plan."""


def driver_of_plan(name: str, plan: Plan, context: DriverContext) -> FaultDriver | None:
    """Return a driver that heals this plan of the fault `name`; None for a plan that no fault of a show file made.

    It only heals: nothing may be injected with it. `context`: of the show as its file is now.
    """
    settings = _SETTINGS.get(plan.kind)
    # A process that is not the show's has its undo in a map of its own.
    order = plan.undo.get("undo", plan.undo)
    if settings is None or "proof" not in order:
        return None
    fault = FaultSettings.model_validate({**settings, "title": plan.target})
    known = context.secrets
    # The plan's secrets may be gone from the file, and must not be in a message all the same.
    secrets = Secrets({**known.variables, **order.get("secrets", {})}, known.environ)
    return build_driver(name, fault, FrontMatter(), replace(context, secrets=secrets), SharedDocuments())
