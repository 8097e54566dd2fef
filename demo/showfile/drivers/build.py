"""Makes the fault driver of each fault of a show file."""

from demo.errors import InvalidValue
from demo.showfile.drivers.command_fault import CommandFault
from demo.showfile.drivers.container_fault import ContainersFault
from demo.showfile.drivers.context import DriverContext
from demo.showfile.drivers.json_fault import JsonFault, SharedDocuments
from demo.showfile.schema.faults import FaultSettings
from demo.showfile.schema.front_matter import FrontMatter
from demo.types import FaultDriver


def build_drivers(settings: FrontMatter, context: DriverContext) -> tuple[FaultDriver, ...]:
    """Return a driver for each fault, in the order of the file; changes nothing.

    Raises `InvalidValue` for one that cannot be made, and `ConditionError` for a condition that is none.
    """
    shared = SharedDocuments()
    return tuple(_build(name, fault, settings, context, shared) for name, fault in settings.faults.items())


def _build(
    name: str, fault: FaultSettings, settings: FrontMatter, context: DriverContext, shared: SharedDocuments
) -> FaultDriver:
    match fault.kind:
        case "run" | "exec" | "http":
            return CommandFault(name, fault, settings, context)
        case "container":
            return ContainersFault(name, fault, settings, context)
        case "json":
            return JsonFault(name, fault, settings, context, shared)
    raise InvalidValue(f"fault {name!r}: no driver for {fault.kind}")
