"""What all fault drivers of one show share."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from demo.conditions import Facts
from demo.container_engine import Container, Engine
from demo.processes.owned.client import OwnedProcesses
from demo.proxy.launch import ShowProxies
from demo.showfile.drivers.protocols import FreshFacts, Loads
from demo.showfile.drivers.secrets import Secrets


def _owns_nothing(_: Container) -> bool:
    return False


@dataclass(frozen=True)
class DriverContext:
    """`board`: the newest answers of all probes; None in a healer, which has no show.

    `ask_probes` asks given probes anew. `folder`: where commands run. `project` completes the name of a container's
    service; `owns` tells a container that this show brought up. `processes` and `proxies` are the show's own; faults in
    them need these.
    """

    ask_probes: FreshFacts
    board: Facts | None = None
    folder: Path | None = None
    engine: Engine = field(default_factory=Engine)
    project: str = ""
    owns: Callable[[Container], bool] = _owns_nothing
    allow_unlabelled: bool = False
    secrets: Secrets = field(default_factory=Secrets)
    loads: Loads | None = None
    processes: OwnedProcesses | None = None
    proxies: ShowProxies | None = None

    @property
    def cwd(self) -> str:
        return str((self.folder or Path.cwd()).resolve())
