"""Makes the fault driver of each fault of a show file."""

from collections.abc import Callable, Mapping, Sequence

from demo.errors import InvalidValue
from demo.processes.owned.client import OwnedProcesses
from demo.showfile.drivers.command_fault import CommandFault
from demo.showfile.drivers.container_fault import ContainersFault
from demo.showfile.drivers.context import DriverContext
from demo.showfile.drivers.fault_config import config_of
from demo.showfile.drivers.json_fault import JsonFault, SharedDocuments
from demo.showfile.drivers.local_process_fault import ForeignProcessFault
from demo.showfile.drivers.observation import Observation
from demo.showfile.drivers.process_fault import ProcessesFault
from demo.showfile.drivers.proof import Proof
from demo.showfile.drivers.redis_fault import RedisPauseFault
from demo.showfile.drivers.tcp import TcpFault
from demo.showfile.drivers.traffic_fault import TrafficFault
from demo.showfile.schema.faults import FaultSettings
from demo.showfile.schema.front_matter import FrontMatter
from demo.types import FaultDriver, Plan


def build_drivers(
    settings: FrontMatter, context: DriverContext, shared: SharedDocuments | None = None
) -> tuple[FaultDriver, ...]:
    """Return a driver for each fault, in the order of the file; changes nothing.

    `shared`: what drivers of the same show know that were made before an edit.
    Raises `InvalidValue` for one that cannot be made, also for a condition that is none.
    """
    documents = SharedDocuments() if shared is None else shared
    return tuple(build_driver(name, fault, settings, context, documents) for name, fault in settings.faults.items())


def describe_targets(drivers: Sequence[FaultDriver]) -> dict[str, str]:
    """Return a few words for each fault whose target changes, for the health sample. Never blocks."""
    choosing = [driver for driver in drivers if isinstance(driver, ContainersFault | ProcessesFault)]
    described = {driver.config.name: driver.describe_target() for driver in choosing}
    return {name: words for name, words in described.items() if words}


def build_driver(
    name: str, fault: FaultSettings, settings: FrontMatter, context: DriverContext, shared: SharedDocuments
) -> FaultDriver:
    """Return the driver of one fault; changes nothing. Raises `InvalidValue` as `build_drivers` does."""
    if fault.kind == "json":
        return JsonFault(name, fault, settings, context, shared)
    return _BUILDERS[fault.kind](name, fault, settings, context)


def _build_process(name: str, fault: FaultSettings, settings: FrontMatter, context: DriverContext) -> FaultDriver:
    if fault.process is not None and (fault.process.port is not None or fault.process.pidfile is not None):
        return ForeignProcessFault(name, fault, settings, context)
    processes = context.processes or OwnedProcesses(settings.id or settings.title or "", ())
    return ProcessesFault(name, fault, settings, context, processes)


def _build_tcp(name: str, fault: FaultSettings, settings: FrontMatter, context: DriverContext) -> TcpFault:
    if fault.tcp is None:
        raise InvalidValue(f"fault {name!r}: there is no driver for {fault.kind}")
    observation = Observation.of(fault, context)
    variables = context.secrets.only((proof := Proof.by(fault.healed or "", settings)).names)

    def is_seen(health: Mapping[str, object], since: float) -> bool:
        return observation.is_seen(health)

    async def is_proved(plan: Plan) -> bool:
        stored = plan.undo["proof"]
        return await Proof(**stored["condition"]).holds(context, stored["secrets"])

    return TcpFault(
        config_of(name, fault),
        fault.tcp.as_toxic(),
        context.proxies,
        observable=observation.words("something is not up"),
        is_seen=is_seen,
        is_proved=is_proved,
        proof={"condition": proof.data(), "secrets": variables},
    )


_BUILDERS: Mapping[str, Callable[[str, FaultSettings, FrontMatter, DriverContext], FaultDriver]] = {
    "run": CommandFault,
    "exec": CommandFault,
    "http": CommandFault,
    "container": ContainersFault,
    "process": _build_process,
    "redis": RedisPauseFault,
    "traffic": TrafficFault,
    "tcp": _build_tcp,
}
